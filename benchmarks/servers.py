"""The servers that are measured, each one process, side by side on loopback."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from cds_service.settings import SETTINGS

ROOT = Path(__file__).parents[1]
PEER = ROOT / ".venv/healthchain/bin/python"
SERVICE = "/cds-services/aml-cell-therapy-trials"
PATIENCE = 60.0
"""Seconds until a server that does not answer is given up."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """One call. Raises: OSError while nothing listens."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
        try:
            connection.request("POST", address.path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def worker(self) -> psutil.Process:
        """The process that answers: gunicorn's worker, or the server itself."""
        itself = psutil.Process(self.process.pid)
        return next(iter(itself.children()), itself)

    def cpu_seconds(self) -> float:
        times = self.worker().cpu_times()
        return float(times.user + times.system)


@contextmanager
def started(command: Sequence[str], path: str, first: bytes, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The server, as soon as it has answered a first call. `command` may name {port}. Raises: TimeoutError."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environment |= {name: value.replace("{port}", str(port)) for name, value in (settings or {}).items()}
    filled = [part.replace("{port}", str(port)) for part in command]
    process = subprocess.Popen(filled, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(f"http://127.0.0.1:{port}{path}", process)
    try:
        _wait(server, first)
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait(server: Server, first: bytes) -> None:
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up and server.process.poll() is None:
        try:
            server.post(first)
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(f"no answer from {server.process.args!r}")


def ours(first: bytes, settings: Mapping[str, str]) -> AbstractContextManager[Server]:
    """The production server, as `cds-service serve` runs it, in one process. Settings that it does not know are left out."""
    known = {name: value for name, value in {"CDS_PROCESSES": "1", **settings}.items() if knows(name)}
    return started([sys.executable, "-m", "cds_service", "serve"], SERVICE, first, {"CDS_PORT": "{port}", **known})


def floor(mode: str, first: bytes) -> AbstractContextManager[Server]:
    return started([sys.executable, "-m", "benchmarks.floor", mode, "{port}"], "/", first)


def healthchain(mode: str, first: bytes) -> AbstractContextManager[Server]:
    return started([str(PEER), "benchmarks/healthchain_peer.py", mode, "{port}"], "/cds/cds-services/bench", first)


@contextmanager
def unruly() -> Iterator[int]:
    """The FHIR server of the soak, and its port. Raises: TimeoutError."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.fhir_server", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        given_up = time.monotonic() + PATIENCE
        while not _listens(port):
            if time.monotonic() > given_up or process.poll() is not None:
                raise TimeoutError("the FHIR server of the soak does not start")
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def knows(setting: str) -> bool:
    return any(one.name == setting for one in SETTINGS)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
