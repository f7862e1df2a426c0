"""What a server's processes hold at a moment, and while it is called."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Held:
    """By all processes together. Memory that they share counts for each."""

    megabytes: float
    threads: int
    sockets: int
    descriptors: int


HEAD = ("| the processes hold | RSS | threads | sockets | file descriptors |", "|---|---|---|---|---|")


def row(name: str, one: Held) -> str:
    return f"| {name} | {one.megabytes:.0f} MB | {one.threads} | {one.sockets} | {one.descriptors} |"


def held(server: psutil.Process) -> Held:
    """By the process that was started and its children."""
    return _together([_of(process) for process in (server, *server.children(recursive=True))], sum)


def at_most(moments: Sequence[Held]) -> Held:
    """The most of each, though at different moments."""
    return _together(moments, max)


@contextmanager
def watched(server: psutil.Process) -> Iterator[list[Held]]:
    """What is held, once a second."""
    moments = [held(server)]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(1.0):
            moments.append(held(server))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield moments
    finally:
        stop.set()
        watching.join()


def _of(process: psutil.Process) -> Held:
    with process.oneshot():
        sockets = len(process.net_connections())
        return Held(process.memory_info().rss / 1e6, process.num_threads(), sockets, process.num_fds())


def _together(moments: Sequence[Held], join: Callable[[Iterable[Any]], Any]) -> Held:
    megabytes, threads, sockets, descriptors = (join(values) for values in zip(*map(astuple, moments), strict=True))
    return Held(megabytes, threads, sockets, descriptors)
