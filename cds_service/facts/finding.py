"""What a test says in kind, and how that was read."""

from enum import Enum

from cds_service.value import Value


class Finding(Enum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"


class Reading(Value, frozen=True):
    """What a result says, and whether that was read from free text."""

    finding: Finding
    from_text: bool = False
    partial: bool = False
    """Positive on a part of the cells, or dimly."""
