"""Leukaemia outside marrow and blood: when it was shown, and by what (ruling 10)."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from cds_service.dates import DateRange
from cds_service.facts.certainty import Finding, Unclear
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, PatientFacts, Result, Verification
from cds_service.value import Value


class Extramedullary(Value, frozen=True):
    """Extramedullary disease, shown at a time. `objective`: by biopsy, spinal fluid or imaging, not by a diagnosis alone."""

    when: DateRange
    fact: Fact
    objective: bool

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended as far as the record tells."""
        return not isinstance(self.fact, Diagnosis) or not (
            self.fact.is_resolved() or self.fact.status is ClinicalStatus.REMISSION
        )


def extramedullary_disease(facts: PatientFacts) -> tuple[Extramedullary, ...]:
    """Each showing, oldest first."""
    shown = (one for one in (*_diagnosed(facts), *_found(facts)) if one.when.first <= facts.as_of)
    return tuple(sorted(shown, key=lambda one: one.when.first))


def _diagnosed(facts: PatientFacts) -> Iterator[Extramedullary]:
    for diagnosis in facts.diagnoses_in("extramedullary_leukemia"):
        if diagnosis.verification is Verification.CONFIRMED and diagnosis.known_since is not None:
            yield Extramedullary(diagnosis.onset or diagnosis.known_since, diagnosis, objective=False)


def _found(facts: PatientFacts) -> Iterator[Extramedullary]:
    for result in facts.results_in("csf_blasts"):
        if result.when is not None and _has_blasts(result):
            yield Extramedullary(result.when, result, objective=True)
    for report in facts.results_in("extramedullary_leukemia"):
        if report.when is not None:
            yield Extramedullary(report.when, report, objective=True)


def _has_blasts(result: Result) -> bool:
    amount = result.amount
    return amount is not None and amount.value > Decimal(0) and amount.comparator in (None, ">", ">=")


def undated_extramedullary_disease(facts: PatientFacts) -> tuple[Fact, ...]:
    """What shows it, on a day that nobody wrote down."""
    undated = [one for one in facts.results_in("extramedullary_leukemia") if one.when is None]
    return (*undated, *(one for one in facts.results_in("csf_blasts") if one.when is None and _has_blasts(one)))


def persists(facts: PatientFacts, courses: Sequence[tuple[DateRange, date]]) -> Finding:
    """Whether it was shown before and again after a course; open where a diagnosis was never closed, or nothing tells.

    `courses`: the start of each, and the day from which on something counts as shown after it.
    """
    shown = extramedullary_disease(facts)
    for course, after in courses:
        before = [one for one in shown if one.when.surely_before(course)]
        again = [one for one in shown if one.when.first >= after and one.goes_on and one.fact not in _facts(before)]
        if before and again:
            return Finding(True, (*_facts(before), *_facts(again)), confirm=True)
    if shown and not any(one.goes_on and not _cleared(one, facts) for one in shown):
        return Finding(False, _facts(shown), confirm=True)
    return Finding(None, _facts(shown), unclear=(Unclear.NEVER_CLOSED if shown else Unclear.NONE_SHOWN,))


def _cleared(shown: Extramedullary, facts: PatientFacts) -> bool:
    """Whether a later sample of the spinal fluid had no blasts."""
    if not shown.fact.is_in("csf_blasts"):
        return False
    later = [
        result for result in facts.results_in("csf_blasts") if result.when is not None and shown.when.surely_before(result.when)
    ]
    return any(result.amount is not None and result.amount.value == 0 for result in later)


def _facts(shown: Sequence[Extramedullary]) -> tuple[Fact, ...]:
    return tuple(one.fact for one in shown)
