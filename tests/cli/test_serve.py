"""The production server as it is started: what is not HTTP is refused as everything else is."""

import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.cli.gunicorn_config import cpus


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[int]:
    """`cds-service serve` without authentication, on a free port; what it says is in `log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    (folder / "tmp").mkdir()
    settings = {
        "CDS_AUTH": "off",
        "CDS_PORT": str(number),
        "CDS_PROCESSES": "2",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/store.sqlite",
        "TMPDIR": str(folder / "tmp"),
    }
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "cds_service", "serve", *arguments]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True)
        (folder / "process").write_text(str(process.pid))
        try:
            for _ in range(300):
                if process.poll() is not None:
                    break
                try:
                    socket.create_connection(("127.0.0.1", number), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield number
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)  # Werkzeug's server has a child that reloads it
            process.wait(60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with started(folder) as number:
        yield number
    written = (folder / "log").read_text(encoding="utf-8")
    assert "AUTHENTICATION IS OFF" in written
    assert "Zzyzx" not in written
    assert "Traceback" not in written


@pytest.fixture(scope="module")
def log(folder: Path) -> Path:
    return folder / "log"


def said(port: int, request: bytes) -> tuple[int, bytes]:
    """The status and the body of a raw request's answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


CALL = b"POST /cds-services/aml-cell-therapy-trials HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MALFORMED = [
    (b"Zzyzx\r\n\r\n", 400),
    (b"GET /cds-services HTTP/9.9 Zzyzx\r\n\r\n", 400),
    (b"GET /cds-services HTTP/1.1\r\nZzyzx Zzyzx: x\r\n\r\n", 400),
    (b"GET /Zzyzx" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    (b"GET /cds-services HTTP/1.1\r\nHost: localhost\r\n" + b"Zzyzx: x\r\n" * 200 + b"\r\n", 431),
    (CALL + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (CALL + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", 400),
    (CALL + b"Transfer-Encoding: zzyzx\r\n\r\n", 501),
    (CALL + b"Content-Length: -1\r\n\r\n", 400),
    (CALL + b"Content-Length: 99999999999\r\n\r\n", 413),
    (CALL + b"Content-Length: 2\r\n\r\n{}", 400),
]


@pytest.mark.parametrize(("request_", "status"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_http_gets_an_operation_outcome(port: int, request_: bytes, status: int) -> None:
    answered, body = said(port, request_)
    assert answered == status
    assert json.loads(body)["resourceType"] == "OperationOutcome"
    assert b"Zzyzx" not in body


@pytest.mark.parametrize(("path", "kind", "status"), [("aml-cell-therapy-trials", "text/plain", 415), ("none", "", 404)])
def test_a_refused_call_with_a_large_body_leaves_the_connection_open(port: int, path: str, kind: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        connection.request("POST", f"/cds-services/{path}", b" " * 3_000_000, {"Content-Type": kind})
        refused = connection.getresponse()
        assert (refused.status, json.loads(refused.read())["resourceType"]) == (status, "OperationOutcome")
        opened = connection.sock
        connection.request("GET", "/cds-services")
        answer = connection.getresponse()
        assert (answer.status, len(json.loads(answer.read())["services"])) == (200, 1)
        assert connection.sock is opened is not None
    connection.close()


def counted(port: int) -> float:
    """The hooks answered so far, as any of the processes tells it."""
    status, body = said(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 200
    found = re.findall(rb'^cds_call_seconds_count\{service="aml-cell-therapy-trials"\} (\S+)$', body, re.MULTILINE)
    return float(found[0]) if found else 0.0


def test_the_processes_count_together(port: int) -> None:
    before = counted(port)
    body = Path("fhir_fixtures/requests/no-leukaemia.json").read_bytes()
    for _ in range(20):
        assert said(port, CALL + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)[0] == 200
    assert [counted(port) - before for _ in range(10)] == [20] * 10, "whichever process is asked"


def test_an_address_is_logged_as_its_route(port: int, log: Path) -> None:
    assert said(port, b"GET /Zzyzx?patient=Zzyzx HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 404
    assert said(port, b"GET /cds-services?patient=Zzyzx HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    access = [(line["method"], line["route"], line["status"]) for line in lines if line["event"] == "access"]
    assert access[-2:] == [("GET", "unknown", 404), ("GET", "/cds-services", 200)]


def test_the_development_server_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handlers = logging.getLogger().handlers[:]
    monkeypatch.setenv("CDS_HOST", "0.0.0.0")
    assert main(["serve", "--dev"]) == 1
    logging.getLogger().handlers[:] = handlers


def test_the_development_server_answers(tmp_path: Path) -> None:
    with started(tmp_path, "--dev") as port:
        assert said(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == (200, b'{"status":"alive"}')


def test_a_call_under_way_is_answered_when_the_service_is_told_to_stop(tmp_path: Path) -> None:
    body = Path("fhir_fixtures/requests/without-fhir-server.json").read_bytes()
    head = CALL + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with started(tmp_path) as port, socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(head + body[:-1])
        assert said(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200
        os.kill(int((tmp_path / "process").read_text()), signal.SIGTERM)
        connection.sendall(body[-1:])
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert list((tmp_path / "tmp").iterdir()) == [], "nothing is left behind"


@pytest.mark.parametrize(("quota", "most"), [("50000 100000", 1), ("150000 100000", 2), ("max 100000", 1000), ("", 1000)])
def test_there_is_a_process_for_each_cpu_that_the_container_may_use(tmp_path: Path, quota: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= cpus(tmp_path / "cpu.max") <= most
    assert cpus(tmp_path / "cpu.max") == min(most, cpus(tmp_path / "none"))


def test_the_service_still_answers_afterwards(port: int) -> None:
    body = Path("fhir_fixtures/requests/without-fhir-server.json").read_bytes()
    status, answer = said(port, CALL + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert status == 200
    assert json.loads(answer)["cards"]
