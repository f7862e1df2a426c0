"""What is counted: calls, cards, gaps and reads, by closed lists of labels, and never a patient."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import responses
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from cds_service import metrics
from tests.web.ehr import FEEDBACK, SERVICE, bearer, service
from tests.web.test_service import request_of

SERVICE_ID = SERVICE.rpartition("/")[2]


def counted(client: FlaskClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of /metrics by its name and labels."""
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


Growth = Callable[..., float]


def growth(client: FlaskClient) -> Growth:
    """How much a counter has grown since now."""
    before = counted(client)

    def since(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return counted(client).get(key, 0.0) - before.get(key, 0.0)

    return since


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return service(tmp_path).test_client()


def fire(client: FlaskClient, request: str = "without-fhir-server.json") -> int:
    return client.post(SERVICE, json=request_of(request), headers=bearer()).status_code


def test_a_call_is_counted_with_what_it_got_and_how_long_it_took(client: FlaskClient) -> None:
    grown = growth(client)
    assert fire(client) == 200
    assert client.post(SERVICE, json={}, headers=bearer()).status_code == 400
    assert client.post(SERVICE, json={}).status_code == 401
    assert client.post("/cds-services/Zzyzx", json={}, headers=bearer("/cds-services/Zzyzx")).status_code == 404
    calls = {"service": SERVICE_ID, "endpoint": "call"}
    assert grown("cds_calls_total", **calls, outcome="cards") == 1
    assert grown("cds_calls_total", **calls, outcome="malformed-request") == 1
    assert grown("cds_calls_total", **calls, outcome="unauthorized") == 1
    assert grown("cds_calls_total", service="unknown", endpoint="call", outcome="unknown-service") == 1
    assert grown("cds_call_seconds_count", service=SERVICE_ID) == 1
    assert grown("cds_refused_tokens_total", reason="no-token") == 1
    assert "Zzyzx" not in client.get("/metrics").get_data(as_text=True)


def test_cards_are_counted_by_trial_and_what_became_of_them(client: FlaskClient, tmp_path: Path) -> None:
    grown = growth(client)
    answer = client.post(SERVICE, json=request_of("without-fhir-server.json"), headers=bearer())
    (card, *_) = json.loads(answer.data)["cards"]
    item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-24T08:00:00Z"}
    assert client.post(FEEDBACK, json={"feedback": [item]}, headers=bearer(FEEDBACK)).status_code == 200
    fire(client)
    topic = card["source"]["topic"]["code"]
    assert grown("cds_cards_total", topic=topic, outcome="shown") == 1
    assert grown("cds_cards_total", topic=topic, outcome="suppressed") == 1
    assert grown("cds_feedback_total", outcome="overridden", reason="none") == 1
    silent = service(tmp_path, CDS_SILENT="true").test_client()
    fire(silent)
    assert grown("cds_cards_total", topic=topic, outcome="silent") == 0, "it was overridden before"


def test_prefetch_is_counted_by_key(client: FlaskClient) -> None:
    grown = growth(client)
    fire(client)
    sent = request_of("without-fhir-server.json")["prefetch"]
    assert grown("cds_prefetch_total", service=SERVICE_ID, key="conditions", sent=str("conditions" in sent).lower()) == 1


@responses.activate
def test_reads_and_gaps_are_counted_by_result(tmp_path: Path) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["fhirAuthorization"] = request_of("oracle-without-prefetch.json")["fhirAuthorization"]
    base = body["fhirServer"]
    client = service(tmp_path, f"fhir_servers: ['{base}']").test_client()
    body["prefetch"] = {key: body["prefetch"][key] for key in ("patient", "conditions")}
    responses.get(f"{base}/MedicationStatement", status=403)
    grown = growth(client)
    assert client.post(SERVICE, json=body, headers=bearer()).status_code == 200
    assert grown("cds_fhir_calls_total", resource_type="MedicationStatement", result="no-access") == 1
    assert grown("cds_gaps_total", reason="no-access") == 1
    assert grown("cds_gaps_total", reason="unreachable") >= 1


def test_a_store_that_fails_is_counted_and_named(tmp_path: Path) -> None:
    client = service(tmp_path, CDS_DATABASE_URL=f"sqlite:///{tmp_path}/not-mounted/x.sqlite").test_client()
    assert counted(client)["cds_store_up", frozenset()] == 0
    assert counted(client)["cds_store_failures_total", frozenset()] >= 1
    ready = client.get("/readyz").json
    assert ready is not None
    assert (ready["status"], ready["checks"]) == ("degraded", {"knowledge": "up", "store": "down"})


def test_a_store_that_is_up_is_named_so(client: FlaskClient) -> None:
    assert counted(client)["cds_store_up", frozenset()] == 1
    assert (client.get("/readyz").json or {})["checks"] == {"knowledge": "up", "store": "up"}


def test_a_fhir_server_that_is_left_alone_shows(client: FlaskClient) -> None:
    metrics.breaker_changed("https://ehr.example/fhir", is_open=True)
    assert counted(client)["cds_breaker_open", frozenset({("server", "https://ehr.example/fhir")})] == 1
    metrics.breaker_changed("https://ehr.example/fhir", is_open=False)
    assert counted(client)["cds_breaker_open", frozenset({("server", "https://ehr.example/fhir")})] == 0
