"""Answers, the evidence for them, and Kleene's logic over both.

An answer answers the sentence as the protocol prints it. It is never given for missing data: what is not known is UNKNOWN,
with the reason, and with what would settle it. Reasons and evidence are typed values; `wording.py` makes sentences of them.

Source: Kleene's strong three-valued logic, as CQL has it (https://cql.hl7.org/09-b-cqlreference.html#logical-operators-3).
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from cds_service.criteria.reasons import Detail, Reason, Wanted
from cds_service.dates import DateRange
from cds_service.facts.model import Fact, Kind
from cds_service.value import OneOf, Value

T = TypeVar("T")
_FEW = 12
"""So many are sooner compared with each other than hashed."""


class Answer(OneOf):
    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


class Evidence(Value, frozen=True):
    """What an answer rests on: one fact of the record, or a search of it that found nothing."""

    fact: Fact | None = None
    detail: Detail | None = None
    searched: Kind | None = None
    invalid: str | None = None
    """Why the cited resource is not valid FHIR, if it is not."""


class Missing(Value, frozen=True):
    """What would settle an open question, when it was last known, and the order that would get it."""

    what: str | Wanted
    last: DateRange | None = None
    order: str | None = None
    repeat: bool = False


class Verdict(Value, frozen=True):
    """An answer with its reasons, its evidence and what is missing.

    `confirm`: it rests on a text match, a derived value, silence or an assumption, and a person should look.
    """

    answer: Answer
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[Missing, ...] = ()
    confirm: bool = False
    asked: bool = False
    """Open only because a person is asked: no record can answer."""

    def is_not_met(self) -> bool:
        return self.answer is Answer.NOT_MET

    def but_confirm(self) -> "Verdict":
        return self if self.confirm or self.answer is Answer.UNKNOWN else replace(self, confirm=True)


def met(*reasons: Reason, evidence: Sequence[Evidence] = (), confirm: bool = False) -> Verdict:
    return Verdict(Answer.MET, reasons, tuple(evidence), confirm=confirm)


def not_met(*reasons: Reason, evidence: Sequence[Evidence] = (), confirm: bool = False) -> Verdict:
    return Verdict(Answer.NOT_MET, reasons, tuple(evidence), confirm=confirm)


def unknown(*reasons: Reason, evidence: Sequence[Evidence] = (), missing: Sequence[Missing] = ()) -> Verdict:
    return Verdict(Answer.UNKNOWN, reasons, tuple(evidence), tuple(missing))


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's AND: one NOT_MET decides, else one UNKNOWN leaves it open."""
    return _join(list(verdicts), decisive=Answer.NOT_MET, otherwise=Answer.MET)


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's OR: one MET decides, else one UNKNOWN leaves it open."""
    return _join(list(verdicts), decisive=Answer.MET, otherwise=Answer.NOT_MET)


def at_least(count: int, verdicts: Iterable[Verdict]) -> Verdict:
    """MET when so many surely are, NOT_MET when so many cannot be."""
    parts = list(verdicts)
    sure = [part for part in parts if part.answer is Answer.MET]
    possible = [part for part in parts if part.answer is not Answer.NOT_MET]
    if len(sure) >= count:
        return _gather(Answer.MET, sure)
    if len(possible) < count:
        return _gather(Answer.NOT_MET, [part for part in parts if part.answer is Answer.NOT_MET])
    return _gather(Answer.UNKNOWN, [part for part in parts if part.answer is Answer.UNKNOWN])


def agreed(verdicts: Iterable[Verdict]) -> Verdict:
    """The answer that all give; UNKNOWN where they differ: the source prints two limits for one thing."""
    parts = list(verdicts)
    answers = {part.answer for part in parts}
    return _gather(answers.pop() if len(answers) == 1 else Answer.UNKNOWN, parts)


_OPPOSITE = {Answer.MET: Answer.NOT_MET, Answer.NOT_MET: Answer.MET, Answer.UNKNOWN: Answer.UNKNOWN}


def negate(verdict: Verdict) -> Verdict:
    """Kleene's NOT."""
    return replace(verdict, answer=_OPPOSITE[verdict.answer])


def _join(parts: Sequence[Verdict], decisive: Answer, otherwise: Answer) -> Verdict:
    decided: list[Verdict] = []
    is_open: list[Verdict] = []
    for part in parts:
        if part.answer is decisive:
            decided.append(part)
        elif part.answer is Answer.UNKNOWN:
            is_open.append(part)
    if decided:
        # A part that needs no confirming decides alone; only without one does the doubt remain.
        return _gather(decisive, [part for part in decided if not part.confirm] or decided)
    return _gather(Answer.UNKNOWN, is_open) if is_open else _gather(otherwise, parts)


def _gather(answer: Answer, parts: Sequence[Verdict]) -> Verdict:
    if len(parts) == 1 and parts[0].answer is answer:
        return parts[0]  # as nearly always; it tells all that there is to tell
    reasons: list[Reason] = []
    evidence: list[Evidence] = []
    missing: list[Missing] = []
    to_confirm, only_asked = False, True
    for part in parts:
        reasons += part.reasons
        evidence += part.evidence
        missing += part.missing
        to_confirm = to_confirm or part.confirm
        only_asked = only_asked and (part.asked or part.answer is not Answer.UNKNOWN)
    is_open = answer is Answer.UNKNOWN
    confirm, asked = to_confirm and not is_open, only_asked and is_open
    return Verdict(answer, _unique(reasons), _unique(evidence), _unique(missing), confirm, asked)


def _unique(items: Sequence[T]) -> tuple[T, ...]:
    """Each once, in their order."""
    if len(items) < 2:
        return tuple(items)
    if len(items) > _FEW:
        return tuple(dict.fromkeys(items))
    found: list[T] = []
    for item in items:
        if item not in found:
            found.append(item)
    return tuple(found)
