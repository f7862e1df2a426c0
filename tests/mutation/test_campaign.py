"""A score is only as good as its count."""

import pytest

from tests.mutation.campaign import drawn, interval, report

MODULES = {"facts/lines.py": {"lines.a": 1, "lines.b": 0, "lines.c": None}, "facts/dates.py": {"dates.a": 36, "dates.b": 33}}


def test_a_mutant_that_no_test_reaches_counts_as_not_noticed_and_one_not_tried_not_at_all() -> None:
    lines = list(report(MODULES, frozenset({"lines.a", "lines.b", "lines.c", "dates.a", "dates.b"})))
    assert lines[:2] == ["    1 of     2  facts/lines.py", "    1 of     2  facts/dates.py"]
    assert lines[2:4] == ["not noticed: lines.b", "not noticed: dates.b"]
    assert lines[-1].startswith("2 of 4 mutants noticed: 50.0%")


def test_what_is_not_in_the_sample_is_not_counted() -> None:
    assert list(report(MODULES, frozenset({"lines.a"})))[-1].startswith("1 of 1 mutants noticed: 100.0%")


def test_a_seed_draws_the_same_sample_again() -> None:
    assert drawn(MODULES, 3, 7) == drawn(MODULES, 3, 7)
    assert sorted(drawn(MODULES, 99, 7)) == ["dates.a", "dates.b", "lines.a", "lines.b", "lines.c"]


def test_a_small_sample_says_little() -> None:
    assert interval(85, 100) == pytest.approx((0.767, 0.907), abs=0.001)
    assert interval(0, 0) == (0.0, 1.0)
