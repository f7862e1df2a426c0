"""The same for people: the text that any FHIR viewer shows of a resource."""

from collections.abc import Iterable
from html import escape
from typing import TypeVar

from fhir.resources.narrative import Narrative as R5Narrative
from fhir.resources.R4B.narrative import Narrative as R4Narrative

from cds_service.criteria.trial import Criterion, Trial

Narrative = TypeVar("Narrative", R4Narrative, R5Narrative)


def narrative(make: type[Narrative], head: str, lines: Iterable[str] = ()) -> Narrative:
    """A heading and a line each, in `make`, the Narrative class of the release."""
    told = "".join(f"<li>{escape(printable(line))}</li>" for line in lines)
    body = f"<p>{escape(printable(head))}</p>{f'<ul>{told}</ul>' if told else ''}"
    return make(status="generated", div=f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>')


def criteria_lines(trial: Trial) -> list[str]:
    """Every sentence of the protocol, in its order."""
    return [_line(row) for row in trial.rows()]


def printable(text: str) -> str:
    """The text as FHIR's `string` type allows it: records hold control characters and blanks of every kind."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split()) or "-"


def _line(row: Criterion) -> str:
    return f"{row.id}, {row.kind.value}{f', part of {row.part_of}' if row.part_of is not None else ''}: {row.text}"
