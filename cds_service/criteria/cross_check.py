"""What words ask for, checked against the value sets and readings that there are. Done once, at start."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from cds_service.criteria.predicates.antigen import Antigen
from cds_service.criteria.predicates.combinations import SharedReading
from cds_service.criteria.predicates.finding import FINDINGS, TestFinding
from cds_service.criteria.predicates.medicine import Medicine, TreatedFor
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.performance import Performance
from cds_service.criteria.predicates.recorded import Condition, ProcedureDone
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.predicates.word import Word
from cds_service.errors import KnowledgeFault
from cds_service.terminology.value_set import AskedOf, Terminology

Root = tuple[str, str, Word]
"""A file, a place in it, and the word that stands there."""


def words_in(word: Word) -> Iterator[Word]:
    """A word and all words within it."""
    yield word
    for part in word.parts():
        yield from words_in(part)


def dangling(root: Root, readings: Mapping[str, Word], terminology: Terminology) -> Iterator[KnowledgeFault]:
    """Names of value sets and readings that do not exist, and sets that are about something else than is asked."""
    file, place, outer = root
    for word in words_in(outer):
        for name in word.value_sets():
            if name not in terminology:
                yield KnowledgeFault(file, None, place, f"asks for the value set {name}", "add it or mend the name")
        for name, wanted in _asked_of(word):
            if name in terminology and terminology[name].asked_of is not wanted:
                problem = f"asks for {name} as {wanted.value}, and the set is of {terminology[name].asked_of.value}"
                yield KnowledgeFault(file, None, place, problem, "use a set of that kind, or another word")
        if isinstance(word, SharedReading) and word.name not in readings:
            yield KnowledgeFault(file, None, place, f"asks for the reading {word.name}", "add it to readings.yaml")


def _asked_of(word: Word) -> Iterator[tuple[str, AskedOf]]:
    """The value sets of a word, each with the kind of element that it is looked for in."""
    match word:
        case Condition() | TreatedFor():
            yield from ((name, AskedOf.CONDITION) for name in word.names)
        case ProcedureDone():
            yield from ((name, AskedOf.PROCEDURE) for name in word.names)
        case Medicine():
            yield from ((name, AskedOf.MEDICATION) for name in word.names)
            yield from ((name, AskedOf.CONDITION) for name in (*word.reasons, *word.but_not_for))
        case TestFinding():
            yield word.value_set, AskedOf.OBSERVATION
            if word.says not in FINDINGS:
                yield word.says, AskedOf.ANSWER
        case Antigen():
            yield word.antigen, AskedOf.OBSERVATION
        case Observation() | Performance() | Share():
            yield from ((name, AskedOf.OBSERVATION) for name in word.value_sets())


def circular(file: str, readings: Mapping[str, Word]) -> Iterator[KnowledgeFault]:
    """Readings that refer to themselves, be it through others."""
    uses = {
        name: {word.name for word in words_in(outer) if isinstance(word, SharedReading)} for name, outer in readings.items()
    }
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        names = " -> ".join(error.args[1])
        yield KnowledgeFault(file, None, error.args[1][0], f"refers to itself: {names}", "cut the circle")
