"""The progress bar: only for what is long, and only in a terminal."""

import io

import pytest
from rich.console import Console

from cds_service.cli.progress import with_progress


@pytest.mark.parametrize(("seconds_each", "terminal", "shown"), [(0.1, True, False), (1.5, True, True), (1.5, False, False)])
def test_a_bar_is_shown_once_the_work_has_taken_long(seconds_each: float, terminal: bool, shown: bool) -> None:
    clock = iter(number * seconds_each for number in range(10))
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal)
    assert list(with_progress("abcd", "Explaining", console, lambda: next(clock))) == ["a", "b", "c", "d"]
    assert ("Explaining" in out.getvalue()) is shown
