"""The results as Markdown: ratios, what the targets make of them, and the machine on which they were measured."""

import os
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import ratio, spread
from benchmarks.results import FLOOR, FLOOR_COMMON, OURS, OURS_COMMON, SIZES, Results
from benchmarks.servers import PEER
from benchmarks.targets import targets

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results: written by make bench -->\n", "<!-- end of results -->\n"


def markdown(results: Results) -> str:
    return "\n\n".join("\n".join(part) for part in (_ratios(results), _targets(results), _sizes(results), _machine(results)))


def write(results: Results) -> None:
    """Put the results between the marks in the README."""
    put(markdown(results), BEGIN, END)


def put(text: str, begin: str, end: str) -> None:
    """Put a text between two marks in the README."""
    before, rest = README.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    README.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")


def _ratios(results: Results) -> Iterator[str]:
    columns = ("p50, times the bare handler's", "CPU of a call, times", "p99 ÷ p50", "calls a second at 8 connections, times")
    yield f"| 100 Observations, 100 kB | {' | '.join(columns)} |"
    yield "|---|---|---|---|---|"
    for name, row in results.rows.items():
        floor = results.rows[FLOOR_COMMON if name == OURS_COMMON else FLOOR]
        cells = (
            ratio(row[1].p50, floor[1].p50),
            ratio(row[1].cpu, floor[1].cpu),
            ratio(row[1].p99, row[1].p50),
            ratio(row[8].rate, floor[8].rate),
        )
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def _targets(results: Results) -> Iterator[str]:
    yield "| target | bound | measured | |"
    yield "|---|---|---|---|"
    for target in targets(results):
        bound = f"{'≥' if target.at_least else '≤'} {target.bound:.3g}"
        yield f"| {target.what} | {bound} | {target.measured} | {'met' if target.met else '**missed**'} |"


def _sizes(results: Results) -> Iterator[str]:
    yield f"| p50 at one connection, times the bare handler | {' | '.join(f'{size:,} Observations' for size in SIZES)} |"
    yield f"|---|{'---|' * len(SIZES)}"
    for name, floor in ((OURS, FLOOR), (OURS_COMMON, FLOOR_COMMON)):
        cells = [ratio(results.sizes[name][size], results.sizes[floor][size]) for size in SIZES]
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def _machine(results: Results) -> Iterator[str]:
    floor = results.rows[FLOOR][1]
    packages = ("flask", "gunicorn", "msgspec", "fhir.resources", "pydantic")
    plan = results.plan
    yield (
        f"Measured with wrk, {plan.repeats} interleaved repeats of {plan.seconds} s, on {machine()}, "
        f"{', '.join(f'{name} {version(name)}' for name in packages)}, healthchain {_peer_version()}. "
        f"The bare handler's own p50 at one connection was {spread(floor.p50)} ms, its CPU {spread(floor.cpu)} ms a call. "
        "Median [least–greatest] of the repeats."
    )


def machine() -> str:
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines: Sequence[str] = cpuinfo.read_text().splitlines() if cpuinfo.exists() else ()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _peer_version() -> str:
    found = sorted(PEER.parents[1].glob("lib/python*/site-packages/healthchain-*.dist-info"))
    return found[0].name.removeprefix("healthchain-").removesuffix(".dist-info") if found else "not installed"
