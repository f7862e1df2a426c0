"""A Bundle as one patient's record: versions, references, other people's resources, nonsense."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import UnreadableRecord
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.record import GapReason, PatientRecord
from cds_service.fhir.references import canonical
from cds_service.fhir.resources import READ
from cds_service.fhir.validate import problems
from tests.records import Record

PATIENT = {"resourceType": "Patient", "id": "p"}


def read(*resources: Any, **entry: Any) -> PatientRecord:
    entries = [{"resource": resource, **entry} for resource in (PATIENT, *resources)]
    return read_bundle(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())


def condition(text: str, version: str | None = None, updated: str | None = None, subject: str = "Patient/p") -> dict[str, Any]:
    meta = {key: value for key, value in (("versionId", version), ("lastUpdated", updated)) if value}
    return {"resourceType": "Condition", "id": "c", "meta": meta, "code": {"text": text}, "subject": {"reference": subject}}


def texts(record: PatientRecord) -> list[str]:
    return [json.loads(entry.raw)["code"]["text"] for entry in record.of_type("Condition")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (condition("new", "10"), condition("old", "9")),
        (condition("new", None, "2026-03-01T00:00:00Z"), condition("old", None, "2026-01-01T00:00:00Z")),
        (condition("old"), condition("new")),
    ],
)
def test_the_newest_version_of_a_resource_wins(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert texts(read(one, other)) == ["new"]


@pytest.mark.parametrize("subject", ["Patient/p", "https://ehr.example/fhir/Patient/p", "Patient/p/_history/2", ""])
def test_a_reference_is_compared_by_type_and_id(subject: str) -> None:
    assert texts(read(condition("mine", subject=subject))) == ["mine"]


def test_a_resource_of_another_patient_is_dropped_and_named() -> None:
    record = read(condition("hers", subject="Patient/other"))
    assert texts(record) == []
    assert [gap.reason for gap in record.gaps] == [GapReason.OTHER_PATIENT]


def test_a_uuid_reference_finds_its_entry() -> None:
    assert canonical("urn:uuid:1", {"urn:uuid:1": "Patient/p"}) == "Patient/p"
    body = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:1", "resource": PATIENT},
            {"fullUrl": "urn:uuid:2", "resource": condition("mine", subject="urn:uuid:1")},
        ],
    }
    assert texts(read_bundle(json.dumps(body).encode())) == ["mine"]


def test_an_entry_that_cannot_be_read_makes_its_type_unsearched() -> None:
    record = read({"resourceType": "Condition", "id": 7})
    assert "Condition" not in record.searched
    assert "Observation" in record.searched


def test_an_entry_without_a_resource_makes_every_type_unsearched() -> None:
    assert read(None).searched == frozenset()


def test_everything_counts_as_searched_otherwise() -> None:
    assert read().searched == frozenset(READ)


def test_what_is_not_valid_fhir_is_told_by_its_element_and_never_by_its_value() -> None:
    record = read({**condition("x"), "category": {"text": "canary-value"}, "recordedDate": "canary-date"})
    problem = problems(record, ["Condition/c", "Condition/none"])["Condition/c"]
    assert "canary" not in problem
    assert problem.startswith(("category", "recordedDate"))


def test_valid_fhir_has_no_problem() -> None:
    record = read_bundle(Record().condition("E11.9", "Type 2 diabetes").lab("alt", 30).drug("tacrolimus").body())
    assert problems(record, [entry.reference for kind in READ for entry in record.of_type(kind)]) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ELEMENTS = [
    "code",
    "status",
    "subject",
    "valueQuantity",
    "component",
    "effectiveDateTime",
    "category",
    "id",
    "meta",
    "contained",
]


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(sorted(READ)), content=st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=5))
def test_no_resource_however_odd_is_an_unforeseen_error(kind: str, content: dict[str, Any]) -> None:
    try:
        read({"resourceType": kind, **content})
    except UnreadableRecord as error:
        assert kind == "Patient", error


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_an_unforeseen_error(body: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        read_bundle(body)
