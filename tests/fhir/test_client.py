"""The FHIR server as it really answers: pages, loops, foreign hosts, refusals, broken bodies."""

import json
from typing import Any

import pytest
import requests
import responses

from cds_service.fhir.client import Access, FhirClient, Means
from cds_service.fhir.record import GapReason
from cds_service.outbound.door import Door, Limits

BASE = "https://ehr.example/fhir"


def client(*, pages: int = 20, body: int = 1_000_000) -> FhirClient:
    return FhirClient(Access(BASE, "token", "p"), Door(Limits(body=body)), Means(1, max_pages=pages))


def condition(number: int) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/p"}}


def page(*numbers: int, following: str | None = None) -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    return {"resourceType": "Bundle", "link": link, "entry": [{"resource": condition(number)} for number in numbers]}


def found(result: Any) -> list[str]:
    return [entry.reference for entry in result.entries]


@responses.activate
def test_pages_are_followed_to_the_end_and_repeats_dropped() -> None:
    responses.get(f"{BASE}/Condition", json=page(1, 2, following=f"{BASE}?_getpages=a&_getpagesoffset=2"))
    responses.get(BASE, json=page(2, 3))
    result = client().search("Condition", [("patient", "p")])
    assert found(result) == ["Condition/c1", "Condition/c2", "Condition/c3"]
    assert result.failed is None


@responses.activate
def test_a_next_link_that_names_the_inner_host_is_read_on_the_known_one() -> None:
    responses.get(f"{BASE}/Condition", json=page(1, following="http://inner:8080/fhir?_getpages=a"))
    responses.get(BASE, json=page(2))
    assert found(client().search("Condition", [("patient", "p")])) == ["Condition/c1", "Condition/c2"]


@responses.activate
@pytest.mark.parametrize(
    "link",
    [
        "https://attacker.example/other?x=1",
        "https://attacker.example/fhir/Condition?x=1",
        "https://ehr.example/fhirelse?x=1",
        "https://ehr.example/fhir/../admin?x=1",
        "https://ehr.example/fhir/%2e%2e/admin?x=1",
        "../admin?x=1",
        "file:///etc/passwd",
        "http://[::1",
        "//[",
    ],
)
def test_a_next_link_to_another_place_is_not_followed(link: str) -> None:
    responses.get(f"{BASE}/Condition", json=page(1, following=link))
    result = client().search("Condition", [("patient", "p")])
    assert result.failed is GapReason.INCOMPLETE
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("link", ["Condition?page=2", "?page=2", f"{BASE}/Condition?page=2", "https://EHR.example/fhir?page=2"])
def test_a_next_link_on_this_server_is_followed_however_it_is_written(link: str) -> None:
    responses.get(f"{BASE}/Condition", json=page(1, following=link))
    for address in (f"{BASE}/Condition?page=2", f"{BASE}?page=2", f"{BASE}/?page=2"):
        responses.get(address, json=page(2))
    assert found(client().search("Condition", [("patient", "p")])) == ["Condition/c1", "Condition/c2"]


@responses.activate
@pytest.mark.parametrize(
    "more",
    [
        {"total": 5},
        {"total": "5"},
        {"total": 1.5},
        {"link": "odd"},
    ],
)
def test_a_search_that_is_not_whole_says_so(more: dict[str, Any]) -> None:
    body = page(1) | more
    body["entry"] = page(1)["entry"] + more.get("entry", [])
    responses.get(f"{BASE}/Condition", json=body)
    result = client().search("Condition", [("patient", "p")])
    assert (found(result), result.failed) == (["Condition/c1"], GapReason.INCOMPLETE)


def outcome(severity: str, code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


@responses.activate
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"resourceType": "OperationOutcome"}, GapReason.NOT_WHOLE),
        (outcome("error", "processing"), GapReason.NOT_WHOLE),
        (outcome("warning", "incomplete"), GapReason.NOT_WHOLE),
        (outcome("warning", "suppressed"), GapReason.WITHHELD),
        (outcome("warning", "processing"), None),
    ],
)
def test_an_outcome_beside_the_results_of_any_page_tells_whether_all_is_there(
    said: dict[str, Any], reason: GapReason | None
) -> None:
    first, second = page(1, following=f"{BASE}?page=2"), page(2)
    first["entry"].append({"resource": said, "search": {"mode": "outcome"}})
    responses.get(f"{BASE}/Condition", json=first)
    responses.get(BASE, json=second)
    result = client().search("Condition", [("patient", "p")])
    assert found(result)[0] == "Condition/c1"
    assert result.failed is reason


@responses.activate
def test_a_search_that_finds_only_resources_of_another_type_has_not_searched() -> None:
    responses.get(f"{BASE}/Condition", json={"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Encounter"}}]})
    assert client().search("Condition", [("patient", "p")]).failed is GapReason.SERVER_ERROR


@responses.activate
def test_an_entry_that_stands_on_two_pages_makes_up_for_none_that_is_missing() -> None:
    responses.get(f"{BASE}/Condition", json={**page(1, 2, following=f"{BASE}?page=2"), "total": 3})
    responses.get(BASE, json={**page(2), "total": 3})
    result = client().search("Condition", [("patient", "p")])
    assert found(result) == ["Condition/c1", "Condition/c2"]
    assert result.failed is GapReason.INCOMPLETE


@responses.activate
@pytest.mark.parametrize("body", [{"resourceType": "Condition", "id": "p"}, {"resourceType": "OperationOutcome"}, "nonsense"])
def test_another_resource_than_was_asked_for_is_not_taken_for_it(body: Any) -> None:
    responses.get(f"{BASE}/Patient/p", json=body)
    assert client().read("Patient", "p").failed is GapReason.UNREADABLE_ENTRY


@responses.activate
def test_pages_that_loop_end() -> None:
    responses.get(f"{BASE}/Condition", json=page(1, following=f"{BASE}?_getpages=a"))
    responses.get(BASE, json=page(2, following=f"{BASE}?_getpages=a"))
    assert client().search("Condition", [("patient", "p")]).failed is GapReason.INCOMPLETE


@responses.activate
def test_there_is_a_last_page_even_if_the_server_has_none() -> None:
    responses.get(f"{BASE}/Condition", json=page(0, following=f"{BASE}?n=0"))
    for number in range(10):
        url = f"{BASE}?n={number}"
        responses.get(url, json=page(number + 1, following=f"{BASE}?n={number + 1}"))
    result = client(pages=3).search("Condition", [("patient", "p")])
    assert result.failed is GapReason.INCOMPLETE
    assert len(responses.calls) <= 4


@responses.activate
def test_a_thousand_pages_are_read_where_so_many_are_allowed() -> None:
    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        number = int((request.url or "").rpartition("n=")[2])
        return 200, {}, json.dumps(page(number, following=f"{BASE}?n={number + 1}" if number < 1_000 else None))

    responses.get(f"{BASE}/Condition", json=page(0, following=f"{BASE}?n=1"))
    responses.add_callback("GET", BASE, answer)
    result = client(pages=2_000).search("Condition", [("patient", "p")])
    assert (len(result.entries), result.failed) == (1_001, None)


REFUSALS = [
    (401, GapReason.NO_ACCESS),
    (403, GapReason.NO_ACCESS),
    (404, GapReason.SERVER_ERROR),
    (400, GapReason.SERVER_ERROR),
    (410, GapReason.SERVER_ERROR),
    (422, GapReason.SERVER_ERROR),
    (500, GapReason.SERVER_ERROR),
    (503, GapReason.SERVER_ERROR),
    (429, GapReason.SERVER_ERROR),
    (302, GapReason.SERVER_ERROR),
]


@responses.activate
@pytest.mark.parametrize(("status", "reason"), REFUSALS)
def test_a_refusal_becomes_its_reason(status: int, reason: GapReason) -> None:
    responses.get(f"{BASE}/Condition", status=status, body="<html>", headers={"Location": "https://attacker.example/"})
    responses.get(f"{BASE}/Patient/p", status=status, body="<html>", headers={"Location": "https://attacker.example/"})
    assert client().search("Condition", [("patient", "p")]).failed is reason
    assert client().read("Patient", "p").failed is reason


@responses.activate
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", GapReason.SERVER_ERROR),
        (b'{"resourceType": "Bund', GapReason.SERVER_ERROR),
        (b"<html></html>", GapReason.SERVER_ERROR),
        (json.dumps({"resourceType": "OperationOutcome"}).encode(), GapReason.SERVER_ERROR),
        (
            json.dumps(
                {
                    "resourceType": "Bundle",
                    "entry": [{"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}}],
                }
            ).encode(),
            GapReason.OPERATION_OUTCOME,
        ),
    ],
)
def test_a_body_that_is_no_answer_becomes_its_reason(body: bytes, reason: GapReason) -> None:
    responses.get(f"{BASE}/Condition", body=body)
    assert client().search("Condition", [("patient", "p")]).failed is reason


@responses.activate
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.exceptions.ConnectTimeout(), GapReason.TIMEOUT),
        (requests.exceptions.ReadTimeout(), GapReason.TIMEOUT),
        (requests.exceptions.ConnectionError(), GapReason.UNREACHABLE),
        (requests.exceptions.SSLError(), GapReason.UNREACHABLE),
        (requests.exceptions.ChunkedEncodingError(), GapReason.UNREACHABLE),
    ],
)
def test_a_broken_connection_becomes_its_reason(error: Exception, reason: GapReason) -> None:
    responses.get(f"{BASE}/Condition", body=error)
    responses.get(f"{BASE}/Patient/p", body=error)
    assert client().search("Condition", [("patient", "p")]).failed is reason
    assert client().read("Patient", "p").failed is reason


@responses.activate
def test_a_later_page_that_fails_leaves_the_search_incomplete() -> None:
    responses.get(f"{BASE}/Condition", json=page(1, following=f"{BASE}?_getpages=a"))
    responses.get(BASE, status=410)
    result = client().search("Condition", [("patient", "p")])
    assert found(result) == ["Condition/c1"]
    assert result.failed is GapReason.INCOMPLETE


@responses.activate
def test_a_body_beyond_the_limit_is_not_read_to_its_end() -> None:
    responses.get(f"{BASE}/Condition", body=b"x" * 5000)
    assert client(body=1000).search("Condition", [("patient", "p")]).failed is GapReason.INCOMPLETE


@responses.activate
def test_a_long_query_is_posted() -> None:
    responses.post(f"{BASE}/Condition/_search", json=page(1))
    codes = ",".join(f"code-{number}" for number in range(300))
    assert found(client().search("Condition", [("patient", "p"), ("code", codes)])) == ["Condition/c1"]


@responses.activate
def test_a_server_is_asked_not_to_answer_from_what_it_kept() -> None:
    responses.get(f"{BASE}/Condition", json=page(1))
    client().search("Condition", [("patient", "p")])
    assert responses.calls[0].request.headers["Cache-Control"] == "no-cache"


def test_an_empty_parameter_is_never_sent() -> None:
    with pytest.raises(ValueError, match="empty"):
        client().search("Condition", [("patient", "")])


def test_credentials_of_the_machine_are_ignored() -> None:
    assert Door(Limits())._session.trust_env is False


@responses.activate
def test_the_total_of_the_first_page_counts_though_the_last_says_none() -> None:
    responses.get(f"{BASE}/Condition", json={**page(1, following=f"{BASE}?page=2"), "total": 5})
    responses.get(BASE, json=page())
    assert client().search("Condition", [("patient", "p")]).failed is GapReason.INCOMPLETE


@pytest.mark.parametrize(
    "reference", ["Medication/m-1.a_b", f"{BASE}/Medication/m-1.a_b", f"{BASE}/Medication/m-1.a_b/_history/2"]
)
def test_a_reference_to_this_server_is_read_by_its_id(reference: str) -> None:
    assert client().local(reference, "Medication") == "m-1.a_b"


@pytest.mark.parametrize(
    "reference",
    [
        "https://elsewhere.example/fhir/Medication/m",
        "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "#contained",
        "Patient/p",
        "Medication/",
        "Medication/..",
        "Medication/.",
        "Medication/a?patient=q",
        "Medication/a#b",
        "Medication/a/b",
        "Medication/%2e%2e",
        "Medication/../Patient/q",
        "Medication/a\\b",
        "Medication/a b",
    ],
)
def test_a_reference_that_leads_elsewhere_is_not_read(reference: str) -> None:
    assert client().local(reference, "Medication") is None
