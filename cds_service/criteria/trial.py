"""A trial's eligibility criteria: the protocol's words, our reading of them, and what decides."""

from collections.abc import Iterator
from datetime import date
from enum import Enum
from functools import cached_property

from msgspec import Struct

from cds_service.criteria.predicates.word import Word
from cds_service.criteria.verdict import Answer
from cds_service.facts.sightings import RelapseDefinition
from cds_service.value import Value


class CriterionKind(Enum):
    INCLUSION = "inclusion"
    EXCLUSION = "exclusion"


class Criterion(Value, frozen=True):
    """One sentence of the protocol. `word` decides it; `parts` are sentences printed within it.

    `beside` are criteria of their own that the protocol prints inside this sentence; they take no part in its answer.
    """

    id: str
    kind: CriterionKind
    text: str
    word: Word
    reading: str | None = None
    part_of: str | None = None
    asked: bool = False
    """No record can answer: a person is asked."""
    sensitive: bool = False
    """Its reasons are not for a shared screen (design: HIV, hepatitis, drug use, mental illness, pregnancy)."""
    parts: tuple["Criterion", ...] = ()
    beside: tuple["Criterion", ...] = ()

    def admits(self, answer: Answer) -> bool | None:
        """Whether this answer lets the patient in. The only place that asks for the kind."""
        if answer is Answer.UNKNOWN:
            return None
        return (answer is Answer.MET) is (self.kind is CriterionKind.INCLUSION)

    def rows(self) -> Iterator["Criterion"]:
        """Itself and what is printed within it, in the protocol's order."""
        yield self
        for criterion in (*self.beside, *self.parts):
            yield from criterion.rows()


class Recruitment(Value, frozen=True):
    """The registry's status on a day. Its own axis: a patient may fit a trial that takes nobody."""

    status: str
    as_of: date
    source: str

    def is_open(self) -> bool:
        return self.status == "recruiting"

    def is_old(self, as_of: date) -> bool:
        return (as_of - self.as_of).days > 180


class Site(Value, frozen=True):
    name: str
    city: str


class Trial(Struct, frozen=True, dict=True):
    """A trial as its file in `criteria/trials/` tells it. `complete`: its whole list of criteria is known."""

    id: str
    title: str
    short_title: str
    product: str
    phase: str
    sponsor: str
    site: Site
    recruitment: Recruitment
    complete: bool
    completeness: str
    protocol_source: str
    protocol_url: str
    reviewed: str | None
    relapse: RelapseDefinition
    criteria: tuple[Criterion, ...]
    disease_gate: Word

    def rows(self) -> tuple[Criterion, ...]:
        """All its sentences, those within others too, in the protocol's order."""
        return self._rows

    @cached_property
    def _rows(self) -> tuple[Criterion, ...]:
        return tuple(row for criterion in self.criteria for row in criterion.rows())
