"""The practice EHR's FHIR server: strict where real ones are lax."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.errors import OutboundError, UnreadableRecord
from cds_service.outbound.door import Door, Limits
from cds_service.sandbox import stories
from cds_service.sandbox.ehr import PracticeEhr
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server
from cds_service.sandbox.running import running


def observation(
    number: int, day: str | None, code: str = "1742-6", patient: str = "p", category: str = "laboratory"
) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "category": [{"coding": [{"system": "urn:c", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        **({"effectiveDateTime": day} if day else {}),
    }


@pytest.fixture
def client() -> FlaskClient:
    resources = [observation(n, f"2026-01-{n:02}") for n in range(1, 31)]
    resources += [observation(31, None), observation(32, "2026-02-01", "1920-8"), observation(33, "2026-02", patient="q")]
    store = ResourceStore([{"resourceType": "Patient", "id": "p"}, *resources])
    return create_fhir_server(store, refused=frozenset({"secret"})).test_client()


def ids(client: FlaskClient, query: str) -> list[str]:
    found: list[str] = []
    url = f"/fhir/Observation?{query}"
    while url:
        bundle = json.loads(client.get(url).data)
        found += [entry["resource"]["id"] for entry in bundle["entry"]]
        url = next((link["url"].removeprefix("http://localhost") for link in bundle["link"] if link["relation"] == "next"), "")
    return found


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("patient=p", 32),
        ("subject=Patient/p", 32),
        ("patient=p&code=1920-8", 1),
        ("patient=p&code=http://loinc.org|1920-8", 1),
        ("patient=p&code=http://snomed.info/sct|1920-8", 0),
        ("patient=p&code=|1920-8", 1),
        ("patient=p&code=1920-8,1742-6", 32),
        ("patient=p&category=laboratory&_count=7", 32),
        ("patient=p&category=vital-signs", 0),
        ("patient=p&date=ge2026-01-30", 2),
        ("patient=p&date=lt2026-01-03", 2),
        ("patient=p&date=gt2026-01-30", 1),
        ("patient=p&date=le2026-01-02", 2),
        ("patient=p&date=2026-01", 30),
        ("_id=o5", 1),
        ("patient=nobody", 0),
        ("patient=p&status=final", 32),
    ],
)
def test_a_search_finds_what_it_should_over_all_pages(client: FlaskClient, query: str, count: int) -> None:
    found = ids(client, query)
    assert len(found) == len(set(found)) == count


def test_the_newest_come_first_and_the_undated_last(client: FlaskClient) -> None:
    found = ids(client, "patient=p&_sort=-date")
    assert (found[0], found[-1]) == ("o32", "o31")


def test_post_search_answers_as_get_does(client: FlaskClient) -> None:
    bundle = json.loads(client.post("/fhir/Observation/_search", data={"patient": "p", "code": "1920-8"}).data)
    assert bundle["total"] == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("patient=", 400),
        ("patient=p&value-quantity=5", 400),
        ("patient=p&_include=x", 400),
        ("patient=p&_count=none", 400),
        ("patient=p&_sort=code", 400),
        ("patient=p&date=soon", 400),
        ("patient=secret", 403),
    ],
)
def test_what_it_does_not_know_is_refused_and_never_ignored(client: FlaskClient, query: str, status: int) -> None:
    response = client.get(f"/fhir/Observation?{query}")
    assert response.status_code == status
    assert json.loads(response.data)["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fhir/Patient/p", 200),
        ("/fhir/Patient/x", 404),
        ("/fhir/Patient/secret", 403),
        ("/fhir?_getpages=x", 410),
        ("/x", 404),
    ],
)
def test_reads_answer_with_a_resource_or_an_outcome(client: FlaskClient, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert json.loads(response.data)["resourceType"] in ("Patient", "OperationOutcome")


def test_a_transaction_loads_what_it_holds(client: FlaskClient) -> None:
    entry = {"resource": observation(99, "2026-03-01"), "request": {"method": "PUT", "url": "Observation/o99"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert client.post("/fhir", json=bundle).status_code == 200
    assert client.get("/fhir/Observation/o99").status_code == 200
    assert client.post("/fhir", json=[]).status_code == 400


def test_metadata_names_types_and_parameters(client: FlaskClient) -> None:
    statement = json.loads(client.get("/fhir/metadata").data)
    assert {resource["type"] for resource in statement["rest"][0]["resource"]} == {"Patient", "Observation"}


def test_a_story_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableRecord, match=r"broken\.json"):
        stories.load(tmp_path)


def test_the_practice_ehr_loads_patients_into_any_server() -> None:
    app = create_fhir_server(ResourceStore())
    with running(app) as address:
        ehr = PracticeEhr("", f"{address}/fhir", Door(Limits()))
        ehr.load([{"resourceType": "Patient", "id": "p"}])
        assert app.test_client().get("/fhir/Patient/p").status_code == 200


def test_a_server_that_refuses_to_load_is_an_error() -> None:
    with running(create_fhir_server(ResourceStore())) as address, pytest.raises(OutboundError, match="refused to load"):
        PracticeEhr("", f"{address}/elsewhere", Door(Limits())).load([])
