"""The service on the wire: discovery, the call, and every refusal."""

import io
import json
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import jsonschema
import pytest
import responses
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.criteria.load import TRIALS
from cds_service.errors import SettingsError
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import Settings, read_settings
from tests.web.wire import checked

REQUESTS = Path("fhir_fixtures/requests")
REJECTS = Path("fhir_fixtures/reject")
SCHEMAS = Path("docs/schemas")
URL = "/cds-services/aml-cell-therapy-trials"
SETTINGS = read_settings(
    {"CDS_AUTH": "off", "CDS_FHIR_SERVERS": "https://ehr.example/fhir", "CDS_CORS_ORIGINS": "https://sandbox.example"}
)


def client_of(settings: Settings) -> FlaskClient:
    store = f"sqlite:///{mkdtemp()}/store.sqlite"
    return checked(create_app(replace(settings, database_url=store), clock=lambda: WRITTEN_FOR)).test_client()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(replace(SETTINGS, hash_key=b"a key for tests"))


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def call(client: FlaskClient, body: bytes | str | dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Fire the hook; every answer is checked against its schema."""
    data = json.dumps(body) if isinstance(body, dict) else body
    response = client.post(URL, data=data, content_type="application/json")
    assert response.mimetype == "application/json"
    content = json.loads(response.data)
    jsonschema.validate(content, schema("response" if response.status_code == 200 else "operation-outcome"))
    return response.status_code, content


def request_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REQUESTS / name).read_text(encoding="utf-8"))
    return content


def summaries(content: dict[str, Any]) -> list[str]:
    return [card["summary"] for card in content["cards"]]


def test_discovery_names_the_service_and_its_prefetch(client: FlaskClient) -> None:
    content = json.loads(client.get("/cds-services").data)
    jsonschema.validate(content, schema("discovery"))
    (service,) = content["services"]
    assert service["id"] == "aml-cell-therapy-trials"
    assert all(len(template) < 200 for template in service["prefetch"].values())
    assert not any(word in str(service["prefetch"]) for word in ("_include", "encounterId", "today()"))


def test_a_full_prefetch_is_answered_without_reading_anything(client: FlaskClient) -> None:
    status, content = call(client, request_of("sandbox-with-prefetch.json"))
    assert status == 200
    assert [card["indicator"] for card in content["cards"]] == ["info"] * 4
    first = content["cards"][0]
    assert first["summary"].startswith(
        "CD117 CAR-T NCT07144020 (recruiting): relapsed or refractory, disease in the marrow 2026-"
    )
    assert "ALT 28 U/L is at most 3 x ULN (120 U/L)" in first["detail"]
    assert "not yet reviewed by a haematologist" in first["detail"]


@pytest.mark.parametrize("name", ["without-fhir-server.json", "null-for-no-data.json"])
def test_null_and_no_fhir_server_change_no_trial(client: FlaskClient, name: str) -> None:
    _, expected = call(client, request_of("sandbox-with-prefetch.json"))
    status, content = call(client, request_of(name))
    assert status == 200
    assert summaries(content) == summaries(expected)


def test_epics_own_key_names_are_told_by_what_they_hold(client: FlaskClient) -> None:
    status, content = call(client, request_of("epic-own-key-names.json"))
    assert status == 200
    assert any("NCT07144020" in summary for summary in summaries(content))
    assert "ALT 28 U/L" in content["cards"][0]["detail"]


def test_the_same_evidence_gives_the_same_card_and_changed_evidence_another(client: FlaskClient) -> None:
    body = request_of("sandbox-with-prefetch.json")
    _, one = call(client, body)
    _, again = call(client, body)
    changed = json.loads(json.dumps(body))
    for entry in changed["prefetch"]["laboratory"]["entry"]:
        if entry["resource"]["code"].get("coding", [{}])[0].get("code") == "1742-6":
            entry["resource"]["valueQuantity"]["value"] = 29
    _, other = call(client, changed)
    assert [card["uuid"] for card in one["cards"]] == [card["uuid"] for card in again["cards"]]
    assert one["cards"][0]["uuid"] != other["cards"][0]["uuid"]


def test_a_chart_without_leukaemia_gets_no_cards_and_nothing_is_read(client: FlaskClient) -> None:
    with responses.RequestsMock() as nothing:  # any call out would fail
        assert call(client, request_of("no-leukaemia.json")) == (200, {"cards": []})
        assert len(nothing.calls) == 0


@pytest.mark.parametrize("user", ["Patient/x", "RelatedPerson/x"])
def test_patients_and_relatives_are_shown_nothing(client: FlaskClient, user: str) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["context"]["userId"] = user
    assert call(client, body) == (200, {"cards": []})


@pytest.mark.parametrize("change", [{"deceasedBoolean": True}, {"active": False}, {"link": [{"type": "replaced-by"}]}])
def test_a_patient_who_died_or_was_replaced_gets_no_cards(client: FlaskClient, change: dict[str, Any]) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["prefetch"]["patient"] |= change
    assert call(client, body) == (200, {"cards": []})


def test_a_death_that_only_the_results_tell_of_ends_the_call_too(client: FlaskClient) -> None:
    body = request_of("sandbox-with-prefetch.json")
    dead = body["prefetch"].pop("patient") | {"deceasedBoolean": True}
    body["prefetch"] = {"laboratory": {"resourceType": "Bundle", "entry": [{"resource": dead}]}}
    assert call(client, body) == (200, {"cards": []})


def test_a_sign_that_a_newer_result_takes_back_is_none(client: FlaskClient) -> None:
    blasts = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "709-6"}]},
        "valueQuantity": {"value": 30, "unit": "%"},
        "meta": {"versionId": "1"},
    }
    corrected = blasts | {"valueQuantity": {"value": 0, "unit": "%"}, "meta": {"versionId": "2"}}
    body = request_of("no-leukaemia.json")
    del body["prefetch"]["patient"]
    for key, result in (("a name of their own", blasts), ("laboratory", corrected)):
        body["prefetch"][key] = {"resourceType": "Bundle", "entry": [{"resource": result}]}
    assert call(client, body)[0] == 412


@pytest.mark.parametrize("change", [{}, {"deceasedBoolean": True}], ids=["who lives", "who died"])
@pytest.mark.parametrize("conditions", [[], None], ids=["without leukaemia", "with leukaemia"])
def test_results_of_another_patient_are_refused_whatever_the_chart_shows(
    client: FlaskClient, change: dict[str, Any], conditions: list[Any] | None
) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["prefetch"]["patient"] |= change
    if conditions is not None:
        for key in body["prefetch"].keys() - {"patient", "laboratory"}:
            body["prefetch"][key] = {"resourceType": "Bundle", "type": "searchset", "entry": conditions}
    body["prefetch"]["laboratory"]["entry"][-1]["resource"]["subject"] = {"reference": "Patient/another"}
    status, content = call(client, body)
    assert status == 400
    assert "another patient" in content["issue"][0]["diagnostics"]


def test_without_patient_and_conditions_the_precondition_fails(client: FlaskClient) -> None:
    body = request_of("sandbox-with-prefetch.json")
    del body["prefetch"], body["fhirServer"]
    status, content = call(client, body)
    assert status == 412
    assert content["issue"][0]["diagnostics"].startswith("patient and conditions")


def test_a_missing_part_is_said_aloud(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    del body["prefetch"]["laboratory"]
    _, content = call(client, body)
    last = content["cards"][-1]
    assert last["indicator"] == "warning"
    assert "laboratory: not sent, and could not be read" in last["detail"]


def test_an_error_in_place_of_data_is_said_aloud(client: FlaskClient) -> None:
    body = request_of("without-fhir-server.json")
    body["prefetch"]["medicationStatements"] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    _, content = call(client, body)
    assert "the EHR sent an error instead of data" in content["cards"][-1]["detail"]


def test_a_next_page_that_cannot_be_read_is_said_aloud(client: FlaskClient) -> None:
    body = request_of("laboratory-with-a-next-page.json")
    del body["fhirServer"]
    _, content = call(client, body)
    assert "laboratory: only a part was sent" in content["cards"][-1]["detail"]


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999", "1e-999999999", "1e13", '"1e999999999"', '"NaN"', "true"])
def test_a_number_beyond_all_bounds_is_no_measurement(client: FlaskClient, number: str) -> None:
    body = request_of("without-fhir-server.json")
    for entry in body["prefetch"]["laboratory"]["entry"]:
        if "valueQuantity" in entry["resource"]:
            entry["resource"]["valueQuantity"]["value"] = "NUMBER"
    status, content = call(client, json.dumps(body).replace('"NUMBER"', number))
    assert status == 200
    assert not any("U/L is" in card["detail"] for card in content["cards"])


REFUSED = [
    ("patient-is-another.json", "another patient"),
    ("conditions-of-another-patient.json", "another patient"),
    ("token-for-another-patient.json", "fhirAuthorization.patient"),
    ("tester-with-another-patient.json", "another patient"),
    ("without-hook-instance.json", "hookInstance is missing"),
    ("another-hook.json", "hook is not patient-view"),
    ("without-patient-id.json", "context.patientId is missing"),
    ("patient-id-with-a-type.json", "not a FHIR id"),
    ("without-context.json", "context is missing"),
    ("context-is-a-list.json", "$.context"),
    ("truncated.json", "not JSON"),
    ("not-json.json", "not JSON"),
]


@pytest.mark.parametrize(("name", "said"), REFUSED)
def test_what_is_wrong_is_named(client: FlaskClient, name: str, said: str) -> None:
    status, content = call(client, (REJECTS / name).read_bytes())
    assert status == 400
    assert said in content["issue"][0]["diagnostics"]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"hook": 1}'])
def test_no_body_is_an_unforeseen_error(client: FlaskClient, body: bytes) -> None:
    assert call(client, body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/cds-services", 405), ("POST", "/cds-services/other", 404), ("GET", URL, 405)],
)
def test_the_frameworks_errors_are_json_too(client: FlaskClient, method: str, path: str, status: int) -> None:
    response = client.open(path, method=method, json={})
    assert response.status_code == status
    jsonschema.validate(json.loads(response.data), schema("operation-outcome"))


def test_a_body_beyond_the_limit_is_refused() -> None:
    small = client_of(replace(SETTINGS, max_body_bytes=1000))
    assert call(small, b" " * 2000)[0] == 413


class InPieces(io.BytesIO):
    """What a server gives of a body is what has come of it."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(1000 if size is None or size < 0 else min(size, 1000))

    def readinto(self, buffer: Any) -> int:
        return super().readinto(memoryview(buffer)[:1000])


def in_pieces(client: FlaskClient, *, told: bool = True, ends: bool, lacks: int = 0) -> int:
    """The status. `told`: its length; `ends`: the server tells where it ends, as gunicorn does; `lacks`: bytes at its end."""
    body = (REQUESTS / "sandbox-with-prefetch.json").read_bytes().rstrip()
    environ = {"CONTENT_LENGTH": str(len(body))} if told else {"HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post(
        URL,
        input_stream=InPieces(body[: len(body) - lacks]),
        content_type="application/json",
        environ_overrides={**environ, **({"wsgi.input_terminated": True} if ends else {})},
    )
    return answer.status_code


@pytest.mark.parametrize(("told", "ends"), [(True, False), (True, True), (False, True)])
def test_a_body_that_comes_in_pieces_is_read_whole(client: FlaskClient, told: bool, ends: bool) -> None:
    assert in_pieces(client, told=told, ends=ends) == 200


@pytest.mark.parametrize("ends", [False, True])
def test_a_body_whose_last_piece_never_comes_is_refused(client: FlaskClient, ends: bool) -> None:
    assert in_pieces(client, ends=ends, lacks=1) == 400


def test_another_content_type_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, data=b"{}", content_type="text/plain").status_code == 415


def test_silent_mode_evaluates_and_answers_nothing() -> None:
    assert call(client_of(replace(SETTINGS, silent=True)), request_of("sandbox-with-prefetch.json")) == (200, {"cards": []})


def test_a_site_names_the_trials_it_wants() -> None:
    only = client_of(replace(SETTINGS, show_trials=frozenset({"NCT07144020"})))
    _, content = call(only, request_of("sandbox-with-prefetch.json"))
    assert len(content["cards"]) == 1


def test_a_site_hides_closed_trials() -> None:
    _, content = call(client_of(replace(SETTINGS, show_closed_trials=False)), request_of("sandbox-with-prefetch.json"))
    assert all("NCT07144020" in summary for summary in summaries(content))


@pytest.mark.parametrize("path", ["/cds-services", URL])
def test_preflight_is_answered_for_listed_origins_alone(client: FlaskClient, path: str) -> None:
    listed = client.options(path, headers={"Origin": "https://sandbox.example"})
    assert listed.status_code == 204
    assert listed.headers["Access-Control-Allow-Origin"] == "https://sandbox.example"
    assert "Access-Control-Allow-Origin" not in client.options(path, headers={"Origin": "https://other.example"}).headers


def test_health_and_readiness_are_told(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "alive"}
    ready = client.get("/readyz").json
    assert ready is not None
    assert ready["knowledge"].startswith("sha256:")
    assert ready["trials"] == {"evaluated": 5}


def test_a_service_that_requires_a_review_names_what_it_leaves_out_and_answers_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = "NCT07144020.yaml"
    reading = (TRIALS / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(reading.replace("\nreviewed: null\n", "\nreviewed: A. Haematologist, 2026-11-24\n"))
    signed = replace(SETTINGS, trials=tmp_path, require_reviewed=True)
    with caplog.at_level("WARNING"):
        client = client_of(signed)
    others = ["NCT04014881", "NCT04265963", "NCT05943314", "NCT06006403"]
    (event,) = (record for record in caplog.records if record.message == "trials_left_out")
    assert event.fields == {"reason": "not-reviewed", "left_out": ", ".join(others)}  # type: ignore[attr-defined]
    assert (client.get("/readyz").json or {})["trials"] == {"evaluated": 1, "not_reviewed": others}
    _, content = call(client, request_of("sandbox-with-prefetch.json"))
    assert [summary.split(" (")[0] for summary in summaries(content)] == ["CD117 CAR-T NCT07144020"]
    assert "Reading reviewed: A. Haematologist, 2026-11-24" in content["cards"][0]["detail"]
    with pytest.raises(
        SettingsError, match="CDS_SHOW_TRIALS names NCT04265963, which CDS_REQUIRE_REVIEWED leaves out; have it"
    ):
        client_of(replace(signed, show_trials=frozenset({"NCT04265963"})))


@responses.activate
def test_the_token_goes_to_the_listed_fhir_server(client: FlaskClient) -> None:
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    patient = request_of("sandbox-with-prefetch.json")["prefetch"]["patient"]
    responses.get("https://ehr.example/fhir/Patient/relapsed-cd117-positive", json=patient)
    responses.get("https://ehr.example/fhir/Condition", json=empty)
    assert call(client, request_of("oracle-without-prefetch.json")) == (200, {"cards": []})
    assert {sent.request.headers["Authorization"] for sent in responses.calls} == {"Bearer invented-token"}


@responses.activate
def test_a_fhir_server_that_is_not_listed_is_never_called(client: FlaskClient) -> None:
    body = request_of("oracle-without-prefetch.json")
    body["fhirServer"] = "https://attacker.example/fhir"
    assert call(client, body)[0] == 412
    assert len(responses.calls) == 0


@responses.activate
def test_an_open_fhir_server_beyond_loopback_is_not_called(client: FlaskClient) -> None:
    body = request_of("oracle-without-prefetch.json")
    del body["fhirAuthorization"]
    assert call(client, body)[0] == 412
    assert len(responses.calls) == 0
