"""A fault at a place of a trial file, and the checks of single values that raise it."""

from collections.abc import Container, Iterable
from decimal import Decimal, InvalidOperation

from cds_service.assumptions import Length, Limit, parse_length, parse_limit
from cds_service.strict_yaml import Tree


class FaultError(Exception):
    """A fault at a place; caught where reading can go on."""

    def __init__(self, place: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.place, self.problem, self.fix = place, problem, fix


def one_of(value: Tree, allowed: "Iterable[str]", place: str) -> str:
    """Raises: FaultError for a value that is not allowed."""
    known: Container[str] = frozenset(allowed)
    if not isinstance(value, str) or value not in known:
        raise FaultError(place, "has no such value", f"use one of: {', '.join(sorted(frozenset(allowed)))}")
    return value


def whole_number(value: Tree, place: str) -> int:
    """Raises: FaultError."""
    if not isinstance(value, str) or not value.isdecimal():
        raise FaultError(place, "is not a whole number", "write digits only")
    return int(value)


def number(text: str, place: str) -> Decimal:
    """Raises: FaultError."""
    try:
        parsed = Decimal(text)
    except InvalidOperation:
        parsed = Decimal("NaN")
    if not parsed.is_finite():
        raise FaultError(place, "is not a number", "write digits, with a point for decimals")
    return parsed


def length(text: str, place: str) -> Length:
    """Raises: FaultError."""
    parsed = parse_length(text)
    if parsed is None:
        raise FaultError(place, "is not a length", 'write "14 days" or "6 months"')
    return parsed


def percentage(text: str, place: str) -> Limit:
    """Raises: FaultError."""
    parsed = parse_limit(text)
    if parsed is None or parsed.unit != "%" or not 0 <= parsed.value <= Decimal(100):
        raise FaultError(place, "is not a percentage", 'write "5 %"')
    return parsed
