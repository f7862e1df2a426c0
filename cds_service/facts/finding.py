"""What a test says in kind, and how that was read."""

from dataclasses import dataclass
from enum import Enum


class Finding(Enum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a result says, and whether that was read from free text."""

    finding: Finding
    from_text: bool = False
    partial: bool = False
    """Positive on a part of the cells, or dimly."""
