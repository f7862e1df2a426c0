"""What a word of the trial files asks, in the shapes that an EvidenceVariable has for it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from cds_service.assumptions import Length, Limit
from cds_service.criteria.comparison import Operator


class Combination(Enum):
    """FHIR R5 characteristic-combination, as far as our joins are among it."""

    ALL_OF = "all-of"
    ANY_OF = "any-of"
    AT_LEAST = "at-least"


@dataclass(frozen=True, slots=True)
class Concept:
    """A name for people, with the value sets that hold its codes, or with one code of a system."""

    text: str
    value_sets: tuple[str, ...] = ()
    code: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on one side."""

    operator: Operator
    limit: Limit


@dataclass(frozen=True, slots=True)
class Between:
    """Both limits inside; an open end is None."""

    low: Decimal | None
    high: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A kind of fact and the value that it must have."""

    type: Concept
    value: Concept | Bound | Between
    methods: tuple[Concept, ...] = ()


@dataclass(frozen=True, slots=True)
class Combined:
    code: Combination
    parts: tuple["Form", ...]
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class Negated:
    part: "Form"


@dataclass(frozen=True, slots=True)
class Shared:
    """A reading that several trials share, by its name: an EvidenceVariable of its own."""

    reading: str


@dataclass(frozen=True, slots=True)
class OfRow:
    """A row of the trial, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Form:
    """One question: as a phrase that says all of it, and as far as the standard can say it.

    `definition` None: the standard has no form for it, and the phrase stands for it. `within`: how long before the day of
    judging a fact counts, where it is not the whole past.
    """

    phrase: str
    definition: Typed | Combined | Negated | Shared | OfRow | None = None
    within: Length | None = None
