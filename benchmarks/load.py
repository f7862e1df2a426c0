"""The load generator: wrk, a closed loop of so many connections."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadError(Exception):
    """The load could not be made, or calls failed: there is no figure then."""


class Report(msgspec.Struct, frozen=True):
    """What wrk.lua prints."""

    requests: int
    microseconds: int
    p50: int
    p99: int
    failed: int


@dataclass(frozen=True, slots=True)
class Load:
    """One call, repeated: its address, the file of its body, and a file of tokens where each call needs its own."""

    url: str
    body: Path
    tokens: Path | None = None

    def run(self, connections: int, seconds: int) -> Report:
        """Raises: LoadError."""
        command = [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=60s", "-s", str(SCRIPT), self.url]
        arguments = [str(self.body), *([str(self.tokens)] if self.tokens is not None else [])]
        done = subprocess.run([*command, "--", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LoadError(f"wrk failed: {done.stderr.strip()}")
        report = msgspec.json.decode(done.stdout.splitlines()[-1], type=Report)
        if report.failed or not report.requests:
            raise LoadError(f"{report.failed} calls of {report.requests} to {self.url} failed")
        return report


def wrk() -> str:
    """Raises: LoadError, saying what to install."""
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("wrk is not installed: `apt-get install wrk` (Debian, Ubuntu) or `brew install wrk` (macOS)")
    return found
