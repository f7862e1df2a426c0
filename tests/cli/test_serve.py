"""The production server as it is started: what is not HTTP is refused as everything else is."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """`cds-service serve` without authentication, on a free port."""
    folder = tmp_path_factory.mktemp("serve")
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    settings = {
        "CDS_AUTH": "off",
        "CDS_PORT": str(number),
        "CDS_PROCESSES": "2",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/store.sqlite",
    }
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "cds_service", "serve"]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
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
            process.terminate()
            process.wait(30)
    written = (folder / "log").read_text(encoding="utf-8")
    assert "AUTHENTICATION IS OFF" in written
    assert "Zzyzx" not in written
    assert "Traceback" not in written


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


def test_the_service_still_answers_afterwards(port: int) -> None:
    body = Path("fhir_fixtures/requests/without-fhir-server.json").read_bytes()
    status, answer = said(port, CALL + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert status == 200
    assert json.loads(answer)["cards"]
