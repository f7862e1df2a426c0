"""Leukaemia outside marrow and blood: when it was shown, and by what (ruling 10)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cds_service.dates import DateRange
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, PatientFacts, Verification


@dataclass(frozen=True, slots=True)
class Extramedullary:
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
        amount = result.amount
        if (
            result.when is not None
            and amount is not None
            and amount.value > Decimal(0)
            and amount.comparator in (None, ">", ">=")
        ):
            yield Extramedullary(result.when, result, objective=True)
    for report in facts.results_in("extramedullary_leukemia"):
        if report.when is not None:
            yield Extramedullary(report.when, report, objective=True)


def persists(shown: Sequence[Extramedullary], courses: Sequence[DateRange]) -> tuple[bool | None, tuple[Fact, ...]]:
    """Whether it was shown before and again after a course; None where a diagnosis was never closed, or nothing tells."""
    for course in courses:
        before = [one for one in shown if one.when.surely_before(course)]
        again = [one for one in shown if course.surely_before(one.when) and one.goes_on and one.fact not in _facts(before)]
        if before and again:
            return True, (*_facts(before), *_facts(again))
    return None, _facts(shown)


def _facts(shown: Sequence[Extramedullary]) -> tuple[Fact, ...]:
    return tuple(one.fact for one in shown)
