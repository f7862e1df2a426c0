"""How the production server stops: what is being answered is answered to its end."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.unruly import Asked, Patients, Unruly, well

WAITS = 30.0
"""Seconds, for what comes soon or never."""
SERVICE = "/cds-services/aml-cell-therapy-trials"


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def fired(port: int, fhir_server: str) -> tuple[int, int]:
    """The status and the number of cards of a call for which everything must be read."""
    call = {
        "hook": "patient-view",
        "hookInstance": "6b9a1c1e-5d3c-4a4e-9d0b-0a1b2c3d4e5f",
        "fhirServer": fhir_server,
        "context": {"patientId": "relapsed-cd117-positive", "userId": "Practitioner/x"},
    }
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAITS)) as connection:
        connection.request("POST", SERVICE, json.dumps(call), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, len(json.loads(answer.read()).get("cards", []))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_call_that_is_being_answered_when_the_service_is_told_to_stop_gets_its_answer(tmp_path: Path, processes: str) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def held(asked: Asked) -> bool:
        begun.set()
        let_go.wait(WAITS)
        return well(asked)

    with Unruly(Patients(), behaviour=held) as fhir, socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
        free.close()
        settings = {
            "CDS_AUTH": "off",
            "CDS_PORT": str(port),
            "CDS_PROCESSES": processes,
            "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite",
            "CDS_FHIR_SERVERS": fhir.url,
        }
        with (tmp_path / "log").open("w") as log, ThreadPoolExecutor(1) as pool:
            command = [sys.executable, "-m", "cds_service", "serve"]
            service = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
            try:
                while not listens(port) and service.poll() is None:
                    time.sleep(0.05)
                call = pool.submit(fired, port, fhir.url)
                assert begun.wait(WAITS)
                service.send_signal(signal.SIGTERM)
                time.sleep(0.5)  # until it has heard: nothing shows from outside that it has
                assert service.poll() is None, "it waits for the call"
                let_go.set()
                status, cards = call.result()
                assert service.wait(WAITS) == 0
            finally:
                let_go.set()
                service.kill()
                service.wait(WAITS)
    assert (status, cards > 1) == (200, True)
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
