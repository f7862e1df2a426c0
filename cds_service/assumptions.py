"""What the trials do not print and this project assumes: windows, default upper limits, cut-offs.

Units: lengths are "14 days" or "6 months" (calendar months); limits are a number and a UCUM unit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from cds_service import strict_yaml
from cds_service.dates import add_months
from cds_service.errors import KnowledgeErrors
from cds_service.value import Value

DEFAULT_FILE = Path(__file__).with_name("assumptions.yaml")
_LENGTH = re.compile(r"(\d+) (days?|months?)")
_ENDLESS_DAYS = 36_500
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?) (\S+)")


class Length(Value, frozen=True):
    """A span of time as the protocols print it; months are calendar months."""

    days: int = 0
    months: int = 0

    def before(self, day: date) -> date:
        """The earliest day that lies within this length of `day`."""
        try:
            return (add_months(day, -self.months) if self.months else day) - timedelta(days=self.days)
        except (OverflowError, ValueError):  # before the calendar begins
            return date.min

    def after(self, day: date) -> date:
        try:
            return (add_months(day, self.months) if self.months else day) + timedelta(days=self.days)
        except (OverflowError, ValueError):  # after it ends: 9999-12-31 often stands for "no end"
            return date.max

    def is_endless(self) -> bool:
        """So long that no result ever grows too old."""
        return self.days >= _ENDLESS_DAYS

    def __str__(self) -> str:
        return f"{self.months} months" if self.months else f"{self.days} days"


class Limit(Value, frozen=True):
    """A number and its UCUM unit."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


def parse_length(text: str) -> Length | None:
    match = _LENGTH.fullmatch(text)
    if match is None:
        return None
    count = int(match[1])
    return Length(days=count) if match[2].startswith("day") else Length(months=count)


def parse_limit(text: str) -> Limit | None:
    match = _QUANTITY.fullmatch(text)
    return None if match is None else Limit(Decimal(match[1]), match[2])


class WindowEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fresh: str
    recheck: str
    superseded_by: list[str]
    source: str


class SpanEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    length: str
    source: str


class LimitEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By sex where that matters; `any` otherwise and for other sexes."""

    source: str
    any: str | None = None
    male: str | None = None
    female: str | None = None


class PlausibleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_least: str
    at_most: str
    source: str


class AssumptionsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    windows: dict[str, WindowEntry]
    spans: dict[str, SpanEntry]
    limits: dict[str, LimitEntry]
    default_upper_limits: dict[str, LimitEntry]
    default_upper_limit_margin: LimitEntry
    plausible: dict[str, PlausibleEntry]
    reviewed: str | None = None


class Window(Value, frozen=True):
    """How long a result decides: alone up to `fresh`, to be repeated up to `recheck`."""

    name: str
    fresh: Length
    recheck: Length
    superseded_by: tuple[str, ...]
    """In the order of their names: the first that came to pass is told."""


class LimitBySex(Value, frozen=True):
    any: Limit | None
    male: Limit | None
    female: Limit | None

    def for_sex(self, sex: str | None) -> Limit | None:
        """The limit for a sex; the stricter (lower) one where the sex is neither and no common one is given."""
        if sex == "male" and self.male is not None:
            return self.male
        if sex == "female" and self.female is not None:
            return self.female
        if self.any is not None:
            return self.any
        return min((limit for limit in (self.male, self.female) if limit is not None), key=lambda limit: limit.value)


class PlausibleRange(Value, frozen=True):
    """What a value can be at all; both ends are in `unit` and belong to it."""

    at_least: Decimal
    at_most: Decimal
    unit: str

    def holds(self, value: Decimal) -> bool:
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class Assumptions:
    """All assumptions by name, and the sources of each for the table in docs/assumptions.md."""

    windows: Mapping[str, Window]
    spans: Mapping[str, Length]
    limits: Mapping[str, LimitBySex]
    default_upper_limits: Mapping[str, LimitBySex]
    default_margin: Decimal
    """The share of a limit made from a default within which the answer stays open."""
    plausible: Mapping[str, PlausibleRange]
    """By test, and "age"; what has no range here is taken as it is."""
    sources: Mapping[str, tuple[str, str]]
    """Name → (value as written, source)."""
    content: bytes

    def limit(self, name: str) -> Limit:
        """A limit that does not depend on sex."""
        limit = self.limits[name].for_sex(None)
        if limit is None:
            raise KeyError(name)
        return limit

    def longest_window(self, as_of: date) -> date:
        """The first day of the longest window that has an end."""
        ends = [window.recheck.before(as_of) for window in self.windows.values() if not window.recheck.is_endless()]
        return min(ends, default=as_of)


def load(path: Path | None = None) -> Assumptions:
    """Raises: KnowledgeErrors naming file and place."""
    document = strict_yaml.load(path or DEFAULT_FILE)
    entries = _entries(document)
    converter = _Converter(document)
    if path is not None:
        converter.compare(entries, _entries(strict_yaml.load(DEFAULT_FILE)))
    return converter.convert(entries)


def _entries(document: strict_yaml.Document) -> AssumptionsFile:
    """Raises: KnowledgeErrors."""
    try:
        return msgspec.convert(document.tree, AssumptionsFile, strict=False)
    except msgspec.ValidationError as error:
        fault = document.fault("", f"does not have the right shape: {error}", "compare it with the assumptions.yaml shipped")
        raise KnowledgeErrors([fault]) from error


T = TypeVar("T")


class _Converter:
    def __init__(self, document: strict_yaml.Document) -> None:
        self.document = document
        self.faults = [] if document.tree else [document.fault("", "is empty", "restore the file")]

    def compare(self, entries: AssumptionsFile, shipped: AssumptionsFile) -> None:
        """A site's file has every name that is asked for, and its limits stay in the unit in which they are compared."""
        groups = (
            ("windows", entries.windows, shipped.windows),
            ("spans", entries.spans, shipped.spans),
            ("limits", entries.limits, shipped.limits),
        )
        for group, own, wanted in groups:
            for name in sorted(wanted.keys() - own.keys()):
                self._fault(f"{group}.{name}", "is missing", "copy it from the assumptions.yaml shipped")
        for name in sorted(shipped.limits.keys() & entries.limits.keys()):
            units = _units(shipped.limits[name])
            if not _units(entries.limits[name]) <= units:
                self._fault(f"limits.{name}", "is in another unit than the one shipped", f"write it in {', '.join(units)}")

    def _fault(self, place: str, problem: str, fix: str) -> None:
        self.faults.append(self.document.fault(place, problem, fix))

    def convert(self, entries: AssumptionsFile) -> Assumptions:
        windows = {name: self._window(name, entry) for name, entry in entries.windows.items()}
        spans = {name: self._length(f"spans.{name}.length", entry.length) for name, entry in entries.spans.items()}
        limits = {name: self._limit(f"limits.{name}", entry) for name, entry in entries.limits.items()}
        upper = {n: self._limit(f"default_upper_limits.{n}", e) for n, e in entries.default_upper_limits.items()}
        margin = self._limit("default_upper_limit_margin", entries.default_upper_limit_margin).any
        plausible = {name: self._plausible(f"plausible.{name}", entry) for name, entry in entries.plausible.items()}
        if self.faults:
            raise KnowledgeErrors(self.faults)
        share = (margin.value if margin is not None else Decimal(0)) / 100
        content = msgspec.json.encode(entries, order="sorted")
        return Assumptions(windows, spans, limits, upper, share, plausible, _sources(entries), content)

    def _window(self, name: str, entry: WindowEntry) -> Window:
        fresh = self._length(f"windows.{name}.fresh", entry.fresh)
        recheck = self._length(f"windows.{name}.recheck", entry.recheck)
        return Window(name, fresh, recheck, tuple(sorted(set(entry.superseded_by))))

    def _length(self, place: str, text: str) -> Length:
        length = parse_length(text)
        if length is None:
            self.faults.append(self.document.fault(place, "is not a length", 'write "14 days" or "6 months"'))
        return length or Length()

    def _limit(self, place: str, entry: LimitEntry) -> LimitBySex:
        texts = {"any": entry.any, "male": entry.male, "female": entry.female}
        limits = {sex: parse_limit(text) for sex, text in texts.items() if text is not None}
        if not limits or None in limits.values():
            self.faults.append(self.document.fault(place, "is not a limit", 'write a number and a unit: "450 ms"'))
        return LimitBySex(limits.get("any"), limits.get("male"), limits.get("female"))

    def _plausible(self, place: str, entry: PlausibleEntry) -> PlausibleRange:
        low, high = parse_limit(entry.at_least), parse_limit(entry.at_most)
        if low is None or high is None or low.unit != high.unit or low.value > high.value:
            fix = "write two limits in one unit, the lower first: at_least: 0 %, at_most: 100 %"
            self.faults.append(self.document.fault(place, "is not a range", fix))
            return PlausibleRange(Decimal(0), Decimal(0), "")
        return PlausibleRange(low.value, high.value, low.unit)


def _units(entry: LimitEntry) -> frozenset[str]:
    limits = (parse_limit(text) for text in (entry.any, entry.male, entry.female) if text is not None)
    return frozenset(limit.unit for limit in limits if limit is not None)


def _sources(entries: AssumptionsFile) -> dict[str, tuple[str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    for name, window in entries.windows.items():
        rows[f"windows.{name}"] = (f"fresh {window.fresh}, recheck {window.recheck}", window.source)
    for name, span in entries.spans.items():
        rows[f"spans.{name}"] = (span.length, span.source)
    for group, limits in (("limits", entries.limits), ("default_upper_limits", entries.default_upper_limits)):
        for name, limit in limits.items():
            by_sex = {"men": limit.male, "women": limit.female, "": limit.any}
            value = ", ".join(f"{sex} {text}".strip() for sex, text in by_sex.items() if text)
            rows[f"{group}.{name}"] = (value, limit.source)
    for name, plausible in entries.plausible.items():
        rows[f"plausible.{name}"] = (f"{plausible.at_least} to {plausible.at_most}", plausible.source)
    margin = entries.default_upper_limit_margin
    rows["default_upper_limit_margin"] = (margin.any or "", margin.source)
    return rows
