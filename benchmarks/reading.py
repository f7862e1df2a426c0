"""How long a call takes for which everything must be read, from a server with set delays, and from a dead one.

python -m benchmarks.reading [--write]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing

from benchmarks import report
from benchmarks.calls import Caller, caller, fire
from benchmarks.fhir_server import DEAD, DELAYS, WITHOUT_FAULTS, delay
from benchmarks.figures import spread
from cds_service.hooks.patient_view import PREFETCH

REPEATS = 15
BOUND = 1.3
"""Times the conditions and the slowest of the rest."""
BEGIN, END = "<!-- reading: written by make reading -->\n", "<!-- end of reading -->\n"


def took(caller: Caller, token: str) -> float:
    """Milliseconds."""
    with closing(caller.connection()) as connection:
        connection.connect()
        began = time.perf_counter()
        fire(connection, caller.to_read(token))
        return (time.perf_counter() - began) * 1e3


def _delays(caller: Caller) -> Iterator[str]:
    yield f"| all is read | conditions + slowest of the rest | measured | ratio, bound {BOUND} | one after another |"
    yield "|---|---|---|---|---|"
    yield f"| no delay | | {spread([took(caller, f'{WITHOUT_FAULTS}-{n}') for n in range(REPEATS)])} ms | | |"
    for kind in DELAYS:
        rest = [delay(kind, key) * 1e3 for key in PREFETCH if key not in ("patient", "conditions")]
        basis = delay(kind, "conditions") * 1e3
        due = basis + max(rest)
        total = [took(caller, f"{kind}-{number}") for number in range(REPEATS)]
        ratios = spread([one / due for one in total])
        yield f"| delays {kind} | {due:.0f} ms | {spread(total)} ms | {ratios} | {basis + sum(rest):.0f} ms |"


def _cached(caller: Caller) -> Iterator[str]:
    again = [took(caller, "alike-again") for _ in range(REPEATS)]
    yield f"The same chart again with the same token, from what is kept: {spread(again[1:])} ms."


def _dead(caller: Caller) -> Iterator[str]:
    calls = [took(caller, f"{DEAD}-{number}") for number in range(REPEATS)]
    slow = [one for one in calls if one > 1_000]
    quick = [one for one in calls if one <= 1_000]
    yield (
        f"A server that never answers, {REPEATS} calls one after another: {len(slow)} wait for the deadline "
        f"({spread(slow)} ms); then its breaker is open, and a call takes {spread(quick)} ms."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the results into benchmarks/README.md")
    write = parser.parse_args().write
    with caller() as calling:
        took(calling, f"{WITHOUT_FAULTS}-first")
        parts = ["\n".join(part(calling)) for part in (_delays, _cached, _dead)]
    text = "\n\n".join((*parts, f"Measured on {report.machine()}. Median [least–greatest] of {REPEATS} calls, one connection."))
    print(text)
    if write:
        report.put(text, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
