"""Values as they are printed in sentences: numbers, days, and the record's own words."""

from decimal import Context, Decimal

from cds_service.dates import DateRange
from cds_service.facts.model import Amount, Fact

LONGEST_QUOTE = 140


def amount(value: Amount) -> str:
    """A value as printed; a pure number or a score without UCUM's sign for "no unit"."""
    high = f"-{plain(value.high)}" if value.high is not None else ""
    unit = "" if value.unit == "1" or (value.unit or "").startswith("{") else value.unit or ""
    return f"{value.comparator or ''}{plain(value.value)}{high} {quoted(unit)}".strip()


def plain(value: Decimal) -> str:
    """A number as people write it: no exponent, no trailing zeros after the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: Decimal) -> str:
    """A computed number, to five significant digits."""
    return plain(Context(prec=5).plus(value))


def on(when: DateRange | None) -> str:
    """ " (2026-03-10)"; nothing where no day is known."""
    return f" ({when})" if when is not None else ""


def named(fact: Fact) -> str:
    """What the record calls it, and its day."""
    return f"{label(fact)}{on(fact.when)}"


def label(fact: Fact) -> str:
    return quoted(fact.label) or "an entry without words"


def quoted(text: str) -> str:
    """The record's own words on one line: nothing that steers a screen, and no essay."""
    printable = text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE].rstrip()} …"
