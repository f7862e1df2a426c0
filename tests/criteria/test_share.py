"""A share of one test in another is told only of two plain numbers that can be set in relation."""

from decimal import Decimal

import pytest

from cds_service.assumptions import Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.share import Share
from cds_service.criteria.verdict import Answer
from cds_service.dates import DateRange
from cds_service.facts.model import Amount, Kind, PatientFacts, Person, Result
from cds_service.terminology.value_set import Recognition
from tests.records import AS_OF

DIRECT, TOTAL = "bilirubin_direct", "bilirubin_total"
BELOW_A_FIFTH = (Operator.BELOW, Limit(Decimal(20), "%"))


def answer(knowledge: Knowledge, part: tuple[str, str, str], whole: tuple[str, str, str]) -> Answer:
    """`part`, `whole`: value set, value and unit of a result of today."""
    results = tuple(
        Result(
            f"Observation/{name}",
            name,
            Recognition(by_code=frozenset({name})),
            DateRange(AS_OF, AS_OF),
            amount=Amount(Decimal(value), unit),
        )
        for name, value, unit in (part, whole)
    )
    facts = PatientFacts(Person("Patient/1", birth=None, sex=None), AS_OF, results=results, searched=frozenset(Kind))
    return knowledge.case(facts).ask(Share(part[0], whole[0], *BELOW_A_FIFTH)).answer


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("0.19", "mg/dL", Answer.MET),
        ("0.2", "mg/dL", Answer.NOT_MET),
        ("3.2", "umol/L", Answer.MET),
        ("1.1", "mg/dL", Answer.UNKNOWN),
        ("0.1", "U/L", Answer.UNKNOWN),
        ("0.1", "furlong", Answer.UNKNOWN),
    ],
)
def test_direct_bilirubin_below_a_fifth_of_all(knowledge: Knowledge, value: str, unit: str, expected: Answer) -> None:
    assert answer(knowledge, (DIRECT, value, unit), (TOTAL, "1.0", "mg/dL")) is expected


def test_a_share_of_what_is_measured_otherwise_than_as_a_mass_is_open_and_breaks_nothing(knowledge: Knowledge) -> None:
    assert answer(knowledge, ("alt", "10", "U/L"), ("ast", "100", "U/L")) is Answer.UNKNOWN
