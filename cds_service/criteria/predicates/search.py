"""What a record was searched for: all entries of a kind, as they count for what is not among them."""

from collections.abc import Sequence

from cds_service.facts.model import Fact, Kind, PatientFacts
from cds_service.terminology.value_set import AskedOf, Terminology
from cds_service.value import Value

_ASKED_OF = {
    Kind.DIAGNOSIS: AskedOf.CONDITION,
    Kind.THERAPY: AskedOf.MEDICATION,
    Kind.PROCEDURE: AskedOf.PROCEDURE,
}
"""The kinds of which silence may tell something: never of a test that is not on record."""


class Search(Value, frozen=True):
    """All entries of one kind."""

    left_open: Sequence[frozenset[str]]
    """Of each that may be something that it does not say: the value sets that it may belong to."""
    denying: Sequence[Fact]
    """Those that say of something that it is not there."""


def look_through(facts: PatientFacts, terminology: Terminology) -> dict[Kind, Search]:
    """A search of each kind, but of results."""
    return {kind: _search(facts.of_kind(kind), asked_of, terminology) for kind, asked_of in _ASKED_OF.items()}


def _search(entries: Sequence[Fact], asked_of: AskedOf, terminology: Terminology) -> Search:
    return Search(
        [sets for entry in entries if (sets := terminology.left_open_by(entry.recognition, asked_of))],
        [entry for entry in entries if entry.recognition.denied],
    )
