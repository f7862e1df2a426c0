"""The arithmetic of the benchmarks, on figures made up for it."""

import pytest

from benchmarks.figures import Spread, ratio, slope, spread
from benchmarks.results import FLOOR, FLOOR_COMMON, FULL, OURS, OURS_COMMON, PEER_VALIDATES, SIZES, Results, Samples
from benchmarks.targets import targets


def test_a_spread_is_the_median_between_the_least_and_the_greatest() -> None:
    assert spread([5, 1, 2]) == Spread(2, 1, 5)


def test_a_ratio_is_taken_repeat_by_repeat_so_that_a_slow_moment_slows_both() -> None:
    assert ratio([2, 20, 3], [1, 10, 1]) == Spread(2, 2, 3)


def test_repeats_that_do_not_pair_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


def test_a_slope_is_what_each_one_added_costs() -> None:
    assert slope(10, 25, 100) == pytest.approx(0.15)


def measured(p50: float, floor: float = 2.0) -> Results:
    """A run in which the service took `p50` milliseconds, and a tenth of it a thousand Observations."""
    rows = {
        FLOOR: {1: Samples([floor], [floor], [500], [1]), 8: Samples(rate=[600])},
        FLOOR_COMMON: {1: Samples([floor], [floor], [500], [1]), 8: Samples(rate=[600])},
        OURS: {1: Samples([p50], [p50 * 2], [100], [5]), 8: Samples(rate=[120])},
        OURS_COMMON: {1: Samples([p50 / 4], [p50], [400], [2]), 8: Samples(rate=[400])},
        PEER_VALIDATES: {1: Samples([30], [60], [30], [25]), 8: Samples(rate=[24])},
    }
    sizes = {name: {size: [p50 + size * 0.01] for size in SIZES} for name in rows}
    return Results(FULL, rows, sizes, memory=[3.0], starts=[1.5])


@pytest.mark.parametrize(
    ("p50", "what", "value", "met"),
    [
        (8, "relapsed AML, p50, times the bare handler", 4, True),
        (14, "relapsed AML, p50, times the bare handler", 7, False),
        (8, "relapsed AML, p99 ÷ p50 at one connection", 2, True),
        (8, "no leukaemia, p50, times the bare handler", 1, True),
        (14, "no leukaemia, p50, times the bare handler", 1.75, False),
        (8, "relapsed AML, p50, share of HealthChain validating", 8 / 30, True),
        (14, "relapsed AML, p50, share of HealthChain validating", 14 / 30, False),
        (8, "relapsed AML, calls a second at 8 connections, times HealthChain validating", 5, True),
        (8, "relapsed AML, microseconds for one more Observation that nobody asks for", 10, True),
        (8, "memory of 10,000 Observations, in sizes of their JSON", 3, True),
        (8, "seconds from start to the first answer", 1.5, True),
    ],
)
def test_a_target_is_met_where_the_median_of_the_ratios_keeps_its_bound(p50: float, what: str, value: float, met: bool) -> None:
    target = next(one for one in targets(measured(p50)) if one.what == what)
    assert target.measured.median == pytest.approx(value)
    assert target.met is met
