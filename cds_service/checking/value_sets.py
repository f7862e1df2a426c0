"""Value sets that overlap where a criterion tells them apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

from cds_service.checking.roots import Placed
from cds_service.checking.sense import Sense
from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates.finding import TestFinding
from cds_service.criteria.predicates.medicine import Medicine
from cds_service.criteria.predicates.recorded import Condition, OnRecord
from cds_service.criteria.predicates.word import Word
from cds_service.errors import KnowledgeFault
from cds_service.terminology.codes import Coding
from cds_service.terminology.value_set import Terminology

Code = tuple[str, str]
_NEVER_ONE_DIAGNOSIS = ({"resolved", "active"}, {"resolved", "unresolved"})


def overlapping(words: Iterable[Placed], sense: Sense, terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Codes of two sets that two cases of a ruling answer differently.

    A set wholly inside another may come before it: the special case, told first. Any other overlap answers by the order of the
    cases alone.
    """
    overlaps = _Overlaps(terminology)
    for placed in words:
        if isinstance(placed.word, joined.Cases):
            for (_, one), (later, other) in combinations(enumerate(placed.word.steps), 2):
                if one.answer is not other.answer:
                    for first, second in _told_apart(one.word, other.word, sense):
                        if (code := overlaps.wrong(first, second)) is not None:
                            yield placed.fault(
                                f"tells {second} from {first}, and {' '.join(code)} is in both",
                                "let one exclude the other (compose.exclude), or take the code out of one",
                                within=f".cases[{later}]",
                            )


def _told_apart(one: Word, other: Word, sense: Sense) -> Iterator[tuple[str, str]]:
    """Pairs of sets of which the first case means the one and the second the other."""
    for left in _alternatives(one, sense):
        for right in _alternatives(other, sense):
            for mine, theirs in _asked(left, right):
                yield from ((a, b) for a in mine for b in theirs if a not in theirs and b not in mine)


def _alternatives(word: Word, sense: Sense) -> Iterator[Word]:
    opened = sense.opened(word)
    if isinstance(opened, joined.Any):
        for part in opened.words:
            yield from _alternatives(part, sense)
    else:
        yield opened


def _asked(one: Word, other: Word) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The sets by which two words of one kind differ."""
    match one, other:
        case Medicine(), Medicine() if one.reasons or other.reasons:
            if set(one.names) & set(other.names):
                yield one.reasons, other.reasons
        case Condition(), Condition() if {one.status, other.status} in _NEVER_ONE_DIAGNOSIS:
            return
        case OnRecord(), OnRecord() if type(one) is type(other):
            yield one.names, other.names
        case TestFinding(), TestFinding() if one.value_set == other.value_set:
            yield (one.says,), (other.says,)


@dataclass
class _Overlaps:
    """What two value sets share, by code."""

    terminology: Terminology
    _found: dict[tuple[str, str], Code | None] = field(default_factory=dict)

    def wrong(self, first: str, second: str) -> Code | None:
        """A code that is in both, unless the first lies wholly within the second, or one gives way to the other."""
        if first not in self.terminology or second not in self.terminology:
            return None
        if second in self.terminology[first].excluded or first in self.terminology[second].excluded:
            return None
        key = (first, second)
        if key not in self._found:
            self._found[key] = self._look(first, second)
        return self._found[key]

    def _look(self, first: str, second: str) -> Code | None:
        mine = [(code, self._sets_of(first, code)) for code in self._codes(first)]
        theirs = [(code, self._sets_of(second, code)) for code in self._codes(second)]
        shared = [code for code, sets in (*mine, *theirs) if {first, second} <= sets]
        within = all(second in sets for _, sets in mine if first in sets)
        return None if within or not shared else min(shared)

    def _codes(self, name: str) -> list[Code]:
        value_set = self.terminology[name]
        return sorted(value_set.codes | value_set.prefixes)

    def _sets_of(self, name: str, code: Code) -> frozenset[str]:
        return self.terminology.recognise(self.terminology[name].asked_of, [Coding(*code)], []).by_code
