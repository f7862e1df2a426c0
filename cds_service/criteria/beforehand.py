"""What is answered where nothing of what is asked for is on record, worked out once for all patients.

Most words of the trial files find nothing in most records, and then their answers rest on nothing of the patient. So a call
asks only the words of which something is there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_service.criteria.predicates.antigen import Antigen
from cds_service.criteria.predicates.combinations import Agree, All, Any, Cases, Count, Named, Not, Settled, SharedReading
from cds_service.criteria.predicates.finding import TestFinding
from cds_service.criteria.predicates.medicine import Medicine, TreatedFor
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.oxygen import OxygenSaturation
from cds_service.criteria.predicates.performance import Performance
from cds_service.criteria.predicates.person import Ask, AskList
from cds_service.criteria.predicates.recorded import Condition, OnRecord, ProcedureDone
from cds_service.criteria.predicates.search import Search
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.verdict import Verdict
from cds_service.facts.model import Kind, PatientFacts

_OF_RECORD = (Condition, ProcedureDone, Medicine, TreatedFor)
_OF_TESTS = (TestFinding, Observation, OxygenSaturation, Performance, Antigen, Share)
_OF_PARTS = (All, Any, Not, Count, Agree, Cases, Named)
_OF_NOTHING = (Ask, AskList, Settled)
_ALIKE = frozenset({*_OF_RECORD, *_OF_TESTS, *_OF_PARTS, *_OF_NOTHING})
"""The words that answer all patients alike of whom nothing of their value sets, and of their parts', is on record.

The others ask for the person or for the course of the disease; a new word, of whatever base, is one of them until it is
listed here.
"""


@dataclass(frozen=True)
class Beforehand:
    """Answers by the words' numbers, and the numbers of the words that ask for each value set."""

    answers: Mapping[int, Verdict]
    asking_for: Mapping[str, Sequence[int]]

    def where_none_is_of(self, touched: Iterable[str]) -> dict[int, Verdict]:
        """The answers of the words that ask for none of these value sets."""
        left = dict(self.answers)
        for name in touched:
            for number in self.asking_for.get(name, ()):
                left.pop(number, None)
        return left


def answered_beforehand(numbers: Mapping[int, tuple[Word, int]], nobody: Case) -> Beforehand:
    """`nobody`: the case of somebody of whom nothing is on record."""
    answers: dict[int, Verdict] = {}
    asking_for: dict[str, list[int]] = {}
    for word, number in numbers.values():
        if number not in answers and (names := _asked_for(word, nobody.readings)) is not None:
            answers[number] = nobody.ask(word)
            for name in names:
                asking_for.setdefault(name, []).append(number)
    return Beforehand(answers, asking_for)


def _asked_for(word: Word, readings: Mapping[str, Word]) -> frozenset[str] | None:
    """The value sets that a word and its parts ask for; None where it answers alike only within one course, or one person."""
    if isinstance(word, SharedReading):
        return _asked_for(readings[word.name], readings)
    if type(word) not in _ALIKE or _rests_on_history(word):
        return None
    names = {*word.value_sets(), *word.further_sets()}
    for part in word.parts():
        if (of_part := _asked_for(part, readings)) is None:
            return None
        names |= of_part
    return frozenset(names)


def _rests_on_history(word: Word) -> bool:
    """Whether silence answers it only for those who were not treated elsewhere before."""
    return isinstance(word, OnRecord) and word.authority is not None and word.authority.whole_history


def touched(facts: PatientFacts, searches: Mapping[Kind, Search]) -> Iterator[str]:
    """The value sets of which something is on record: named, in doubt, denied, what it was given for, or what it may be."""
    for kind in Kind:
        for fact in facts.of_kind(kind):
            yield from fact.recognition.named
            yield from fact.recognition.denied
    for reasons in (treatment.reasons for treated in (facts.therapies, facts.procedures) for treatment in treated):
        if reasons is not None:
            yield from reasons.named
    for search in searches.values():
        for sets in search.left_open:
            yield from sets
