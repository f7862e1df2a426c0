"""What is told valid at a glance is valid by the library too, whatever a sender puts into it."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.plain import is_plain
from cds_service.fhir.validate import problems
from tests.records import Record, interpretation

Resource = dict[str, Any]
ODD = (
    *(None, "", " ", "\n", "a\n", " a", "a  b", "a b", "\u00e9", "\u3000", "x" * 300, "<", "active", "http://a b"),
    *("2026", "2026-13", "2026-02-30", "2024-02-29", "2026-06-31", "0000-01-01", "2026-01-01T24:00:00Z", "2026-01-01T10:00"),
    *("2026-01-01T10:00:00", "2026-01-01T10:00:60Z", "2026-01-01T10:00:00.1234567Z", "2026-01-01T10:00:00+15:00", "2026-1-1"),
    *(0, -1, 1.5, 10**30, 1e-9, True, [], {}, [None], [[]], [{}], ["a"], "NaN", "5"),
)
MORE = ("valueString", "valueQuantity", "valueBoolean", "effectivePeriod", "onsetString", "extension", "_status", "surprise")


def read_as_fixtures() -> Iterator[Resource]:
    for file in sorted(Path("fhir_fixtures/patients").glob("*.json")):
        yield from (entry["resource"] for entry in json.loads(file.read_text(encoding="utf-8"))["entry"])


FIXTURES = list(read_as_fixtures())
RICH = (
    Record()
    .lab("alt", 20, note=[{"text": "a note", "time": "2026-01-01"}], interpretation=interpretation("N"))
    .named_test("CD123", "positive", component=[{"code": {"text": "CD33"}, "valueString": "negative"}])
    .condition("C92.00", "AML", bodySite=[{"text": "marrow"}], severity={"text": "severe"})
    .drug("tacrolimus", reason="graft", note=[{"text": "a note"}])
    .add("MedicationRequest", status="active", intent="order", medicationCodeableConcept={"text": "a"}, authoredOn="2026-01-02")
    .add("MedicationAdministration", status="completed", medicationCodeableConcept={"text": "a"}, effectivePeriod={})
    .procedure("1", "a procedure", reasonCode=[{"text": "a reason"}])
    .resources
)
META = {"versionId": "1", "lastUpdated": "2026-01-01T10:00:00Z", "source": "#a", "profile": ["http://a"]}
IDENTIFIED = [{"system": "urn:a", "value": "1", "use": "usual", "assigner": {"display": "a"}, "period": {"start": "2026"}}]
MOMENTS = st.from_regex(
    r"(?:19|20|00|2)\d\d(?:-(?:\d\d|\d))?(?:-\d\d)?(?:[T ]\d\d(?::\d\d){1,2}(?:[.,]\d{1,9})?(?:Z|z|[+-]\d\d:?\d\d)?)?\n?",
    fullmatch=True,
)
"""Dates and times as they are written, and as they nearly are; their digits may be those of any script."""
DAYS = st.builds("{:04}-{:02}-{:02}".format, st.integers(1880, 2120), st.integers(0, 13), st.integers(0, 32))
ODDITIES = st.one_of(
    st.sampled_from(ODD),
    MOMENTS,
    DAYS,
    DAYS.map("{}T10:00:00+08:00".format),
    st.text(max_size=8),
    st.text(max_size=3).map("active{}".format),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)
SAMPLES = [*FIXTURES[::9], *({**resource, "meta": META, "identifier": IDENTIFIED} for resource in RICH)]


def is_valid(resource: Resource) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))
    except (ValidationError, ValueError, AttributeError, KeyError, TypeError):
        return False
    return True


def plain(resource: Resource) -> bool:
    return is_plain(resource["resourceType"], json.dumps(resource).encode())


def test_nearly_all_that_practice_records_hold_is_plain_and_all_that_is_plain_is_valid() -> None:
    found = [resource for resource in FIXTURES if plain(resource)]
    assert len(found) > 0.98 * len(FIXTURES)
    assert all(is_valid(resource) for resource in found)
    assert all(plain(resource) for resource in SAMPLES[len(FIXTURES[::9]) :])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every element of a resource: what holds it, and its name or number there."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key != "resourceType":
            yield value, key
        yield from places(part)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_whatever_is_changed_in_a_resource_what_is_still_plain_is_still_valid(data: st.DataObject) -> None:
    resource = copy.deepcopy(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 2))):
        holder, key = data.draw(st.sampled_from(list(places(resource))))
        odd = copy.deepcopy(data.draw(ODDITIES))
        match data.draw(st.sampled_from(("replace", "remove", "add"))):
            case "replace":
                holder[key] = odd
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[data.draw(st.sampled_from(MORE))] = odd
    assert is_valid(resource) or not plain(resource)


DATED = {**RICH[1], "meta": META}
PLACES_OF_DATES = [("effectiveDateTime", None), ("issued", None), ("meta", "lastUpdated"), ("note", "time")]


@settings(max_examples=1_000, deadline=None)
@given(place=st.sampled_from(PLACES_OF_DATES), written=st.one_of(MOMENTS, DAYS, DAYS.map("{}T10:00:00Z".format)))
def test_what_is_plainly_a_date_is_one(place: tuple[str, str | None], written: str) -> None:
    element, part = place
    value = written if part is None else {**META, part: written} if element == "meta" else [{"text": "a note", part: written}]
    resource = {**DATED, element: value}
    assert is_valid(resource) or not plain(resource)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01T10:00:00Z",
        "20\u0662\u0666",
        "2026-01-01T10:00:00.1\u0662Z",
        "2026-01-01\n",
        "2023-02-29",
        "2026-04-31",
        "1900-02-29",
    ],
)
def test_what_only_looks_like_a_date_is_put_to_the_library(written: str) -> None:
    assert not plain({**DATED, "effectiveDateTime": written})


@pytest.mark.parametrize(
    "odd",
    [
        {"_status": "final"},
        {"contained": [{"resourceType": "Nonesuch"}]},
        {"valueQuantity": {"value": 1, "_value": []}},
        {"category": {"text": "a lone object"}},
    ],
)
def test_a_cited_resource_over_which_the_library_stumbles_is_marked_and_never_ends_the_call(odd: Resource) -> None:
    record = read_bundle(Record().lab("alt", 20, **odd).body())
    (cited,) = record.of_type("Observation")
    assert cited.reference in problems(record, [cited.reference])
