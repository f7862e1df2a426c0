"""What one run measures: its rows, and the figures of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTIONS = (1, 8)
SIZES = (100, 1_000, 10_000)

FLOOR, FLOOR_COMMON = "bare handler, relapsed AML", "bare handler, no leukaemia"
OURS, OURS_COMMON = "cds-service, relapsed AML", "cds-service, no leukaemia"
OURS_KNOWN = "cds-service, relapsed AML, authentication on"
VALIDATING = "bare handler that validates everything"
PEER_COUNTS, PEER_VALIDATES = "HealthChain, handler counts entries", "HealthChain, handler validates everything"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long is measured; the load generator counts in whole seconds."""

    repeats: int
    seconds: int
    repeats_of_sizes: int
    starts: int


FULL = Plan(repeats=7, seconds=3, repeats_of_sizes=5, starts=5)
QUICK = Plan(repeats=2, seconds=1, repeats_of_sizes=1, starts=2)


@dataclass(slots=True)
class Samples:
    """What was measured of one row, repeat by repeat: milliseconds, calls a second, CPU milliseconds a call."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run measured."""

    plan: Plan
    rows: Mapping[str, Mapping[int, Samples]]
    """By row and number of connections."""
    sizes: Mapping[str, Mapping[int, list[float]]]
    """Milliseconds of a call, by row and number of Observations."""
    memory: list[float]
    """What 10,000 Observations take, in sizes of their JSON."""
    starts: list[float]
    """Seconds from start to the first answer."""
