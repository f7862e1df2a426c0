"""make soak: calls for minutes over 8 to 64 connections, a tenth of what is read failing; what comes of it, and what is left.

With a number of calls, so many of every kind there is: see mixture.py.

python -m benchmarks.soak [SECONDS | --calls NUMBER] [--write]
"""

import argparse
import http.client
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from random import Random

import psutil

from benchmarks import mixture, payloads, report
from benchmarks.calls import Answer, Caller, caller, fire
from benchmarks.fhir_server import SHARE, WITHOUT_FAULTS, planned
from benchmarks.figures import percentiles
from benchmarks.held import HEAD, Held, at_most, held, row, watched
from benchmarks.unruly import well
from cds_service.hooks.patient_view import PREFETCH
from cds_service.settings import now

CONNECTIONS = (8, 16, 32, 64)
PREFETCHED = 0.5
"""Of all calls; for the rest everything is read."""
REST = 5.0
"""Seconds without calls before what is left behind is counted."""
BEGIN, END = "<!-- soak: written by make soak -->\n", "<!-- end of soak -->\n"


@dataclass
class Step:
    """So many connections for a while."""

    connections: int
    outcomes: Counter[str] = field(default_factory=Counter)
    prefetched: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    shed: list[float] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    seconds: float = 0.0


class Calls:
    """Calls of one kind or the other, and whether what comes back is what is due."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._prefetched = payloads.relapsed_aml(100, now().date())
        with closing(caller.connection()) as connection:
            self._sent_cards = _undisturbed(fire(connection, self._prefetched))
            self._read_cards = _undisturbed(fire(connection, caller.to_read(f"{WITHOUT_FAULTS}-1")))

    def until(self, end: float, number: int, step: Step) -> None:
        """One connection's calls, one after another."""
        chance = Random(f"{step.connections}:{number}")
        connection = self._caller.connection()
        count = 0
        while time.monotonic() < end:
            count += 1
            prefetched = chance.random() < PREFETCHED
            token = f"{step.connections}-{number}-{count}"
            body = self._prefetched if prefetched else self._caller.to_read(token)
            began = time.monotonic()
            try:
                answer = fire(connection, body)
            except (OSError, http.client.HTTPException) as error:
                step.outcomes[f"connection failed: {type(error).__name__}"] += 1
                connection.close()
                continue
            took = time.monotonic() - began
            if answer.status == 503 and answer.retry_after:
                step.outcomes["shed: 503 with Retry-After"] += 1
                step.shed.append(took)
                connection.close()  # it would be idle for longer than it is kept
                time.sleep(float(answer.retry_after) * chance.uniform(1, 2))
                continue
            (step.prefetched if prefetched else step.read).append(took)
            step.outcomes[self._judged(prefetched, token, answer)] += 1
        connection.close()

    def _judged(self, prefetched: bool, token: str, answer: Answer) -> str:
        failing = set() if prefetched else {key for key in PREFETCH if planned(token, key) is not well}
        whole = answer.cards == (self._sent_cards if prefetched else self._read_cards)
        if not failing:
            return "whole, as is due" if answer.status == 200 and whole else f"WRONG: {answer.status}, nothing of it failed"
        if "conditions" in failing:
            return "412, as is due" if answer.status == 412 else f"WRONG: {answer.status}, the conditions failed"
        named = answer.status == 200 and answer.is_unfinished
        return "names what failed, as is due" if named else f"WRONG: {answer.status}, a part failed"


def _undisturbed(answer: Answer) -> list[str]:
    if answer.status != 200 or not answer.cards or answer.is_unfinished:
        raise SystemExit(f"soak: the service answered {answer.status} before anything was disturbed")
    return answer.cards


def run(calls: Calls, process: psutil.Process, connections: int, seconds: float) -> Step:
    step = Step(connections)
    began = time.monotonic()
    with watched(process) as step.held, ThreadPoolExecutor(connections) as pool:
        for number in range(connections):
            pool.submit(calls.until, began + seconds, number, step)
    step.seconds = time.monotonic() - began
    return step


def markdown(steps: list[Step], before: Held, after: Held, on: str) -> str:
    parts = (_steps(steps), _outcomes(steps), _left(steps, before, after), (f"Measured on {on}.",))
    return "\n\n".join("\n".join(part) for part in parts)


def _steps(steps: list[Step]) -> Iterator[str]:
    yield "| connections | answers a second | prefetched: p50 / p99 | read: p50 / p99 | slowest | shed, after at most | RSS |"
    yield "|---|---|---|---|---|---|---|"
    for step in steps:
        rate = (len(step.prefetched) + len(step.read)) / step.seconds
        slowest = max((*step.prefetched, *step.read, *step.shed), default=0.0)
        memory = [one.megabytes for one in step.held]
        cells = (
            str(step.connections),
            f"{rate:.0f}",
            percentiles(step.prefetched),
            percentiles(step.read),
            f"{slowest:.2f} s",
            f"{len(step.shed)}, {max(step.shed):.2f} s" if step.shed else "none",
            f"{memory[0]:.0f} to {memory[-1]:.0f} MB" if memory else "",
        )
        yield f"| {' | '.join(cells)} |"


def _outcomes(steps: list[Step]) -> Iterator[str]:
    total = sum((step.outcomes for step in steps), Counter[str]())
    yield f"| {sum(total.values()):,} calls, {SHARE:.0%} of all reads failing | |"
    yield "|---|---|"
    for outcome, count in sorted(total.items()):
        yield f"| {outcome} | {count:,} |"


def _left(steps: list[Step], before: Held, after: Held) -> Iterator[str]:
    yield from HEAD
    yield row("before", before)
    yield row("at most", at_most([one for step in steps for one in step.held]))
    yield row(f"{REST:.0f} s after the last call", after)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=float(os.environ.get("SECONDS", "180")))
    parser.add_argument("--calls", type=int, help="so many calls of every kind, instead of some minutes")
    parser.add_argument("--write", action="store_true", help="put the results into benchmarks/README.md")
    arguments = parser.parse_args()
    if arguments.calls:
        return mixture.main(arguments.calls, write=arguments.write)
    with caller() as calling:
        process = psutil.Process(calling.server.process.pid)
        calls = Calls(calling)
        run(calls, process, CONNECTIONS[0], min(5.0, arguments.seconds))  # what is loaded late is loaded now
        before = held(process)
        steps = []
        for connections in CONNECTIONS:
            print(f"{connections} connections", file=sys.stderr)
            steps.append(run(calls, process, connections, arguments.seconds / len(CONNECTIONS)))
        time.sleep(REST)
        after = held(process)
    text = markdown(steps, before, after, report.machine())
    print(text)
    if arguments.write:
        report.put(text, BEGIN, END)
    wrong = sum(count for step in steps for name, count in step.outcomes.items() if "due" not in name and "shed" not in name)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
