"""condition, procedure, therapy: is it on record, in this state, within this span?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cds_service.assumptions import Length
from cds_service.criteria.predicates.silence import Authority, silence
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import LongAgo, Recorded, TimeUnclear, Unconfirmed
from cds_service.criteria.verdict import Answer, Evidence, Verdict, any_of, met, not_met, unknown
from cds_service.dates import DateRange
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, Kind, Procedure, Route, Therapy, Verification

_GOES_ON = (ClinicalStatus.ACTIVE, ClinicalStatus.RECURRENCE, ClinicalStatus.RELAPSE)

STATUSES: dict[str, Callable[[Diagnosis], bool]] = {
    "recorded": lambda diagnosis: True,
    "active": lambda diagnosis: diagnosis.abated is None and diagnosis.status in (None, *_GOES_ON),
    "unresolved": lambda diagnosis: not diagnosis.is_resolved(),
    "resolved": Diagnosis.is_resolved,
}
"""What may be asked of a diagnosis. One without a clinical status that never ended counts as going on."""


@dataclass(frozen=True)
class OnRecord(Word):
    """What condition, procedure and therapy share: facts of some value sets, and what silence says."""

    names: tuple[str, ...]
    within: str | None = None
    authority: Authority | None = None

    def value_sets(self) -> Iterator[str]:
        yield from self.names

    def _conclude(self, case: Case, kind: Kind, found: Sequence[Verdict]) -> Verdict:
        """One that surely is decides; else one that may be leaves it open; else silence about the rest."""
        if any(verdict.answer is Answer.MET for verdict in found):
            return any_of(found)
        quiet = silence(case, kind, self.names, self.authority)
        return any_of((*found, quiet)) if found else quiet

    def _in_time(self, fact: Fact, when: DateRange | None, case: Case, *, confirm: bool) -> Verdict:
        evidence = [Evidence(fact)]
        if self.within is None:
            return met(Recorded(fact), evidence=evidence, confirm=confirm)
        span = case.assumptions.spans[self.within]
        match _within(when, span, case):
            case True:
                return met(Recorded(fact), evidence=evidence, confirm=confirm)
            case False:
                return not_met(LongAgo(fact), evidence=evidence, confirm=confirm)
        return unknown(TimeUnclear(fact, span), evidence=evidence)

    def _by_text(self, fact: Fact) -> bool:
        return not fact.recognition.by_code & set(self.names)


def _within(when: DateRange | None, span: Length, case: Case) -> bool | None:
    """Whether a day lies within a span before today: for all days possible, for none, or neither."""
    if when is None:
        return None
    earliest = span.before(case.facts.as_of)
    if when.first >= earliest:
        return when.first <= case.facts.as_of
    return False if when.last < earliest else None


@dataclass(frozen=True)
class Condition(OnRecord):
    """A diagnosis on record. A provisional one, or one whose code and text disagree, leaves the question open."""

    status: str = "recorded"

    def evaluate(self, case: Case) -> Verdict:
        found = [fact for fact in case.facts.diagnoses if self._is_named(fact)]
        verdicts = [self._judge(diagnosis, case) for diagnosis in found if STATUSES[self.status](diagnosis)]
        return self._conclude(case, Kind.DIAGNOSIS, verdicts)

    def _is_named(self, diagnosis: Diagnosis) -> bool:
        """Be it in doubt."""
        return any(diagnosis.is_in(name) or name in diagnosis.recognition.doubted for name in self.names)

    def _judge(self, diagnosis: Diagnosis, case: Case) -> Verdict:
        disputed = bool(diagnosis.recognition.disputed & set(self.names)) and self._by_text(diagnosis)
        doubted = not any(diagnosis.is_in(name) for name in self.names)
        if diagnosis.verification is Verification.UNCONFIRMED or disputed or doubted:
            return unknown(Unconfirmed(diagnosis), evidence=[Evidence(diagnosis)])
        return self._in_time(diagnosis, diagnosis.when, case, confirm=self._by_text(diagnosis))


@dataclass(frozen=True)
class ProcedureDone(OnRecord):
    """A procedure that was done."""

    def evaluate(self, case: Case) -> Verdict:
        found = [fact for fact in case.facts.procedures if any(fact.is_in(name) for name in self.names)]
        return self._conclude(case, Kind.PROCEDURE, [self._judge(procedure, case) for procedure in found])

    def _judge(self, procedure: Procedure, case: Case) -> Verdict:
        when = DateRange(case.facts.as_of, case.facts.as_of) if procedure.ongoing else procedure.when
        return self._in_time(procedure, when, case, confirm=self._by_text(procedure))


@dataclass(frozen=True)
class Medicine(OnRecord):
    """A medicine taken, given or on order. What acts locally only, or was given intrathecally, is passed over.

    `reasons`: only what is given for one of these; `but_not_for`: not what is given for these, briefly (`briefly`).
    """

    reasons: tuple[str, ...] = ()
    but_not_for: tuple[str, ...] = ()
    briefly: str | None = None
    route: str | None = None

    def evaluate(self, case: Case) -> Verdict:
        found = [fact for fact in case.facts.therapies if any(fact.is_in(name) for name in self.names)]
        counted = [therapy for therapy in found if self._counts(therapy, case)]
        return self._conclude(case, Kind.THERAPY, [self._judge(therapy, case) for therapy in counted])

    def value_sets(self) -> Iterator[str]:
        yield from (*self.names, *self.reasons, *self.but_not_for)

    def _counts(self, therapy: Therapy, case: Case) -> bool:
        if therapy.route in (Route.LOCAL, Route.INTRATHECAL):
            return False
        if self.route == "intravenous" and therapy.route in (Route.SYSTEMIC, Route.ORAL):
            return False
        if self.reasons and not _given_for(therapy, self.reasons):
            return False
        return not (_given_for(therapy, self.but_not_for) and self._is_brief(therapy, case))

    def _is_brief(self, therapy: Therapy, case: Case) -> bool:
        if self.briefly is None or therapy.single:
            return True
        if therapy.started is None:
            return False
        end = last_exposure(therapy, case.facts.as_of)
        longest = case.assumptions.spans[self.briefly].after(therapy.started.first)
        return end is not None and end.last < longest

    def _judge(self, therapy: Therapy, case: Case) -> Verdict:
        when = therapy.when if self.within is None else last_exposure(therapy, case.facts.as_of)
        verdict = self._in_time(therapy, when, case, confirm=self._by_text(therapy))
        return verdict.but_confirm() if self.reasons and _reason_by_text(therapy, self.reasons) else verdict


def _given_for(therapy: Therapy, reasons: Sequence[str]) -> bool:
    return therapy.reasons is not None and any(therapy.reasons.is_in(reason) for reason in reasons)


def _reason_by_text(therapy: Therapy, reasons: Sequence[str]) -> bool:
    return therapy.reasons is not None and not therapy.reasons.by_code & set(reasons)
