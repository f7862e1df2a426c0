"""Results as laboratories send them: interpretations in codes or words, dates, values; and which of them count."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts import extract, qualitative
from cds_service.facts.concepts import Recogniser
from cds_service.facts.finding import Finding
from cds_service.facts.model import Result
from cds_service.fhir.bundle import read_bundle
from tests.conftest import ZONE
from tests.records import AS_OF, LOINC, Record, days_ago, interpretation

HIV = {"coding": [{"system": LOINC, "code": "56888-1"}]}


def read(knowledge: Knowledge, **content: Any) -> Result:
    record = Record().add("Observation", **({"status": "final", "code": HIV, "effectiveDateTime": "2026-11-20"} | content))
    facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, ZoneInfo("UTC"))
    (found,) = facts.results
    return found


INTERPRETED = [
    *((interpretation(code), Finding.POSITIVE) for code in ("POS", "A", "AA", "H", "HH", "HU", "DET", "RR", "WR", "R")),
    *((interpretation(code), Finding.NEGATIVE) for code in ("NEG", "N", "ND", "NR", "L", "neg")),
    *((interpretation(code), Finding.INDETERMINATE) for code in ("IND", "E", "I", "IE")),
    *(([{"text": text}], Finding.POSITIVE) for text in ("Positive", "reactive", " Detected ")),
    *(([{"text": text}], Finding.NEGATIVE) for text in ("Negative", "NEGATIVE", "Non-reactive", "Not detected")),
    ([{"text": "Positive, see note"}], None),
    ([*interpretation("POS"), *interpretation("NEG")], Finding.INDETERMINATE),
]


@pytest.mark.parametrize(("given", "expected"), INTERPRETED, ids=range(len(INTERPRETED)))
def test_the_laboratorys_interpretation_is_read_in_codes_and_words(
    given: list[dict[str, Any]], expected: Finding | None, knowledge: Knowledge
) -> None:
    reading = qualitative.read(read(knowledge, interpretation=given))
    assert (reading.finding if reading is not None else None) is expected


def test_a_code_wins_over_the_words_beside_it(knowledge: Knowledge) -> None:
    given = [{**interpretation("NEG")[0], "text": "Positive"}]
    assert read(knowledge, interpretation=given).interpretation == {"NEG"}


TAKEN = [
    ({"effectiveDateTime": "2026-11-20", "issued": "2026-11-21T08:00:00Z"}, "2026-11-20"),
    ({"effectiveDateTime": None, "effectiveInstant": "2026-11-19T08:00:00Z", "issued": "2026-11-21T08:00:00Z"}, "2026-11-19"),
    (
        {
            "effectiveDateTime": None,
            "effectivePeriod": {"start": "2026-11-17", "end": "2026-11-18"},
            "issued": "2026-11-21T08:00:00Z",
        },
        "2026-11-17 to 2026-11-18",
    ),
    ({"effectiveDateTime": None, "issued": "2026-11-21T08:00:00Z"}, "2026-11-21"),
]


@pytest.mark.parametrize(("content", "day"), TAKEN)
def test_when_it_was_taken_comes_before_when_it_was_issued(content: dict[str, Any], day: str, knowledge: Knowledge) -> None:
    assert str(read(knowledge, **content, valueString="Negative").when) == day


VALUES = [
    ({"valueQuantity": {"value": 5, "unit": "%", "comparator": "<"}}, (Decimal(5), "%", "<", None)),
    ({"valueInteger": 5}, (Decimal(5), None, None, None)),
    ({"valueRange": {"low": {"value": 3, "unit": "%"}, "high": {"value": 8}}}, (Decimal(3), "%", None, Decimal(8))),
    ({"valueRange": {"low": {"value": 3}, "high": {"value": 8, "unit": "%"}}}, (Decimal(3), "%", None, Decimal(8))),
    ({"valueRange": {"low": {"value": 3, "unit": "%"}}}, (Decimal(3), "%", ">=", None)),
    ({"valueRange": {"high": {"value": 8, "unit": "%"}}}, (Decimal(8), "%", "<=", None)),
    ({"valueRange": {"low": {"value": 8, "unit": "%"}, "high": {"value": 3, "unit": "%"}}}, None),
    ({"valueRange": {"low": {"value": 3, "unit": "%"}, "high": {"value": 8, "unit": "g"}}}, None),
    (
        {"valueRange": {"low": {"value": 3, "unit": "%"}, "high": {"value": 3, "unit": "%"}}},
        (Decimal(3), "%", None, Decimal(3)),
    ),
    ({"valueRatio": {"numerator": {"value": 50}, "denominator": {"value": 200}}}, (Decimal("0.25"), "1", None, None)),
    ({"valueRatio": {"numerator": {"value": 1, "unit": "g"}, "denominator": {"value": 4, "unit": "L"}}}, None),
    ({"valueRatio": {"numerator": {"value": 1, "comparator": "<"}, "denominator": {"value": 4}}}, None),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 4, "comparator": ">"}}}, None),
    ({"valueString": "3-8 %"}, (Decimal(3), "%", None, Decimal(8))),
    ({"valueString": "≤5 %"}, (Decimal(5), "%", "<=", None)),
    ({"valueString": "≥20 %"}, (Decimal(20), "%", ">=", None)),
    ({"valueString": "1,5 %"}, (Decimal("1.5"), "%", None, None)),
    ({"valueString": "<3-8 %"}, None),
    ({"valueString": "many"}, None),
    ({"valueQuantity": {"value": 1e12, "unit": "%"}}, (Decimal("1E+12"), "%", None, None)),
    ({"valueQuantity": {"value": 1.1e12, "unit": "%"}}, None),
    ({"valueQuantity": {"value": 1e-13, "unit": "%"}}, None),
]


@pytest.mark.parametrize(("content", "expected"), VALUES, ids=range(len(VALUES)))
def test_a_number_is_read_with_unit_bound_and_range_or_not_at_all(
    content: dict[str, Any], expected: tuple[Any, ...] | None, knowledge: Knowledge
) -> None:
    amount = read(knowledge, **content).amount
    assert (None if amount is None else (amount.value, amount.unit, amount.comparator, amount.high)) == expected


def high(unit: str | None = "U/L", **more: Any) -> list[dict[str, Any]]:
    return [{"high": {"value": 40, "unit": unit}, **more}]


def age(value: float, unit: str | None) -> dict[str, Any]:
    return {"low": {"value": value, **({"unit": unit} if unit else {})}}


NORMAL = [
    (high(), True, None, None, True),
    (high(type={"coding": [{"code": "normal"}]}), True, None, None, True),
    (high(type={"text": "Normal Range"}), True, None, None, True),
    (high(type={"text": "Therapeutic range"}), False, None, None, True),
    (high(type={"coding": [{"code": "treatment"}]}), False, None, None, True),
    (high(appliesTo=[{"text": "Women"}]), True, "female", None, True),
    (high(appliesTo=[{"text": "M"}]), True, "male", None, True),
    (high(appliesTo=[{"text": "Men"}, {"text": "women"}]), True, None, None, True),
    (high(appliesTo=[{"text": "Smokers"}]), True, None, None, False),
    (high(appliesTo=[{"text": "Adult men"}]), True, "male", (Decimal(18), None), True),
    (high(age=age(18, None)), True, None, (Decimal(18), None), True),
    (high(age=age(18, "Years")), True, None, (Decimal(18), None), True),
    (high(age=age(24, "months")), True, None, (Decimal(2), None), True),
    (high(age=age(24, "mo")), True, None, (Decimal(2), None), True),
    (high(age=age(3, "trimesters")), True, None, (None, None), False),
    (high(age={}), True, None, (None, None), True),
]


@pytest.mark.parametrize(("ranges", "is_normal", "sex", "ages", "understood"), NORMAL, ids=range(len(NORMAL)))
def test_to_whom_a_normal_range_applies(
    ranges: list[dict[str, Any]], is_normal: bool, sex: str | None, ages: Any, understood: bool, knowledge: Knowledge
) -> None:
    (found,) = read(knowledge, valueQuantity={"value": 30, "unit": "U/L"}, referenceRange=ranges).ranges
    shown = None if found.age is None else tuple(None if end is None else round(end, 6) for end in found.age)
    assert (found.is_normal, found.sex, shown, found.understood) == (is_normal, sex, ages, understood)


@pytest.mark.parametrize(
    ("unit", "count"), [("wk", 52), ("weeks", 52), ("d", 365), ("day", 365), ("days", 365), ("hours", 8760)]
)
def test_ages_in_weeks_days_and_hours_are_parts_of_years(unit: str, count: int, knowledge: Knowledge) -> None:
    ranges = high(age=age(count, unit))
    (found,) = read(knowledge, valueQuantity={"value": 30, "unit": "U/L"}, referenceRange=ranges).ranges
    assert found.age is not None and found.age[0] is not None
    assert Decimal("0.99") < found.age[0] < Decimal(1)


SODIUM = {"coding": [{"system": LOINC, "code": "2951-2", "display": "Sodium [Moles/volume] in Serum or Plasma"}], "text": "Na"}
ALT = {"coding": [{"system": LOINC, "code": "1742-6"}]}
NUMBER = {"valueQuantity": {"value": 140, "unit": "mmol/L"}}


def observation(**content: object) -> Record:
    return Record().add("Observation", status="final", effectiveDateTime=days_ago(3), **content)


@pytest.mark.parametrize(
    ("record", "results"),
    [
        (observation(code_=SODIUM, **NUMBER), 0),
        (observation(code_={"text": "Body weight"}, **NUMBER), 0),
        (observation(code_=ALT, **NUMBER), 1),
        (observation(code_={"text": "Serum ALT"}, **NUMBER), 1),
        (observation(code_=SODIUM, valueString="blasts are CD123 positive"), 2),
        (observation(code_=SODIUM, valueCodeableConcept={"text": "CD117 positive"}), 2),
        (observation(code_={"text": "Panel"}, component=[{"code": SODIUM, **NUMBER}]), 0),
        (observation(code_={"text": "Panel"}, component=[{"code": SODIUM, **NUMBER}, {"code": ALT, **NUMBER}]), 2),
        (observation(code_={"text": "Panel"}, component=[{"code": SODIUM, "valueString": "CD33 negative"}]), 2),
    ],
)
def test_results_are_of_tests_that_somebody_asks_for_or_in_words(knowledge: Knowledge, record: Record, results: int) -> None:
    facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, ZONE)
    assert len(facts.results) == results
