"""What must hold for every record, whatever is in it."""

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.match import CriterionAnswer
from cds_service.evaluation import evaluate
from cds_service.fhir.bundle import read_bundle
from tests.compositions import (
    IRRELEVANT,
    NUMBERS,
    Resource,
    Resources,
    body_of,
    diagnoses,
    generated,
    medicines,
    placed,
    procedures,
    records,
)
from tests.conftest import SHORT, ZONE
from tests.records import AS_OF, Record

Answers = dict[tuple[str, str], CriterionAnswer]
Judge = Callable[[Resources], Answers]
bounded = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def judged(knowledge: Knowledge) -> Judge:
    """Each row of each trial, answered for a record."""

    def judge(resources: Resources) -> Answers:
        findings = evaluate(read_bundle(body_of(resources)), knowledge, AS_OF, ZONE)
        return {(match.trial.id, one.criterion.id): one for match in findings.matches for one in match.answers}

    return judge


def told(answers: Answers) -> dict[tuple[str, str], str]:
    """Each row's answer, with ! where it is to be confirmed."""
    return {row: f"{one.verdict.answer.value}{'!' if one.verdict.confirm else ''}" for row, one in answers.items()}


def differing(one: Answers, other: Answers) -> dict[tuple[str, str], tuple[str, str]]:
    before, after = told(one), told(other)
    return {row: (before[row], after[row]) for row in before if before[row] != after[row]}


@bounded
@given(data=st.data(), record=records())
def test_the_order_of_entries_changes_no_answer(judged: Judge, data: st.DataObject, record: Resources) -> None:
    assert differing(judged(record), judged(data.draw(st.permutations(record)))) == {}


@bounded
@given(data=st.data(), record=records())
def test_a_resource_that_came_twice_changes_no_answer(judged: Judge, data: st.DataObject, record: Resources) -> None:
    assume(len(record) > 1)
    doubled = data.draw(st.lists(st.sampled_from(record[1:]), min_size=1, max_size=4))
    copies = placed(doubled, record, "copy") if data.draw(st.booleans()) else copy.deepcopy(doubled)
    assert differing(judged(record), judged([*record, *copies])) == {}


@bounded
@given(data=st.data(), record=records())
def test_what_no_criterion_asks_about_changes_no_answer(judged: Judge, data: st.DataObject, record: Resources) -> None:
    more = placed(data.draw(st.lists(st.sampled_from(IRRELEVANT), min_size=1, max_size=4)), record, "irrelevant")
    assert differing(judged(record), judged([*record, *more])) == {}


EQUIVALENT: dict[str, list[tuple[str, Decimal]]] = {
    "U/L": [("IU/L", Decimal(1)), ("[iU]/L", Decimal(1))],
    "umol/L": [("mmol/L", Decimal("0.001")), ("µmol/L", Decimal(1))],
    "mg/dL": [("mg/L", Decimal(10)), ("g/L", Decimal("0.01"))],
    "%": [("1", Decimal("0.01")), ("percent", Decimal(1))],
    "10*9/L": [("10*6/L", Decimal(1000)), ("/uL", Decimal(1000)), ("10*3/uL", Decimal(1))],
    "ms": [("s", Decimal("0.001"))],
    "[IU]/mL": [("[IU]/L", Decimal(1000))],
}
"""Unit → units of the same dimension, and the number of them in one."""
INTO_MOLES = {"1975-2": Decimal("17.1"), "2160-0": Decimal("88.4")}
"""LOINC code of a result in mg/dL → umol/L in one."""


def converted(quantity: dict[str, Any], unit: str, factor: Decimal) -> dict[str, Any]:
    value = Decimal(str(quantity["value"])) * factor
    return quantity | {"value": float(value), "unit": unit, "code": unit}


def in_other_units(data: st.DataObject, resource: Resource) -> Resource:
    """The same result, and the range beside it, in units drawn from those that say the same."""
    own = copy.deepcopy(resource)
    quantities = [own.get("valueQuantity")] + [limits.get("high") for limits in own.get("referenceRange", [])]
    units = {quantity["unit"] for quantity in quantities if quantity is not None and quantity.get("unit") in EQUIVALENT}
    if own["resourceType"] != "Observation" or len(units) != 1:
        return own
    (unit,) = units
    code = next((coding["code"] for coding in own["code"].get("coding", [])), "")
    choices = [*EQUIVALENT[unit], *([("umol/L", INTO_MOLES[code])] if code in INTO_MOLES and unit == "mg/dL" else [])]
    to, factor = data.draw(st.sampled_from(choices))
    if own.get("valueQuantity") is not None:
        own["valueQuantity"] = converted(own["valueQuantity"], to, factor)
    for limits in own.get("referenceRange", []):
        if limits.get("high") is not None:
            limits["high"] = converted(limits["high"], to, factor)
    return own


@bounded
@given(data=st.data(), record=records())
def test_the_unit_of_a_result_changes_no_answer(judged: Judge, data: st.DataObject, record: Resources) -> None:
    assert differing(judged(record), judged([in_other_units(data, resource) for resource in record])) == {}


ADORNMENTS: list[dict[str, Any]] = [
    {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">HIV positive, AML in relapse</div>'}},
    {"meta": {"versionId": "7", "lastUpdated": "2026-11-20T08:00:00Z", "profile": ["https://ehr.example/profile"]}},
    {"meta": {"tag": [{"system": "https://ehr.example/tags", "code": "research"}]}},
    {"extension": [{"url": "https://ehr.example/extension", "valueString": "CD123 negative"}]},
    {"identifier": [{"system": "https://ehr.example/ids", "value": "4711"}]},
    {"language": "zh"},
    {"implicitRules": "https://ehr.example/rules"},
]


@bounded
@given(data=st.data(), record=records())
def test_narrative_meta_and_extensions_change_no_answer(judged: Judge, data: st.DataObject, record: Resources) -> None:
    adorned = [resource | data.draw(st.sampled_from(ADORNMENTS)) for resource in record]
    assert differing(judged(record), judged(adorned)) == {}


WITHDRAWN: dict[str, dict[str, Any]] = {
    "Condition": {
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]
        }
    },
    **{
        kind: {"status": "entered-in-error"}
        for kind in (
            "Observation",
            "DiagnosticReport",
            "MedicationStatement",
            "MedicationRequest",
            "MedicationAdministration",
            "Procedure",
        )
    },
}


@bounded
@given(data=st.data(), record=records(), wrong=st.lists(generated(), min_size=1, max_size=5))
def test_what_was_entered_in_error_changes_no_answer(
    judged: Judge, data: st.DataObject, record: Resources, wrong: Resources
) -> None:
    withdrawn = [resource | WITHDRAWN[resource["resourceType"]] for resource in placed(wrong, record, "error")]
    assert differing(judged(record), judged([*record, *withdrawn])) == {}


def reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def rests_on(answer: CriterionAnswer) -> set[str]:
    return {item.fact.reference for item in answer.verdict.evidence if item.fact is not None}


@bounded
@given(data=st.data(), record=records())
def test_a_bar_stands_as_long_as_what_it_rests_on(judged: Judge, data: st.DataObject, record: Resources) -> None:
    assume(len(record) > 1)
    gone = data.draw(st.lists(st.sampled_from(record[1:]), min_size=1, max_size=4))
    taken = {reference(resource) for resource in gone}
    before, after = judged(record), judged([resource for resource in record if resource not in gone])
    barred = {row for row, one in before.items() if one.admits is False and not taken & rests_on(one)}
    assert {row: told(before)[row] for row in barred if after[row].admits} == {}


MEASURED = {
    "000": "I1",
    "001": "I3 I4 I10 I11a I11b I12 I13 X7a X7b",
    "002": "I2 I5 I6a I6b I6c I6d1 I6e",
    "004": "I1 I3 I4a I4b I4c I5 I6 I8 X2 X4 X8",
}
"""Rows that a measurement or a test has to let the patient through."""
MEASURED_ROWS = {(SHORT[trial], row) for trial, rows in MEASURED.items() for row in rows.split()}
EXCLUSIONS = {"001": "I9 I14 X1 X2 X3 X4 X5 X6 X7 X7a X7b X7c", "002": "I6", "004": "X1 X2 X3 X4 X5 X8"}
"""Exclusions, and what is printed as an inclusion and means one."""
EXCLUSION_ROWS = {(SHORT[trial], row) for trial, rows in EXCLUSIONS.items() for row in rows.split()}


@bounded
@given(record=records())
def test_no_measurement_is_passed_by_silence(judged: Judge, record: Resources) -> None:
    without = [resource for resource in record if resource["resourceType"] not in ("Observation", "DiagnosticReport")]
    answers = judged(without)
    assert {row for row in MEASURED_ROWS if answers[row].admits} == set()


@bounded
@given(record=records(), more=st.lists(st.one_of(diagnoses(), medicines(), procedures()), min_size=1, max_size=4))
def test_a_further_diagnosis_procedure_or_medicine_lifts_no_exclusion(
    judged: Judge, record: Resources, more: Resources
) -> None:
    before, after = judged(record), judged([*record, *placed(more, record, "further")])
    lifted = {row for row in EXCLUSION_ROWS if before[row].admits is False and after[row].admits}
    assert {row: told(before)[row] for row in lifted} == {}


ONE_RESULT = ("alt", "ast", "alp", "bilirubin", "creatinine", "lvef", "spo2_room_air", "ecog", "karnofsky", "qtc")


@bounded
@given(
    record=records(),
    name=st.sampled_from(ONE_RESULT),
    values=st.tuples(NUMBERS, NUMBERS),
    ago=st.integers(0, 30),
    longer=st.integers(1, 40),
)
def test_a_result_behind_a_newer_one_of_the_same_test_decides_nothing(
    judged: Judge, record: Resources, name: str, values: tuple[float, float], ago: int, longer: int
) -> None:
    newer = placed(Record().lab(name, values[0], ago).resources[1:], record, "newer")
    older = placed(Record().lab(name, values[1], ago + longer).resources[1:], record, "older")
    before, after = judged([*record, *newer]), judged([*record, *older, *newer])
    assert {row: both for row, both in differing(before, after).items() if row in MEASURED_ROWS} == {}


DATES = ("birthDate", "effectiveDateTime", "performedDateTime", "onsetDateTime", "recordedDate", "authoredOn")


def coarser(resource: Resource, length: int) -> Resource:
    """The same with its dates to the month (7), to the year (4) or not at all (0)."""
    own = copy.deepcopy(resource)
    own |= {key: own[key][:length] for key in DATES if key in own}
    if "effectivePeriod" in own:
        own["effectivePeriod"] = {key: day[:length] for key, day in own["effectivePeriod"].items()}
    return {key: value for key, value in own.items() if length or key not in (*DATES, "effectivePeriod")}


@bounded
@given(data=st.data(), record=records(), length=st.sampled_from([7, 4, 0]))
def test_a_coarser_date_never_turns_an_answer_into_its_opposite(
    judged: Judge, data: st.DataObject, record: Resources, length: int
) -> None:
    blurred = data.draw(st.sets(st.integers(0, len(record) - 1), min_size=1, max_size=3))
    after = judged([coarser(one, length) if index in blurred else one for index, one in enumerate(record)])
    known = {row: both for row, both in differing(judged(record), after).items() if "unknown" not in both}
    turned = {row: both for row, both in known.items() if both[0].rstrip("!") != both[1].rstrip("!")}
    assert turned == {}


@bounded
@given(data=st.data(), record=records())
def test_what_is_withdrawn_is_as_if_it_had_never_been(judged: Judge, data: st.DataObject, record: Resources) -> None:
    wrong = data.draw(st.sampled_from(record))
    assume(wrong["resourceType"] in WITHDRAWN)
    withdrawn = [one | WITHDRAWN[one["resourceType"]] if one is wrong else one for one in record]
    assert differing(judged([one for one in record if one is not wrong]), judged(withdrawn)) == {}


PROVISIONAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "provisional"}]}


@bounded
@given(record=records(), wanted=st.lists(diagnoses(), min_size=1, max_size=3))
def test_an_exclusion_by_a_diagnosis_stays_open_while_it_is_not_confirmed(
    judged: Judge, record: Resources, wanted: Resources
) -> None:
    sure = [*record, *placed(wanted, record, "wanted")]
    doubted = [one | {"verificationStatus": PROVISIONAL} if one["resourceType"] == "Condition" else one for one in sure]
    before, after = judged(sure), judged(doubted)
    lifted = {row for row in EXCLUSION_ROWS if before[row].admits is False and after[row].admits}
    assert {row: (told(before)[row], told(after)[row]) for row in lifted} == {}
