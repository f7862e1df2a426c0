"""One line of the report."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """`LOOK`: it works, or will, and a person should know; `FAILED`: calls or their answers suffer."""

    OK = "ok"
    LOOK = "look"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    subject: str
    state: State
    said: str
    fix: str = ""
