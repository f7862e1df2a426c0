"""A real HAPI FHIR JPA server: built with Maven, run on a free loopback port."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
FLAGS = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog=ERROR"]


def missing_tools() -> str | None:
    """What keeps the server from being built, if anything does."""
    if shutil.which("mvn") is None:
        return "Maven is not installed"
    if shutil.which("java") is None:
        return "no JDK is installed"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    return None if version is not None and int(version[1]) >= 17 else "the JDK is older than 17"


@contextmanager
def hapi_server(port: int | None = None) -> Iterator[str]:
    """The server's base URL while it runs."""
    subprocess.run(["mvn", "-B", "-ntp", "-q", "compile"], cwd=HERE, check=True)
    classes = f"target/classes{os.pathsep}{(HERE / 'target' / 'cp.txt').read_text(encoding='utf-8').strip()}"
    command = ["java", *FLAGS, "-cp", classes, "HapiServer", str(port or _free_port()), "/fhir"]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _ready(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _ready(process: "subprocess.Popen[str]") -> str:
    """The address in the line that it prints when it is ready."""
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"ready on (http\S+)", line):
            return match[1]
    raise RuntimeError("the HAPI FHIR server ended before it was ready")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
