"""A real PostgreSQL server for the tests, of its own directory and port; started, stopped and brought to a halt by them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""


def program(name: str) -> str | None:
    """Where the program is: on the path, or where Debian keeps it."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, FOLDERS)]))


def missing_programs() -> str | None:
    lacking = [name for name in ("initdb", "pg_ctl", "postgres") if program(name) is None]
    return f"PostgreSQL lacks {', '.join(lacking)}: install Debian's package postgresql" if lacking else None


class PostgreSQL:
    """A cluster of one user, `cds`, whom it trusts."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self.port = free_port()
        self._names = (f"store_{number}" for number in count())
        self._run("initdb", "--username=cds", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Nothing happens if it runs."""
        if self._pid_file.exists():
            return
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--timeout=60", f"--log={self._folder}/log", f"--options={options}")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is as good as a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def hang(self) -> None:
        """Every process of it stands still: connections are taken by the kernel, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid_file.exists():
            main = self._pid_file.read_text(encoding="ascii").split()[0]
            children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
            for process in (main, *children):
                with suppress(ProcessLookupError):  # a connection that ended meanwhile
                    os.kill(int(process), number)

    @property
    def _pid_file(self) -> Path:
        return self._folder / "data" / "postmaster.pid"

    def remove(self) -> None:
        if self._pid_file.exists():
            self.stop("immediate")
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The address of an empty database."""
        name = next(self._names)
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)

    def address(self, database: str) -> str:
        return f"postgresql://cds@127.0.0.1:{self.port}/{database}"

    def _run(self, name: str, *arguments: str) -> None:
        command = [str(program(name)), f"--pgdata={self._folder}/data", *arguments]
        with (self._folder / "said").open("w+") as said:
            done = subprocess.run(command, user=self._user, cwd=self._folder, stdout=said, stderr=said, check=False)
            said.seek(0)
            assert done.returncode == 0, said.read()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
