"""Events as JSON lines: a static name and allow-listed fields, never text from a record or an exception."""

import json
import logging
from contextvars import ContextVar
from typing import TextIO

FIELDS = frozenset(
    {
        "request_id",
        "service",
        "client",
        "user",
        "patient",
        "sent",
        "shown",
        "suppressed",
        "hook_instance",
        "status",
        "code",
        "duration_ms",
        "cards",
        "items",
        "prefetched",
        "read",
        "gaps",
        "reason",
        "resource_type",
        "digest",
        "trials",
        "left_out",
        "kind",
        "location",
        "method",
        "route",
        "origin",
    }
)
"""What may stand in a log line. Everything else is refused when the event is made, so that a test finds it."""

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The call that is being answered: each of its events, its answer and its audit row carry this id."""

_logger = logging.getLogger("cds_service")
_logger.addHandler(logging.NullHandler())  # silent until `configure`: a command tells in its own words what happened


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        head = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        event = record.getMessage() if record.name.startswith("cds_service") else f"library.{record.name}"
        return json.dumps({**head, "event": event, **fields})


def event(name: str, *, level: int = logging.INFO, **fields: str | int | float | None) -> None:
    """Log an event. Raises: ValueError for a field that is not on the list."""
    if foreign := fields.keys() - FIELDS:
        raise ValueError(f"fields that may not be logged: {', '.join(sorted(foreign))}")
    kept = {key: value for key, value in {"request_id": REQUEST_ID.get(), **fields}.items() if value is not None}
    _logger.log(level, name, extra={"fields": kept})


def configure(stream: TextIO) -> None:
    """Send events to a stream as JSON lines. Other libraries' lines keep only their logger's name."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _logger.setLevel(logging.INFO)
