"""A Bundle is read in one pass where it can be, and tells then what it would tell part by part."""

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir import entries
from cds_service.fhir.bundle_elements import NotABundleError
from cds_service.fhir.entries import Read, read_bundle_entries, read_part_by_part
from cds_service.fhir.record import GapReason


def told(read: Read) -> tuple[Any, ...]:
    resources = [(one.reference, one.resource, bytes(one.raw), one.full_url) for one in read.entries]
    rest = (read.gaps, read.outcome, read.next_link, read.matches, read.total, read.odd_links, read.full_urls)
    return resources, *rest


def bundle(*entries: Any, **elements: Any) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": entries, **elements}).encode()


SODIUM = {"resourceType": "Observation", "id": "1", "status": "final", "code": {"text": "Sodium"}}
NAMELESS = {"resourceType": "Observation", "status": "final", "code": {"text": "Potassium"}}
HERE = {"fullUrl": "https://ehr.example/fhir/Observation/1", "resource": SODIUM}
BY_UUID = {"fullUrl": "urn:uuid:6d1c9ac9-2f4c-4d25-9b0d-0d3b1f8f4f10", "resource": SODIUM}
BODIES = {
    "plain": bundle(HERE),
    "by uuid": bundle(BY_UUID),
    "no id": bundle({"resource": NAMELESS}, HERE),
    "no id, by uuid": bundle({"fullUrl": BY_UUID["fullUrl"], "resource": NAMELESS}),
    "no id, called as another": bundle({"fullUrl": BY_UUID["fullUrl"], "resource": NAMELESS}, BY_UUID),
    "included": bundle(HERE, {"resource": SODIUM, "search": {"mode": "include"}}, total=1),
    "mode odd": bundle({"resource": SODIUM, "search": {"mode": 1}}),
    "more pages": bundle(HERE, link=[{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]),
    "no address": bundle(HERE, link=[{"relation": "next"}]),
    "links odd": bundle(HERE, link={"relation": "next"}),
    "link null": bundle(HERE, link=None),
    "total whole": bundle(HERE, total=7.0),
    "total in words": bundle(HERE, total="many"),
    "total null": bundle(HERE, total=None),
    "an outcome": bundle(HERE, {"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}}),
    "a type not read": bundle(HERE, {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Encounter", "id": "e"}}),
    "one unreadable": bundle(HERE, {"resource": {"resourceType": "Condition", "code": 5}}),
    "no resource": bundle(HERE, {"fullUrl": "urn:uuid:1"}),
    "resource null": bundle({"resource": None}),
    "entry no object": bundle("odd", HERE),
    "a lone entry": json.dumps({"resourceType": "Bundle", "entry": HERE}).encode(),
    "entry null": json.dumps({"resourceType": "Bundle", "entry": None}).encode(),
    "empty": b'{"resourceType":"Bundle"}',
    "entry twice, null first": b'{"resourceType":"Bundle","entry":null,"entry":[' + json.dumps(HERE).encode() + b"]}",
    "entry twice, null first, no id": b'{"resourceType":"Bundle","entry":null,"entry":[{"resource":'
    + json.dumps(NAMELESS).encode()
    + b"}]}",
    "type twice": b'{"resourceType":"Patient","resourceType":"Bundle"}',
    "half an emoji": bundle(HERE, {"resource": {**NAMELESS, "code": {"text": "\ud83d"}}}),
    "byte-order mark": b"\xef\xbb\xbf" + bundle(HERE),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_in_one_pass_a_bundle_tells_what_it_tells_part_by_part(body: bytes) -> None:
    assert told(read_bundle_entries(body)) == told(read_part_by_part(body))


@pytest.mark.parametrize("path", sorted(Path("fhir_fixtures/patients").glob("*.json")), ids=lambda path: path.stem)
def test_in_one_pass_an_invented_patients_record_tells_what_it_tells_part_by_part(path: Path) -> None:
    assert told(read_bundle_entries(path.read_bytes())) == told(read_part_by_part(path.read_bytes()))


@pytest.mark.parametrize("name", ["plain", "by uuid", "no id", "included", "more pages", "total null", "entry null", "empty"])
def test_a_bundle_in_which_nothing_is_odd_is_not_opened_part_by_part(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fails(body: bytes) -> Read:
        raise AssertionError(body)

    monkeypatch.setattr(entries, "read_part_by_part", fails)
    read_bundle_entries(BODIES[name])


def test_each_resource_is_had_as_it_came_wherever_it_stands() -> None:
    read = read_bundle_entries(bundle(HERE, {"resource": NAMELESS}))
    assert [json.loads(bytes(entry.raw)) for entry in read.entries] == [SODIUM, NAMELESS]


def test_one_bad_entry_loses_no_other() -> None:
    read = read_bundle_entries(BODIES["one unreadable"])
    assert [entry.reference for entry in read.entries] == ["Observation/1"]
    assert [(gap.resource_type, gap.reason) for gap in read.gaps] == [("Condition", GapReason.UNREADABLE_ENTRY)]


@pytest.mark.parametrize("resource", [SODIUM, NAMELESS], ids=["with an id", "without"])
def test_however_deep_json_lies_within_itself_it_is_read_or_refused_and_never_lost_half_way(
    resource: dict[str, Any],
) -> None:
    def had(depth: int, frames: int) -> tuple[int, int]:
        """Entries and gaps, read so many calls further down."""
        if frames:
            return had(depth, frames - 1)
        deep = bundle({"resource": resource | {"extension": "DEEP"}}).replace(b'"DEEP"', b"[" * depth + b"]" * depth)
        try:
            read = read_bundle_entries(deep)
        except NotABundleError:
            return 0, 0
        assert all(isinstance(bytes(one.raw), bytes) for one in read.entries)
        return len(read.entries), len(read.gaps)

    found = {had(depth, frames) for depth in range(700, 1_000) for frames in (0, 30)}
    assert {(1, 0), (0, 0)} <= found <= {(1, 0), (0, 1), (0, 0)}
