"""How one patient stands to each trial, and in which order that is worth reading."""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cds_service.criteria.predicates.word import Case
from cds_service.criteria.trial import Criterion, Trial
from cds_service.criteria.verdict import Answer, Evidence, Verdict
from cds_service.value import Value


class Outcome(Enum):
    INELIGIBLE = "ineligible"
    POSSIBLE = "possible"
    CANDIDATE = "candidate"


class CriterionAnswer(Value, frozen=True):
    """One row of a trial, answered."""

    criterion: Criterion
    verdict: Verdict
    cites_sensitive: bool = False
    """It rests on a fact that a sensitive criterion asks for, such as an HIV encephalopathy among diseases of the brain."""

    @property
    def is_sensitive(self) -> bool:
        """Its reason is not for a shared screen."""
        return self.criterion.sensitive or self.cites_sensitive

    @property
    def admits(self) -> bool | None:
        return self.criterion.admits(self.verdict.answer)

    @property
    def is_asked(self) -> bool:
        """Where it is unknown, no record can answer it: a person is asked."""
        return self.criterion.asked or self.verdict.asked


class _Rows(Struct):
    """The rows that stand for themselves, by what they mean for the patient."""

    admitting: list[CriterionAnswer] = []
    barring: list[CriterionAnswer] = []
    open: list[CriterionAnswer] = []
    asked: list[CriterionAnswer] = []


class TrialMatch(Struct, frozen=True, dict=True):
    """Every row of one trial, answered, and what follows."""

    trial: Trial
    answers: tuple[CriterionAnswer, ...]
    gate: Verdict
    """Whether the patient has the relapsed or refractory disease of this trial, now."""

    @property
    def own(self) -> Sequence[CriterionAnswer]:
        """The rows that stand for themselves; parts speak through the sentence that they belong to."""
        return [answer for answer in self.answers if answer.criterion.part_of is None]

    @property
    def admitting(self) -> Sequence[CriterionAnswer]:
        return self._rows.admitting

    @property
    def barring(self) -> Sequence[CriterionAnswer]:
        return self._rows.barring

    @property
    def open(self) -> Sequence[CriterionAnswer]:
        """Those that are unknown although a record could answer them."""
        return self._rows.open

    @property
    def asked(self) -> Sequence[CriterionAnswer]:
        """Those that a person is asked."""
        return self._rows.asked

    @cached_property
    def _rows(self) -> _Rows:
        rows = _Rows()
        for answer in self.own:
            match answer.admits:
                case True:
                    rows.admitting.append(answer)
                case False:
                    rows.barring.append(answer)
                case None:
                    (rows.asked if answer.is_asked else rows.open).append(answer)
        return rows

    @property
    def outcome(self) -> Outcome:
        if self.barring:
            return Outcome.INELIGIBLE
        return Outcome.CANDIDATE if self.trial.complete and not self.open else Outcome.POSSIBLE

    @property
    def is_shown(self) -> bool:
        """Nothing bars and the disease gate is met: worth a card of its own."""
        return not self.barring and self.gate.answer is Answer.MET


def match_all(trials: Iterable[Trial], case: Case, sensitive: frozenset[str]) -> tuple[TrialMatch, ...]:
    """All trials, in their own order (by NCT number). `sensitive`: the value sets that sensitive criteria ask for."""
    return tuple(_match(trial, case.of_trial(trial.id), sensitive) for trial in trials)


def _match(trial: Trial, case: Case, sensitive: frozenset[str]) -> TrialMatch:
    verdicts = [(row, case.ask(row.word)) for row in trial.rows()]
    answers = tuple(CriterionAnswer(row, verdict, _cites(verdict, sensitive)) for row, verdict in verdicts)
    return TrialMatch(trial, answers, case.ask(trial.disease_gate))


def _cites(verdict: Verdict, sensitive: frozenset[str]) -> bool:
    for item in verdict.evidence:
        if item.fact is not None:
            recognition = item.fact.recognition
            if not (recognition.by_code.isdisjoint(sensitive) and recognition.by_text.isdisjoint(sensitive)):
                return True
    return False


def in_reading_order(matches: Iterable[TrialMatch]) -> list[TrialMatch]:
    """Candidates before possible ones, recruiting before closed, fewer open questions first."""
    rank = {Outcome.CANDIDATE: 0, Outcome.POSSIBLE: 1, Outcome.INELIGIBLE: 2}
    return sorted(
        matches,
        key=lambda match: (rank[match.outcome], not match.trial.recruitment.is_open(), len(match.open), match.trial.id),
    )


def cited(matches: Iterable[TrialMatch]) -> frozenset[str]:
    """References of all resources that an answer rests on."""
    return frozenset(
        item.fact.reference
        for match in matches
        for verdict in (match.gate, *(answer.verdict for answer in match.answers))
        for item in verdict.evidence
        if item.fact is not None
    )


def mark_invalid(matches: Sequence[TrialMatch], invalid: dict[str, str]) -> tuple[TrialMatch, ...]:
    """The same, with what is not valid FHIR marked: it still counts, but a person should look."""
    if not invalid:
        return tuple(matches)
    return tuple(
        replace(
            match,
            gate=_marked(match.gate, invalid),
            answers=tuple(replace(answer, verdict=_marked(answer.verdict, invalid)) for answer in match.answers),
        )
        for match in matches
    )


def _marked(verdict: Verdict, invalid: dict[str, str]) -> Verdict:
    evidence = tuple(_why_invalid(item, invalid) for item in verdict.evidence)
    if evidence == verdict.evidence:
        return verdict
    return replace(verdict, evidence=evidence).but_confirm()


def _why_invalid(item: Evidence, invalid: dict[str, str]) -> Evidence:
    problem = invalid.get(item.fact.reference) if item.fact is not None else None
    return item if problem is None else replace(item, invalid=problem)
