"""What leaves the service besides its answer: events with allow-listed fields, and nothing of the record."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import logs
from tests.web.test_service import SETTINGS, URL, client_of, request_of

CANARY = "Zzyzx"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    kept, lines = logging.getLogger().handlers[:], io.StringIO()
    logs.configure(lines)
    yield lines
    logging.getLogger().handlers[:] = kept


def poisoned(node: Any, key: str = "") -> Any:
    """The same request with a canary in every text that is no code, date or reference."""
    if isinstance(node, dict):
        return {name: poisoned(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [poisoned(value, key) for value in node]
    kept = ("resourceType", "system", "code", "hook", "status", "id", "reference", "patientId", "userId", "birthDate", "gender")
    return f"{node} {CANARY}" if isinstance(node, str) and key not in kept and not node[:4].isdigit() else node


def test_a_patient_called_zzyzx_is_in_no_log_line(stream: io.StringIO) -> None:
    client = client_of(SETTINGS)
    good = request_of("sandbox-with-prefetch.json")
    body = {**poisoned(good), "hook": "patient-view"}
    assert CANARY in client.post(URL, json=body).get_data(as_text=True)
    refused = [
        {**body, "context": {"patientId": f"{CANARY}!", "userId": "Practitioner/x"}},
        {**body, "context": {"patientId": CANARY, "userId": "Practitioner/x"}},
        {**body, "hook": CANARY},
        {**body, "prefetch": {"patient": CANARY}},
        {**body, "prefetch": CANARY},
    ]
    for one in refused:
        response = client.post(URL, json=one)
        assert response.status_code in (400, 412)
        assert CANARY not in response.get_data(as_text=True)
    lines = stream.getvalue()
    assert CANARY not in lines
    assert "relapsed-cd117-positive" not in lines
    events = [json.loads(line)["event"] for line in lines.splitlines()]
    assert {"started", "hook_answered", "request_refused"} <= set(events)


def test_an_unforeseen_error_is_logged_by_its_place_alone(stream: io.StringIO) -> None:
    app = client_of(SETTINGS).application

    def fail() -> str:
        raise RuntimeError(CANARY)

    app.add_url_rule("/fail", view_func=fail)
    response = FlaskClient(app).get("/fail")
    assert response.status_code == 500
    assert CANARY not in response.get_data(as_text=True) + stream.getvalue()
    last = json.loads(stream.getvalue().splitlines()[-2])  # the very last is the access
    assert (last["event"], last["kind"]) == ("unforeseen_error", "RuntimeError")


def test_a_field_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match="patient_name"):
        logs.event("x", patient_name=CANARY)


def test_other_libraries_lines_keep_only_their_name(stream: io.StringIO) -> None:
    logging.getLogger("urllib3").warning("connecting to %s", CANARY)
    assert json.loads(stream.getvalue())["event"] == "library.urllib3"
