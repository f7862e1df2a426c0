"""A patient called Zzyzx, with the canary in every field, leaves no trace but in the cards that the clinician reads."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidHeader, InvalidRequestLine, LimitRequestHeaders, UnsupportedTransferCoding

from cds_service import logs
from cds_service.cli.worker import refusal
from tests.web.ehr import DISCOVERY, FEEDBACK, SERVICE, bearer, service
from tests.web.test_service import request_of

CANARY = "Zzyzx"
FHIR = "https://ehr.example/fhir"
PATIENT = "relapsed-cd117-positive"
KEPT = {"resourceType", "system", "code", "hook", "status", "birthDate", "gender", "fhirServer", "unit", "type", "relation"}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Every log line that the service writes, with all loggers as talkative as they can be."""
    root, lines = logging.getLogger(), io.StringIO()
    kept, level = root.handlers[:], root.level
    logs.configure(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.handlers[:] = kept
    root.setLevel(level)


def poisoned(node: Any, key: str = "") -> Any:
    """The canary in every text and id; only what must be a code, a date or an address stays."""
    if isinstance(node, dict):
        return {name: poisoned(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [poisoned(value, key) for value in node]
    if not isinstance(node, str) or key in KEPT or node[:4].isdigit():
        return node
    return f"{node}-{CANARY}" if key in ("id", "patientId", "userId", "reference", "patient") else f"{node} {CANARY}"


BODY: dict[str, Any] = {
    **poisoned(request_of("sandbox-with-prefetch.json")),
    "hook": "patient-view",
    "hookInstance": f"{CANARY}-instance",
    "extension": {CANARY: CANARY},
    "fhirAuthorization": {
        "access_token": f"{CANARY}-token",
        "patient": f"{PATIENT}-{CANARY}",
        "scope": CANARY,
        "subject": CANARY,
    },
}
FULL = {**BODY, "prefetch": {**BODY["prefetch"], f"{CANARY}-key": BODY["prefetch"]["laboratory"]}}
BARE = {key: value for key, value in BODY.items() if key != "prefetch"}
REFUSED: list[Any] = [
    {**FULL, "hook": CANARY},
    {**FULL, "context": {"patientId": f"{CANARY}!", "userId": CANARY}},
    {**FULL, "context": {**FULL["context"], "patientId": f"another-{CANARY}"}},
    {**FULL, "context": CANARY},
    {**FULL, "fhirAuthorization": {"access_token": 1, "patient": CANARY}},
    {**FULL, "fhirAuthorization": CANARY},
    {**FULL, "prefetch": {"patient": CANARY}, "fhirServer": f"https://{CANARY}.example/"},
    {**FULL, "prefetch": [CANARY]},
    {**BARE, "fhirServer": f"https://{CANARY}.example/fhir"},
    [CANARY],
    CANARY,
]
ITEM = {"card": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "outcome": "overridden", "outcomeTimestamp": "2026-11-24T08:00:00Z"}
REASON = {"reason": {"code": CANARY, "system": CANARY, "display": CANARY}, "userComment": CANARY, "extension": {CANARY: CANARY}}


def fire(client: FlaskClient, body: Any, path: str = SERVICE, **claims: Any) -> tuple[int, str]:
    response = client.post(path, data=json.dumps(body), content_type="application/json", headers=bearer(path, **claims))
    return response.status_code, response.get_data(as_text=True)


def failing_fhir(status: int) -> None:
    """A FHIR server that repeats the canary in whatever it says."""
    answer = {"status": status, "json": {"resourceType": "OperationOutcome", "issue": [{"diagnostics": CANARY}]}}
    responses.get(f"{FHIR}/Patient/{PATIENT}-{CANARY}", **answer)
    responses.get(f"{FHIR}/Condition", body=requests.exceptions.ConnectionError(f"https://{CANARY}/{CANARY}"))


@pytest.mark.checklist(42)
@responses.activate
@pytest.mark.parametrize("store", ["up", "down"])
def test_the_canary_is_nowhere_but_in_the_cards(
    tmp_path: Path, stream: io.StringIO, capfd: pytest.CaptureFixture[str], store: str
) -> None:
    files = tmp_path / "store"
    if store == "up":
        files.mkdir()
    client = service(tmp_path, f"fhir_servers: ['{FHIR}']", CDS_DATABASE_URL=f"sqlite:///{files}/store.sqlite").test_client()
    status, cards = fire(client, FULL)
    assert status == 200
    assert CANARY in cards, "the clinician reads the record's words"
    refusals = [fire(client, body) for body in REFUSED]
    for code in (401, 404, 500):
        responses.reset()
        failing_fhir(code)
        refusals.append(fire(client, BARE))
    refusals += [fire(client, FULL, **{name: CANARY}) for name in ("iss", "aud", "jti", "tenant", "exp", "sub")][:2]
    refusals.append(fire(client, FULL, header={"kid": CANARY, "jku": f"https://{CANARY}.example"}))
    refusals.append(fire(client, {"feedback": [{**ITEM, "card": CANARY}]}, FEEDBACK))
    refusals.append(fire(client, {"feedback": [{**ITEM, "outcome": CANARY}]}, FEEDBACK))
    refusals.append(fire(client, FULL, f"/cds-services/{CANARY}"))
    for response in (
        client.get(f"/{CANARY}?{CANARY}={CANARY}"),
        client.open(SERVICE, method=CANARY.upper()),
        client.get(DISCOVERY, headers={"Authorization": f"Bearer {CANARY}"}),
        client.post(SERVICE, data=CANARY, content_type=f"text/{CANARY}", headers=bearer()),
    ):
        refusals.append((response.status_code, response.get_data(as_text=True)))
    told = fire(client, {"feedback": [{**ITEM, "overrideReason": REASON, CANARY: CANARY}]}, FEEDBACK)
    assert told[0] == (200 if store == "up" else 503)
    assert all(status >= 400 for status, _ in refusals), [status for status, _ in refusals]
    texts = [body for _, body in (*refusals, told)] + [
        client.get(path).get_data(as_text=True) for path in ("/healthz", "/readyz")
    ]
    texts += [stream.getvalue(), *capfd.readouterr()]
    texts += [path.read_bytes().decode("latin-1") for path in files.glob("*")]
    assert len(stream.getvalue().splitlines()) > 20
    for text in texts:
        assert CANARY.lower() not in text.lower()
        assert PATIENT not in text


def test_what_is_not_even_http_is_refused_without_a_word_of_it(stream: io.StringIO) -> None:
    expected = {
        InvalidHeader(CANARY): b"400",
        InvalidRequestLine(CANARY): b"400",
        LimitRequestHeaders(CANARY): b"431",
        UnsupportedTransferCoding(CANARY): b"501",
        RuntimeError(CANARY): b"500",
    }
    for error, status in expected.items():
        head, _, body = refusal(error).partition(b"\r\n\r\n")
        assert head.split(b" ")[1] == status
        assert json.loads(body)["resourceType"] == "OperationOutcome"
        assert CANARY.encode() not in head + body
    assert CANARY not in stream.getvalue()
