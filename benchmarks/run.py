"""One run: all servers side by side, each measured in turn, again and again, so that what disturbs one disturbs all."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import authentication, memory, payloads, servers
from benchmarks.load import Load, LoadError
from benchmarks.results import (
    CONNECTIONS,
    FLOOR,
    FLOOR_COMMON,
    OURS,
    OURS_COMMON,
    OURS_KNOWN,
    PEER_COUNTS,
    PEER_VALIDATES,
    SIZES,
    VALIDATING,
    Plan,
    Results,
    Samples,
)
from benchmarks.servers import SERVICE, Server
from cds_service.settings import now

TOKENS_A_SECOND = 1_000
"""More than the service answers calls: a token is good for one."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A server and the chart that it is sent; a client where each call needs a token of its own."""

    name: str
    server: Server
    body: Path
    client: authentication.Client | None = None

    def measure(self, connections: int, seconds: int, samples: Samples) -> None:
        """Raises: LoadError."""
        tokens = self.client.tokens(TOKENS_A_SECOND * seconds) if self.client is not None else None
        before = self.server.cpu_seconds()
        load = Load(self.server.url, self.body, tokens).run(connections, seconds)
        samples.cpu.append((self.server.cpu_seconds() - before) * 1e3 / load.requests)
        samples.p50.append(load.p50 / 1e3)
        samples.p99.append(load.p99 / 1e3)
        samples.rate.append(load.requests / load.microseconds * 1e6)


class Charts:
    """The calls that are sent, by chart and number of Observations, as files for the load generator."""

    def __init__(self, directory: Path) -> None:
        today = now().date()
        self._files: dict[tuple[str, int], Path] = {}
        for name, chart in (("relapsed", payloads.relapsed_aml), ("common", payloads.without_leukaemia)):
            for size in SIZES:
                self._files[name, size] = directory / f"{name}-{size}.json"
                self._files[name, size].write_bytes(chart(size, today))

    def relapsed(self, size: int = 100) -> Path:
        return self._files["relapsed", size]

    def common(self, size: int = 100) -> Path:
        return self._files["common", size]


def measure(plan: Plan, directory: Path, tell: Tell) -> Results:
    """Raises: LoadError, TimeoutError."""
    charts = Charts(directory)
    first = charts.relapsed().read_bytes()
    open_to_all = {
        "CDS_AUTH": "off",
        "CDS_DATABASE_URL": f"sqlite:///{directory}/open.sqlite",
        "CDS_RATE_LIMIT": "1000000 per second",
    }
    starts = _starts(plan, first, open_to_all, tell)
    with ExitStack() as stack:
        tell("starting the servers")
        ours = stack.enter_context(servers.ours(first, open_to_all))
        bare = stack.enter_context(servers.floor("parse", first))
        rows = [
            Row(FLOOR, bare, charts.relapsed()),
            Row(OURS, ours, charts.relapsed()),
            Row(FLOOR_COMMON, bare, charts.common()),
            Row(OURS_COMMON, ours, charts.common()),
            Row(VALIDATING, stack.enter_context(servers.floor("validate", first)), charts.relapsed()),
            Row(PEER_COUNTS, stack.enter_context(servers.healthchain("count", first)), charts.relapsed()),
            Row(PEER_VALIDATES, stack.enter_context(servers.healthchain("validate", first)), charts.relapsed()),
        ]
        if authentication.is_known():
            client = authentication.Client(directory, SERVICE)
            settings = {**open_to_all, **client.settings(), "CDS_DATABASE_URL": f"sqlite:///{directory}/known.sqlite"}
            rows.append(Row(OURS_KNOWN, stack.enter_context(servers.ours(first, settings)), charts.relapsed(), client))
        _require_true_answers(ours, charts)
        measured = _rows(plan, rows, tell)
        sizes = _sizes(plan, bare, ours, charts, tell)
    with servers.ours(first, open_to_all) as fresh:
        tell("memory")
        large = charts.relapsed(SIZES[-1]).read_bytes()
        grown = [memory.growth(fresh, large) for _ in range(plan.repeats_of_sizes)]
    return Results(plan, measured, sizes, [one / len(large) for one in grown if one is not None], starts)


def _starts(plan: Plan, first: bytes, settings: Mapping[str, str], tell: Tell) -> list[float]:
    seconds = []
    for number in range(plan.starts):
        tell(f"start to first answer, {number + 1} of {plan.starts}")
        began = time.perf_counter()
        with servers.ours(first, settings):
            seconds.append(time.perf_counter() - began)
    return seconds


def _rows(plan: Plan, rows: list[Row], tell: Tell) -> dict[str, dict[int, Samples]]:
    """Raises: LoadError."""
    for row in rows:  # the first second is not counted
        row.measure(1, 1, Samples())
    measured = {row.name: {connections: Samples() for connections in CONNECTIONS} for row in rows}
    for repeat in range(plan.repeats):
        for connections in CONNECTIONS:
            tell(f"connections: {connections}, repeat {repeat + 1} of {plan.repeats}")
            for row in rows:
                row.measure(connections, plan.seconds, measured[row.name][connections])
    return measured


def _sizes(plan: Plan, bare: Server, ours: Server, charts: Charts, tell: Tell) -> dict[str, dict[int, list[float]]]:
    rows = (
        (FLOOR, bare, charts.relapsed),
        (OURS, ours, charts.relapsed),
        (FLOOR_COMMON, bare, charts.common),
        (OURS_COMMON, ours, charts.common),
    )
    sizes: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name, _, _ in rows}
    for repeat in range(plan.repeats_of_sizes):
        tell(f"sizes, repeat {repeat + 1} of {plan.repeats_of_sizes}")
        for size in SIZES:
            for name, server, chart in rows:
                sizes[name][size].append(_milliseconds(server, chart(size).read_bytes()))
    return sizes


def _milliseconds(server: Server, body: bytes, calls: int = 5) -> float:
    """The middle one of a few calls: the largest take too long for a load generator's closed loop."""
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        server.post(body)
        took.append((time.perf_counter() - began) * 1e3)
    return median(took)


def _require_true_answers(server: Server, charts: Charts) -> None:
    """A fast answer that is wrong is not measured. Raises: LoadError."""
    for body, trials in ((charts.relapsed(), 3), (charts.common(), 0)):
        status, answer = server.post(body.read_bytes())
        cards = json.loads(answer)["cards"] if status == 200 else []
        if status != 200 or sum("NCT" in card["summary"] for card in cards) != trials:
            raise LoadError(f"the service answered {status} with {len(cards)} cards; {trials} trials' cards were due")
