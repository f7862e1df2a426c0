"""What differs between EHRs is data: keys under other names, FHIR servers of their own, cards that each can show."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import responses
from flask.testing import FlaskClient

from cds_service.clients import profiles
from cds_service.protocol import Action, Card, CdsResponse, Coding, Link, Source, Suggestion
from cds_service.web.fitting import fit, plain_text
from tests.web.ehr import SERVICE, bearer, service
from tests.web.test_service import request_of, summaries

FHIR = "https://ehr.example/fhir"
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}


def answered(client: FlaskClient, body: dict[str, Any]) -> Any:
    response = client.post(SERVICE, json=body, headers=bearer())
    return {"status": response.status_code, **json.loads(response.data)}


@pytest.mark.parametrize(
    ("profile", "request_file"), [("sandbox", "sandbox-with-prefetch.json"), ("epic", "epic-own-key-names.json")]
)
def test_each_ehrs_calls_are_answered_with_its_trials(tmp_path: Path, profile: str, request_file: str) -> None:
    content = answered(service(tmp_path, f"profile: {profile}").test_client(), request_of(request_file))
    assert content["status"] == 200
    assert any("NCT07144020" in summary for summary in summaries(content))


@responses.activate
def test_an_oracle_shaped_call_is_read_and_shown_plainly(tmp_path: Path) -> None:
    full = request_of("sandbox-with-prefetch.json")["prefetch"]
    by_type: dict[str, list[Any]] = {}
    for part in full.values():
        for entry in part.get("entry", []):
            by_type.setdefault(entry["resource"]["resourceType"], []).append(entry)
    responses.get(f"{FHIR}/Patient/relapsed-cd117-positive", json=full["patient"])
    for kind in ("Condition", "Observation", "MedicationRequest", "MedicationAdministration", "Procedure", "DiagnosticReport"):
        responses.get(f"{FHIR}/{kind}", json={**EMPTY, "entry": by_type.get(kind, [])})
    client = service(tmp_path, f"profile: oracle\nfhir_servers: ['{FHIR}']\nnot_offered: [MedicationStatement]").test_client()
    content = answered(client, request_of("oracle-without-prefetch.json"))
    assert content["status"] == 200
    assert content["cards"]
    assert all("**" not in card.get("detail", "") and "\\" not in card.get("detail", "") for card in content["cards"])
    assert not any("MedicationStatement" in call.request.url for call in responses.calls)
    assert not any("MedicationStatement" in card["detail"] for card in content["cards"] if card["indicator"] == "warning")


def test_keys_under_the_sites_own_names_are_understood(tmp_path: Path) -> None:
    body = request_of("without-fhir-server.json")
    expected = answered(service(tmp_path).test_client(), body)
    body["prefetch"] = {f"X{key}": value for key, value in body["prefetch"].items()}
    aliases = ", ".join(f"X{key}: {key}" for key in request_of("sandbox-with-prefetch.json")["prefetch"])
    renamed = answered(service(tmp_path, f"prefetch_aliases: {{{aliases}}}").test_client(), body)
    assert renamed["cards"] == expected["cards"]


def test_a_key_under_our_own_name_wins_over_an_alias(tmp_path: Path) -> None:
    body = request_of("without-fhir-server.json")
    body["prefetch"]["theirs"] = EMPTY
    client = service(tmp_path, "prefetch_aliases: {theirs: conditions}").test_client()
    assert answered(client, body)["cards"]


@pytest.mark.checklist(44)
@responses.activate
@pytest.mark.parametrize(
    "named",
    [
        "https://attacker.example/fhir",
        "https://ehr.example/fhir/../admin",
        "https://ehr.example/fhir@attacker.example",
        "https://ehr.example.attacker.example/fhir",
        "http://ehr.example/fhir",
        "https://ehr.example:8443/fhir",
        "https://other.example/fhir",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//ehr.example/fhir",
        "https://EHR.example/fhir\r\nX: y",
        "",
    ],
)
def test_a_client_names_its_own_fhir_servers_alone(tmp_path: Path, named: str) -> None:
    body = {**request_of("oracle-without-prefetch.json"), "fhirServer": named}
    client = service(tmp_path, f"fhir_servers: ['{FHIR}']").test_client()
    assert answered(client, body)["status"] == 412
    assert len(responses.calls) == 0


@responses.activate
def test_a_client_without_fhir_access_is_answered_from_prefetch_alone(tmp_path: Path) -> None:
    client = service(tmp_path, f"fhir_access: false\nfhir_servers: ['{FHIR}']").test_client()
    assert answered(client, request_of("oracle-without-prefetch.json"))["status"] == 412
    assert len(responses.calls) == 0


@pytest.mark.checklist(18, 43)
@responses.activate
def test_beyond_development_a_fhir_server_without_a_token_is_not_called(tmp_path: Path) -> None:
    body = request_of("oracle-without-prefetch.json")
    del body["fhirAuthorization"]
    client = service(tmp_path, f"fhir_servers: ['{FHIR}']").test_client()
    assert answered(client, body)["status"] == 412
    assert len(responses.calls) == 0


CARD = Card(
    uuid="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    summary="s",
    indicator="info",
    source=Source(label="l", topic=Coding(code="t", system="s", display="t")),
    detail="**Bold**\n\n- one \\*star\\* &lt;b&gt; *(please confirm)*",
    links=[
        Link(label="a", url="https://clinicaltrials.gov/study/1", type="absolute"),
        Link(label="b", url="https://other.example/", type="absolute"),
    ],
    suggestions=[
        Suggestion(
            label="order",
            uuid="3f2504e0-4f89-41d3-9a0c-0305e82c3302",
            actions=[Action(type="create", description="d", resource=msgspec.Raw(b"{}"))],
        )
    ],
)


def fitted(profile: str, **change: Any) -> Any:
    chosen = msgspec.structs.replace(profiles()[profile], **change)
    return json.loads(msgspec.json.encode(fit(CdsResponse(cards=[CARD]), chosen)))["cards"][0]


@pytest.mark.checklist(53, 54)
def test_suggestions_come_with_the_behaviour_that_the_client_knows() -> None:
    assert fitted("epic")["selectionBehavior"] == "any"
    assert fitted("sandbox")["selectionBehavior"] == "at-most-one"
    assert not {"suggestions", "selectionBehavior"} & fitted("oracle").keys()


def test_only_links_that_the_client_shows_are_sent() -> None:
    assert [link["label"] for link in fitted("epic", links=["https://clinicaltrials.gov/"])["links"]] == ["a"]
    assert "links" not in fitted("epic", links=["https://nowhere.example/"])
    assert len(fitted("plain")["links"]) == 2


def test_plain_detail_has_no_marks_and_the_same_words() -> None:
    assert fitted("oracle")["detail"] == "Bold\n\n- one *star* <b> (please confirm)"
    assert plain_text("a \\| b &amp; c \\_d\\_ \\[x\\]") == "a | b & c _d_ [x]"
