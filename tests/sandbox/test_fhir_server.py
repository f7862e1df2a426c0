"""The practice EHR's FHIR server: strict where real ones are lax."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.errors import OutboundError, UnreadableRecord
from cds_service.fhir.resources import READ
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


def transaction(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def put(resource: dict[str, Any], url: str | None = None) -> dict[str, Any]:
    url = url or f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def test_a_transaction_loads_what_it_holds(client: FlaskClient) -> None:
    assert client.post("/fhir", json=transaction(put(observation(99, "2026-03-01")))).status_code == 200
    assert client.get("/fhir/Observation/o99").status_code == 200


def test_a_transaction_resolves_references_among_its_new_resources(client: FlaskClient) -> None:
    patient = {
        "fullUrl": "urn:uuid:1",
        "resource": {"resourceType": "Patient"},
        "request": {"method": "POST", "url": "Patient"},
    }
    his = observation(1, "2026-03-01") | {"subject": {"reference": "urn:uuid:1"}}
    entry = {"resource": his, "request": {"method": "POST", "url": "Observation"}}
    saved = json.loads(client.post("/fhir", json=transaction(patient, entry)).data)["entry"]
    patient_id = saved[0]["response"]["location"].partition("/")[2]
    assert len(ids(client, f"patient={patient_id}")) == 1


WRONG = [
    [],
    {"resourceType": "Patient"},
    transaction(kind="collection"),
    transaction({"resource": observation(98, "2026-03-01"), "request": {"method": "DELETE", "url": "Observation/o98"}}),
    transaction({"resource": observation(98, "2026-03-01")}),
    transaction({"request": {"method": "PUT", "url": "Observation/o98"}}),
    transaction(put(observation(98, "2026-03-01"), "Patient/o98")),
    transaction(put(observation(98, "2026-03-01"), "Observation/")),
    {"resourceType": "Bundle", "type": "batch", "entry": {"odd": 1}},
]


@pytest.mark.parametrize("body", WRONG)
def test_a_transaction_with_one_wrong_entry_changes_nothing(client: FlaskClient, body: Any) -> None:
    good = put(observation(97, "2026-03-01"))
    if isinstance(body, dict) and isinstance(body.get("entry"), list):
        body = {**body, "entry": [good, *body["entry"]]}
    response = client.post("/fhir", json=body)
    assert response.status_code == 400
    assert json.loads(response.data)["resourceType"] == "OperationOutcome"
    assert client.get("/fhir/Observation/o97").status_code == 404


def test_a_body_that_is_no_json_is_refused(client: FlaskClient) -> None:
    assert client.post("/fhir", data=b"{").status_code == 400


def test_every_page_tells_the_total(client: FlaskClient) -> None:
    first = json.loads(client.get("/fhir/Observation?patient=p&_count=20").data)
    second = json.loads(client.get(first["link"][1]["url"].removeprefix("http://localhost")).data)
    assert (first["total"], second["total"], len(second["entry"])) == (32, 32, 12)


def test_a_type_without_resources_is_searched_in_vain_and_an_unknown_one_refused(client: FlaskClient) -> None:
    assert json.loads(client.get("/fhir/MedicationAdministration?patient=p").data)["total"] == 0
    assert client.get("/fhir/Teapot?patient=p").status_code == 404


def test_browsers_may_send_what_they_ask_for(client: FlaskClient) -> None:
    asked = {"Origin": "https://sandbox.example", "Access-Control-Request-Headers": "authorization,content-type"}
    response = client.options("/fhir/Patient/p", headers=asked)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Headers"] == "authorization,content-type"


def test_metadata_names_types_and_parameters(client: FlaskClient) -> None:
    statement = json.loads(client.get("/fhir/metadata").data)
    assert {resource["type"] for resource in statement["rest"][0]["resource"]} == set(READ)


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
    with running(create_fhir_server(ResourceStore())) as address, pytest.raises(OutboundError, match="refused"):
        PracticeEhr("", f"{address}/elsewhere", Door(Limits())).load([])
