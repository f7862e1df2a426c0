"""What is promised of the service's speed, beside what a run measured."""

from dataclasses import dataclass

from benchmarks.figures import Spread, ratio, slope, spread
from benchmarks.results import FLOOR, FLOOR_COMMON, OURS, OURS_COMMON, PEER_VALIDATES, SIZES, Results


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised, as a bound on a measured ratio."""

    what: str
    bound: float
    measured: Spread
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured.median >= self.bound if self.at_least else self.measured.median <= self.bound


def targets(results: Results) -> list[Target]:
    """Each promise beside what this run measured."""
    rows = results.rows
    floor, floor_common = rows[FLOOR][1], rows[FLOOR_COMMON][1]
    ours, common = rows[OURS][1], rows[OURS_COMMON][1]
    found = [
        Target("relapsed AML, p50, times the bare handler", 6, ratio(ours.p50, floor.p50)),
        Target("no leukaemia, p50, times the bare handler", 1.5, ratio(common.p50, floor_common.p50)),
        Target("relapsed AML, p99 ÷ p50 at one connection", 5, ratio(ours.p99, ours.p50)),
        Target("no leukaemia, p99 ÷ p50 at one connection", 5, ratio(common.p99, common.p50)),
        Target("relapsed AML, p50, share of HealthChain validating", 1 / 3, ratio(ours.p50, rows[PEER_VALIDATES][1].p50)),
        Target(
            "relapsed AML, calls a second at 8 connections, times HealthChain validating",
            4,
            ratio(rows[OURS][8].rate, rows[PEER_VALIDATES][8].rate),
            at_least=True,
        ),
        Target("relapsed AML, microseconds for one more Observation that nobody asks for", 20, _slope(results, OURS)),
        Target("no leukaemia, microseconds for one more Observation", 20, _slope(results, OURS_COMMON)),
        Target("seconds from start to the first answer", 2, spread(results.starts)),
    ]
    if results.memory:
        found.append(Target("memory of 10,000 Observations, in sizes of their JSON", 5, spread(results.memory)))
    return found


def _slope(results: Results, row: str) -> Spread:
    few, many = SIZES[0], SIZES[-1]
    sizes = results.sizes[row]
    pairs = zip(sizes[few], sizes[many], strict=True)
    return spread([slope(one * 1e3, other * 1e3, many - few) for one, other in pairs])
