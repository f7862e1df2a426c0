"""A Bundle as one patient's record: versions, references, other people's resources, nonsense."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import UnreadableRecord
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.record import GapReason, PatientRecord
from cds_service.fhir.references import canonical, tells
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
    return [json.loads(bytes(entry.raw))["code"]["text"] for entry in record.of_type("Condition")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (condition("new", "10"), condition("old", "9")),
        (condition("new", None, "2026-03-01T00:00:00Z"), condition("old", None, "2026-01-01T00:00:00Z")),
        (condition("new", None, "2026-01-01T02:00:00+02:00"), condition("old", None, "2025-12-31T23:00:00Z")),
        (condition("new", "10", "2026-01-01T00:00:00Z"), condition("old", "9", "2026-01-01T00:00:00Z")),
    ],
)
def test_the_newest_version_of_a_resource_wins_wherever_it_stands(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert texts(read(one, other)) == texts(read(other, one)) == ["new"]


def test_where_nothing_tells_which_is_newer_neither_hides_the_other() -> None:
    assert sorted(texts(read(condition("refuted"), condition("cancer")))) == ["cancer", "refuted"]


def test_a_version_of_absurd_length_is_no_error() -> None:
    assert len(texts(read(condition("one", "9" * 5000), condition("other", "9" * 5001)))) == 1


def test_two_hospitals_that_number_alike_do_not_hide_each_other() -> None:
    here = {"fullUrl": "https://one.example/fhir/Condition/c", "resource": condition("leukaemia", "2")}
    there = {"fullUrl": "https://two.example/fhir/Condition/c", "resource": condition("breast cancer", "1")}
    body = {"resourceType": "Bundle", "entry": [{"resource": PATIENT}, here, there]}
    assert sorted(texts(read_bundle(json.dumps(body).encode()))) == ["breast cancer", "leukaemia"]


def test_resources_without_an_id_are_all_kept_and_named_by_what_they_hold() -> None:
    first, second = ({**condition(text), "id": None} for text in ("one", "two"))
    record, turned = read(first, second), read(second, first)
    assert sorted(texts(record)) == ["one", "two"]
    assert [entry.reference for entry in record.of_type("Condition")] == [
        entry.reference for entry in turned.of_type("Condition")
    ]


@pytest.mark.parametrize(("subjects", "mine"), [(["Patient/x", "Patient/x"], 2), (["Patient/x", "Patient/y"], 0)])
def test_a_patient_without_an_id_is_the_one_of_whom_everything_speaks(subjects: list[str], mine: int) -> None:
    resources = [{**condition(str(number), subject=subject), "id": f"c{number}"} for number, subject in enumerate(subjects)]
    entries = [{"resource": resource} for resource in ({"resourceType": "Patient"}, *resources)]
    assert len(texts(read_bundle(json.dumps({"resourceType": "Bundle", "entry": entries}).encode()))) == mine


def test_a_byte_order_mark_and_half_an_emoji_cost_nobody_the_record() -> None:
    body = json.dumps({"resourceType": "Bundle", "entry": [{"resource": PATIENT}, {"resource": condition("a @ b")}]})
    record = read_bundle(b"\xef\xbb\xbf" + body.replace("@", "\\ud83d").encode())
    assert texts(record) == ["a \ufffd b"]


@pytest.mark.parametrize(
    ("bundle", "conditions"),
    [
        ({"entry": {"resource": PATIENT}}, 0),
        ({"total": "many", "link": {"odd": 1}, "entry": [{"resource": PATIENT}, {"resource": condition("x"), "search": 5}]}, 1),
        ({"entry": [{"resource": PATIENT}, {"resource": condition("x"), "fullUrl": 5}]}, 1),
    ],
)
def test_what_is_odd_about_the_bundle_loses_no_entry(bundle: dict[str, Any], conditions: int) -> None:
    assert len(texts(read_bundle(json.dumps({"resourceType": "Bundle", **bundle}).encode()))) == conditions


NO_BUNDLES = [
    (b"", "empty"),
    (b" \n", "empty"),
    (b"\x1f\x8b\x08", "unpack"),
    (b"PK\x03\x04", "unpack"),
    ('{"resourceType": "Bundle"}'.encode("utf-16"), "UTF-8"),
    (b"<Bundle/>", "as JSON"),
    (b'{"resourceType": "Patient"}\n{"resourceType": "Condition"}\n', "into one Bundle"),
    (b'{"resourceType": "Bundle", "entry": [NaN]}', "byte 37"),
    (b'{"resourceType": "Bun', "truncated"),
    (b'{"resourceType": "Patient"}', "resourceType must be Bundle"),
    (b'[{"resourceType": "Bundle"}]', "resourceType must be Bundle"),
    (b'{"resourceType": "Bundle", "entry": 5}', "resourceType must be Bundle"),
    (b'{"a":' * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("body", "said"), NO_BUNDLES)
def test_what_is_no_bundle_is_told_what_it_is_and_what_to_do(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableRecord) as caught:
        read_bundle(body)
    assert caught.value.reason == "not-a-bundle"
    assert said in str(caught.value)


def test_a_patient_that_cannot_be_read_is_not_called_missing() -> None:
    body = json.dumps({"resourceType": "Bundle", "entry": [{"resource": {**PATIENT, "gender": 5}}]}).encode()
    with pytest.raises(UnreadableRecord, match="cannot be read"):
        read_bundle(body)


@pytest.mark.parametrize("subject", ["Patient/p", "https://ehr.example/fhir/Patient/p", "Patient/p/_history/2", ""])
def test_a_reference_is_compared_by_type_and_id(subject: str) -> None:
    assert texts(read(condition("mine", subject=subject))) == ["mine"]


def test_a_resource_of_another_patient_is_dropped_and_named() -> None:
    record = read(condition("hers", subject="Patient/other"))
    assert texts(record) == []
    assert [gap.reason for gap in record.gaps] == [GapReason.OTHER_PATIENT]
    assert "Condition" not in record.searched
    assert "Procedure" in record.searched


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


@pytest.mark.parametrize(
    "address",
    [
        "https://ehr.example/fhir/Observation/1",
        "https://ehr.example/fhir/Observation/1/_history/2",
        "https://ehr.example/fhir/Observation/1?x",
        "https://ehr.example/fhir/Observation/10",
        "urn:uuid:1",
        "Observation/1",
    ],
)
@pytest.mark.parametrize("name", ["Observation/1", "Observation/1?x", "Observation/0"])
def test_an_address_tells_a_resource_by_which_a_reference_to_it_would_be_understood(address: str, name: str) -> None:
    assert tells(address, name) is (canonical(address) == name)


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


def test_an_element_on_which_the_library_itself_fails_is_a_problem_and_no_error() -> None:
    record = read({**condition("x"), "contained": [{"resourceType": "2026", "id": "x"}]})
    assert problems(record, ["Condition/c"])["Condition/c"]


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


@pytest.mark.parametrize(("code", "reason"), [("incomplete", GapReason.NOT_WHOLE), ("suppressed", GapReason.WITHHELD)])
def test_in_a_record_that_is_said_not_to_be_whole_silence_says_nothing(code: str, reason: GapReason) -> None:
    record = read(condition("one"), {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": code}]})
    assert texts(record) == ["one"]
    assert record.searched == frozenset()
    assert [gap.reason for gap in record.gaps] == [reason]
