"""A progress bar for work that turns out to be long."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar("T")
LONG = 2.0
"""Units: seconds of work after which a terminal shows how far it is."""


def with_progress(items: Sequence[T], label: str, console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The items; once they have taken long, with a bar on the console, if that is a terminal."""
    begun = clock()
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(label, total=len(items))
    try:
        for done, item in enumerate(items):
            if clock() - begun > LONG:
                bar.start()
            bar.update(task, completed=done)
            yield item
    finally:
        bar.stop()
