"""What a code of a hospital might mean, told by its name: a proposal for a person to judge, never an answer."""

from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz, process, utils

from cds_service.terminology.codes import CONCEPTS, SYSTEM_NAMES, Coding
from cds_service.terminology.value_set import AskedOf, Terminology, ValueSet
from cds_service.value import Value

NEAR = 80
"""From this likeness on, of 100, a name is proposed. Tried on the names that hospitals use: below it most are wrong."""


class Proposal(Value, frozen=True):
    """A value set, and the code in it that has a name like that of the hospital's code."""

    value_set: str
    title: str
    target: Coding | None
    """None where the words tell the value set, but not which of its many codes."""
    score: int
    """How like the names are, up to 100."""
    by_words: bool
    """The value set's own words name it already: answers rest on text, and are to be confirmed."""


class _Named(Value, frozen=True):
    """A name in a value set, and the code that it stands for."""

    name: str
    value_set: ValueSet
    target: Coding | None

    def proposal(self, score: float, *, by_words: bool) -> Proposal:
        return Proposal(self.value_set.name, self.value_set.title, self.target, round(score), by_words)


class NearMatches:
    """All names in the value sets, to be compared with."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        titles = {one.name: _Named(one.title, one, _the_code(one)) for one in terminology}
        self._titles: Mapping[str, _Named] = titles
        self._named: Mapping[AskedOf, Sequence[_Named]] = {
            kind: [named for one in terminology if one.asked_of is kind for named in (titles[one.name], *_names(one))]
            for kind in AskedOf
        }

    def propose(self, asked_of: AskedOf, words: str) -> Proposal | None:
        """The nearest name: among the sets whose words name it, if any, else among all."""
        caught = self._terminology.recognise(asked_of, [], [words]).by_text
        named = [one for one in self._named[asked_of] if not caught or one.value_set.name in caught]
        found = process.extract(
            words,
            [one.name for one in named],
            scorer=fuzz.token_set_ratio,
            processor=utils.default_process,
            limit=None,
            score_cutoff=NEAR,
        )
        near = [(named[index], score) for _, score, index in found if not _excepts(named[index].value_set, words)]
        if near:
            best, score = max(near, key=lambda one: (one[1], _likeness(words, one[0].name)))
            return best.proposal(score, by_words=bool(caught))
        titles = [self._titles[name] for name in sorted(caught)]
        told = max(titles, key=lambda one: (_weight(one.target), _likeness(words, one.name)), default=None)
        return told.proposal(_likeness(words, told.name), by_words=True) if told is not None else None


def _weight(target: Coding | None) -> int:
    """A standard code says more than our own name of a concept, and that more than no code."""
    return 0 if target is None else 1 if target.system == CONCEPTS else 2


def _names(value_set: ValueSet) -> list[_Named]:
    """The names of a set's codes, of the usual systems if it has some."""
    named = [_Named(coding.display, value_set, coding) for coding in value_set.concepts if coding.display]
    usual = [one for one in named if one.target is not None and one.target.system in SYSTEM_NAMES]
    return usual or named


def _the_code(value_set: ValueSet) -> Coding | None:
    """The code that means what the whole set means; None for a class of many, such as a class of drugs."""
    named = _names(value_set)
    if not named:
        return next(iter(value_set.concepts), None) or Coding(*min(value_set.prefixes))
    nearest = max(named, key=lambda one: _likeness(value_set.title, one.name))
    if _likeness(value_set.title, nearest.name) >= NEAR:
        return nearest.target
    return named[0].target if value_set.asked_of in (AskedOf.OBSERVATION, AskedOf.ANSWER) else None


def _likeness(one: str, other: str) -> float:
    return fuzz.token_sort_ratio(one, other, processor=utils.default_process)


def _excepts(value_set: ValueSet, words: str) -> bool:
    return value_set.net is not None and value_set.net.excepts(words)
