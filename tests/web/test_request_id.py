"""One id joins a call's log lines, its audit row and its answer, and is never what might name a patient."""

import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_service import logs
from tests.web.ehr import SERVICE, bearer, service
from tests.web.test_service import request_of

OURS = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    kept, lines = logging.getLogger().handlers[:], io.StringIO()
    logs.configure(lines)
    yield lines
    logging.getLogger().handlers[:] = kept


def test_a_calls_log_lines_audit_row_and_answer_carry_its_id(tmp_path: Path, stream: io.StringIO) -> None:
    client = service(tmp_path).test_client()
    stream.truncate(0)
    answer = client.post(SERVICE, json=request_of("without-fhir-server.json"), headers={**bearer(), "X-Request-ID": OURS})
    refused = client.post(SERVICE, json={}, headers={**bearer(), "X-Request-ID": OURS[:-1] + "2"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (200, OURS)
    assert (refused.status_code, refused.headers["X-Request-ID"]) == (400, OURS[:-1] + "2")
    said = [json.loads(line) for line in stream.getvalue().strip("\0").splitlines()]
    assert [(line["event"], line["request_id"]) for line in said] == [
        ("hook_answered", OURS),
        ("access", OURS),
        ("request_refused", OURS[:-1] + "2"),
        ("access", OURS[:-1] + "2"),
    ]
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    assert connection.execute("SELECT request FROM audit").fetchall() == [(OURS,)]
    connection.close()


@pytest.mark.parametrize("sent", ["", "4711", "Zzyzx", "a" * 200, OURS + "0", "patient-" + OURS[8:]])
def test_an_id_that_might_name_somebody_is_replaced(tmp_path: Path, sent: str) -> None:
    answer = service(tmp_path).test_client().get("/healthz", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] != sent
    assert len(answer.headers["X-Request-ID"]) == 36


def test_the_trace_id_of_a_gateway_is_taken_over(tmp_path: Path) -> None:
    trace = OURS.replace("-", "")
    answer = service(tmp_path).test_client().get("/healthz", headers={"X-Request-ID": trace.upper()})
    assert answer.headers["X-Request-ID"] == trace


def test_no_two_calls_have_the_same_id(tmp_path: Path) -> None:
    client = service(tmp_path).test_client()
    assert client.get("/healthz").headers["X-Request-ID"] != client.get("/healthz").headers["X-Request-ID"]
