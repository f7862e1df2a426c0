"""condition, procedure: is it on record, in this state, within this span?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cds_service.assumptions import Length
from cds_service.criteria.predicates.silence import Authority, silence
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Doubt, LongAgo, Recorded, TimeUnclear, Unconfirmed, Wanted
from cds_service.criteria.verdict import Evidence, Missing, Verdict, any_of, met, not_met, unknown
from cds_service.dates import DateRange
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, Kind, Procedure, Verification

_GOES_ON = (ClinicalStatus.ACTIVE, ClinicalStatus.RECURRENCE, ClinicalStatus.RELAPSE)

STATUSES: dict[str, Callable[[Diagnosis], bool]] = {
    "recorded": lambda diagnosis: True,
    "active": lambda diagnosis: diagnosis.abated is None and diagnosis.status in (None, *_GOES_ON),
    "unresolved": lambda diagnosis: not _is_over(diagnosis),
    "resolved": lambda diagnosis: _is_over(diagnosis),
}
"""What may be asked of a diagnosis. One without a clinical status that never ended counts as going on; an inactive one, or one
in remission, is neither active nor resolved."""


def _is_over(diagnosis: Diagnosis) -> bool:
    return diagnosis.abated is not None or diagnosis.status is ClinicalStatus.RESOLVED


@dataclass(frozen=True)
class OnRecord(Word):
    """What condition, procedure and therapy share: facts of some value sets, and what silence says."""

    names: tuple[str, ...]
    within: str | None = None
    authority: Authority | None = None

    def value_sets(self) -> Iterator[str]:
        yield from self.names

    def _doubt(self, fact: Fact, case: Case) -> Doubt | None:
        """Why a fact that names it does not surely say so."""
        recognition, names = fact.recognition, self.names
        if fact.when is not None and fact.when.first > case.facts.as_of:
            return Doubt.FUTURE
        if any(name in recognition.members and name not in recognition.disputed for name in names):
            return None
        is_named = any(name in recognition.by_code or name in recognition.by_text for name in names)
        return Doubt.DISPUTED if is_named else Doubt.LEFT_OPEN

    def _conclude(self, case: Case, kind: Kind, found: Sequence[Verdict]) -> Verdict:
        """One that surely is decides; else one that may be leaves it open; else silence about the rest."""
        if found and any(not verdict.is_not_met() for verdict in found):
            return any_of(found)
        quiet = silence(case, kind, self.names, self.authority)
        return any_of((*found, quiet)) if found else quiet

    def _in_time(self, fact: Fact, when: DateRange | None, case: Case) -> Verdict:
        evidence, confirm = (Evidence(fact),), fact.recognition.by_code.isdisjoint(self.names)
        if self.within is None:
            return met(Recorded(fact), evidence=evidence, confirm=confirm)
        span = case.assumptions.spans[self.within]
        match within(when, span, case):
            case True:
                return met(Recorded(fact), evidence=evidence, confirm=confirm)
            case False:
                return not_met(LongAgo(fact), evidence=evidence, confirm=confirm)
        return unknown(TimeUnclear(fact, span), evidence=evidence, missing=[Missing(Wanted.DATES, fact.when)])


def within(when: DateRange | None, span: Length, case: Case) -> bool | None:
    """Whether a day lies within a span before today: for all days possible, for none, or neither."""
    if when is None:
        return None
    earliest = span.before(case.facts.as_of)
    if when.first >= earliest:
        return when.first <= case.facts.as_of
    return False if when.last < earliest else None


def doubted(fact: Fact, doubt: Doubt, wanted: Wanted) -> Verdict:
    """Something on record that is not sure, with what would make it sure."""
    return unknown(Unconfirmed(fact, doubt), evidence=[Evidence(fact)], missing=[Missing(wanted, fact.when)])


@dataclass(frozen=True)
class Condition(OnRecord):
    """A diagnosis on record. A provisional or suspected one, or one whose code and text disagree, leaves the question open."""

    status: str = "recorded"

    def evaluate(self, case: Case) -> Verdict:
        found = case.facts.diagnoses_naming(self.names)
        verdicts = [self._judge(diagnosis, case) for diagnosis in found if STATUSES[self.status](diagnosis)]
        return self._conclude(case, Kind.DIAGNOSIS, verdicts)

    def _judge(self, diagnosis: Diagnosis, case: Case) -> Verdict:
        doubt = self._doubt(diagnosis, case)
        if doubt is None and diagnosis.verification is Verification.UNCONFIRMED:
            doubt = Doubt.UNCONFIRMED
        if doubt is not None:
            return doubted(diagnosis, doubt, Wanted.CONFIRMATION)
        return self._in_time(diagnosis, diagnosis.when, case)


@dataclass(frozen=True)
class ProcedureDone(OnRecord):
    """A procedure that was done."""

    def evaluate(self, case: Case) -> Verdict:
        found = case.facts.procedures_naming(self.names)
        return self._conclude(case, Kind.PROCEDURE, [self._judge(procedure, case) for procedure in found])

    def _judge(self, procedure: Procedure, case: Case) -> Verdict:
        if (doubt := self._doubt(procedure, case)) is not None:
            return doubted(procedure, doubt, Wanted.PROCEDURE)
        when = DateRange(case.facts.as_of, case.facts.as_of) if procedure.ongoing else procedure.when
        return self._in_time(procedure, when, case)
