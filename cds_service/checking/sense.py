"""What follows from what by the sense of the words alone: which of them can never both be met, and which follow from another.

Sound, not complete: what is said to follow always does; what is not said may follow nevertheless. An operand that this module
does not know must be the same in both words.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date

from cds_service.assumptions import Assumptions
from cds_service.checking.bounds import bound_of
from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates.course import Counted, RelapseWhich, ResponseToLastLine
from cds_service.criteria.predicates.finding import EVER, TestFinding
from cds_service.criteria.predicates.person import Age, Ask, AskList, Sex
from cds_service.criteria.predicates.recorded import OnRecord
from cds_service.criteria.predicates.word import Word
from cds_service.criteria.verdict import Answer

_NARROWER_STATUS = {"active": {"unresolved", "recorded"}, "unresolved": {"recorded"}, "resolved": {"recorded"}}
_COMPARED = frozenset({"operator", "operand", "limit", "grade"})
_FREE = frozenset({"authority"})
"""Operands that say nothing of when a word is met: what silence says never meets it."""


@dataclass(frozen=True)
class Sense:
    """Reasons about words; shared readings and named spans are looked up."""

    readings: Mapping[str, Word]
    assumptions: Assumptions

    def opened(self, word: Word) -> Word:
        """What a name stands for."""
        while isinstance(word, (joined.Named, joined.SharedReading)):
            word = word.word if isinstance(word, joined.Named) else self.readings[word.name]
        return word

    def conjuncts(self, word: Word) -> Iterator[Word]:
        """All that must be met together for a word to be met."""
        opened = self.opened(word)
        if isinstance(opened, (joined.All, joined.Agree)):
            for part in opened.words:
                yield from self.conjuncts(part)
        else:
            yield opened

    def implies(self, one: Word, other: Word) -> bool:
        """Whether the other is met wherever the one is."""
        one, other = self.opened(one), self.opened(other)
        if one == other or self.is_always_met(other):
            return True
        if isinstance(one, joined.Any):
            return all(self.implies(part, other) for part in one.words)
        if isinstance(other, (joined.All, joined.Agree)):
            return all(self.implies(one, part) for part in other.words)
        if isinstance(other, joined.Any) and any(self.implies(one, part) for part in other.words):
            return True
        if isinstance(one, (joined.All, joined.Agree)):
            return any(self.implies(part, other) for part in one.words)
        if isinstance(one, OnRecord) and len(one.names) > 1 and not self._is_narrower(one, other):
            return all(self.implies(replace(one, names=(name,)), other) for name in one.names)
        return self._is_narrower(one, other)

    def excludes(self, one: Word, other: Word) -> bool:
        """Whether the two are never met for one patient."""
        one, other = self.opened(one), self.opened(other)
        for word, against in ((one, other), (other, one)):
            if isinstance(word, joined.Not) and self.implies(against, word.word):
                return True
            if isinstance(word, joined.Any):
                return all(self.excludes(part, against) for part in word.words)
            if isinstance(word, (joined.All, joined.Agree)):
                return any(self.excludes(part, against) for part in word.words)
        return self._contradicts(one, other)

    def is_always_met(self, word: Word) -> bool:
        """Whether it is met whatever the record holds."""
        match self.opened(word):
            case Sex(sex="any"):
                return True
            case joined.Settled(answer=Answer.MET):
                return True
            case joined.Any() as any_:
                return any(self.is_always_met(part) for part in any_.words)
            case joined.All() | joined.Agree() as all_:
                return all(self.is_always_met(part) for part in all_.words)
            case _:
                return False

    def is_never_met(self, word: Word) -> bool:
        """Whether nothing in a record meets it: it is a question, or settled otherwise."""
        opened = self.opened(word)
        if isinstance(opened, joined.Any):
            return all(self.is_never_met(part) for part in opened.words)
        if isinstance(opened, joined.Not):
            return self.is_always_met(opened.word)
        return isinstance(opened, (Ask, AskList)) or (isinstance(opened, joined.Settled) and opened.answer is not Answer.MET)

    def _is_narrower(self, one: Word, other: Word) -> bool:
        if type(one) is not type(other):
            return False
        match one, other:
            case Age(), Age():
                return (one.at_least or 0) >= (other.at_least or 0) and _up_to(one) <= _up_to(other)
            case Counted(), Counted():
                return one.value == other.value and one.at_least >= other.at_least
            case TestFinding(), TestFinding():
                same = (one.value_set, one.says) == (other.value_set, other.says)
                return (
                    same and self._is_window_within(one.window, other.window) and self._is_span_within(one.within, other.within)
                )
        mine, theirs = bound_of(one), bound_of(other)
        if mine is not None and theirs is not None and not mine.implies(theirs):
            return False
        compared = _COMPARED if mine is not None else frozenset()
        return all(
            self._relations().get(field.name, _same)(getattr(one, field.name), getattr(other, field.name))
            for field in fields(one)
            if field.name not in compared | _FREE
        )

    def _relations(self) -> "Mapping[str, Callable[[object, object], bool]]":
        """Operand → whether one asks for no more than the other."""
        return {
            "names": lambda one, other: isinstance(one, tuple) and isinstance(other, tuple) and set(one) <= set(other),
            "status": lambda one, other: one == other or other in _NARROWER_STATUS.get(str(one), ()),
            "within": self._is_span_within,
            "reasons": lambda one, other: one == other or not other,
            "preferring": lambda one, other: True,
        }

    def _is_span_within(self, one: object, other: object) -> bool:
        if other is None or one == other:
            return True
        if one is None:
            return False
        spans, day = self.assumptions.spans, date(2000, 1, 1)
        short, long = spans[str(one)], spans[str(other)]
        if (short.months == 0) is (long.months == 0):
            return short.before(day) >= long.before(day)
        return short.days + 31 * short.months <= long.days + 28 * long.months

    def _is_window_within(self, one: str | None, other: str | None) -> bool:
        """Whether a result that decides in one window does in the other, too. Without a window any result does."""
        any_result = (EVER, None)
        if one == other or other in any_result:
            return True
        if one is None or other is None or one == EVER:
            return False
        short, long, day = self.assumptions.windows[one], self.assumptions.windows[other], date(2000, 1, 1)
        return short.recheck.before(day) >= long.recheck.before(day) and long.superseded_by <= short.superseded_by

    def _contradicts(self, one: Word, other: Word) -> bool:
        match one, other:
            case Sex(), Sex():
                return "any" not in (one.sex, other.sex) and one.sex != other.sex
            case Age(), Age():
                return (one.at_least or 0) > _up_to(other) or (other.at_least or 0) > _up_to(one)
            case TestFinding(), TestFinding():
                newest_decides = not {EVER, None} & {one.window, other.window}
                return one.value_set == other.value_set and one.says != other.says and newest_decides
            case ResponseToLastLine(), ResponseToLastLine():
                return one.outcome is not other.outcome
            case RelapseWhich(), RelapseWhich():
                return one.last_only and other.last_only and (_clocks_exclude(one, other) or _clocks_exclude(other, one))
        mine, theirs = bound_of(one), bound_of(other)
        if mine is None or theirs is None or type(one) is not type(other) or not mine.excludes(theirs):
            return False
        return all(getattr(one, f.name) == getattr(other, f.name) for f in fields(one) if f.name not in _COMPARED)


def _same(one: object, other: object) -> bool:
    return one == other


def _up_to(age: Age) -> int:
    return age.at_most if age.at_most is not None else 1000


def _clocks_exclude(one: RelapseWhich, other: RelapseWhich) -> bool:
    """A relapse within some time after its remission, and one beyond the same or a longer time."""
    if one.within is None or other.beyond is None:
        return False
    day = date(2000, 1, 1)
    same_unit = (one.within.months == 0) is (other.beyond.months == 0)
    return same_unit and one.within.after(day) <= other.beyond.after(day)
