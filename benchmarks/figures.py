"""The arithmetic of the results: medians with the least and the greatest, and ratios taken repeat by repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{_short(self.median)} [{_short(self.least)}–{_short(self.greatest)}]"


def spread(values: Sequence[float]) -> Spread:
    """Raises: StatisticsError where nothing was measured."""
    return Spread(median(values), min(values), max(values))


def ratio(of: Sequence[float], to: Sequence[float]) -> Spread:
    """How many times as much, repeat by repeat: what disturbed the machine during one repeat disturbed both.

    Raises: ValueError where the repeats do not pair.
    """
    return spread([one / other for one, other in zip(of, to, strict=True)])


def slope(few: float, many: float, added: int) -> float:
    """What each one added costs, in the unit of both."""
    return (many - few) / added


def _short(value: float) -> str:
    """Three figures at most: more would be noise."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percentiles(seconds: Sequence[float]) -> str:
    """The 50th and the 99th, in milliseconds."""
    if len(seconds) < 2:
        return ""
    return f"{median(seconds) * 1e3:.0f} / {quantiles(seconds, n=100)[98] * 1e3:.0f} ms"
