"""FHIR dates of any precision, as the range of days that they may mean.

A FHIR date may be a year, a month, a day or a moment. "2026-03" is every day of March: what holds for
all of them holds, what holds for none does not, and the rest is unknown. Days are days of the hospital's time zone.
"""

import calendar
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cds_service.value import Value

_YEARS = range(1850, 2200)
"""Years that a clinical record can mean; 0001 and 9999 are what systems write for "no date" and "no end"."""
EARLIEST = date(_YEARS.start, 1, 1)
"""Where even the year is not known."""
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?")
_DAYS = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:Z|[+-]\d{2}:\d{2})?)?)?")


class DateRange(Value, frozen=True):
    """The days on which something may have happened, and the moment where that is known.

    Source: FHIR R4 date, dateTime and instant.
    """

    first: date
    last: date
    moment: datetime | None = None

    def is_day(self) -> bool:
        return self.first == self.last

    def is_year_only(self) -> bool:
        """More than a month wide: too coarse to place a result."""
        return (self.last - self.first).days > 31

    def until(self, latest: date) -> "DateRange":
        """The same, with the days after `latest` cut off; it must begin by then."""
        return self if self.last <= latest else DateRange(self.first, max(self.first, latest), self.moment)

    def surely_before(self, other: "DateRange") -> bool:
        """Earlier whatever the precise days and times were."""
        if self.moment is not None and other.moment is not None:
            return self.moment < other.moment
        return self.last < other.first

    def __str__(self) -> str:
        if self.first == self.last:
            return self.first.isoformat()
        starts_month = self.first.day == 1
        ends_month = self.last.day == calendar.monthrange(self.last.year, self.last.month)[1]
        if starts_month and ends_month and self.first.year == self.last.year:
            if self.first.month == self.last.month:
                return f"{self.first:%Y-%m}"
            if (self.first.month, self.last.month) == (1, 12):
                return f"{self.first:%Y}"
        return f"{self.first.isoformat()} to {self.last.isoformat()}"


def parse_fhir_date(text: str | None, zone: ZoneInfo) -> DateRange | None:
    """The days that a FHIR date, dateTime or instant may mean in the hospital's zone; None where it is none."""
    text = text.strip() if text else ""
    try:
        if len(text) == 10 and text[7] == "-" and text.isascii():  # 2026-03-01, as most: C reads it, without an expression
            return _on(date.fromisoformat(text))
        if _MOMENT.fullmatch(text) is not None:
            return _at(datetime.fromisoformat(text), zone)
        return _in(match) if (match := _DAYS.fullmatch(text)) is not None else None
    except (ValueError, OverflowError):  # 2026-13-32
        return None


def _on(day: date) -> DateRange | None:
    return DateRange(day, day) if day.year in _YEARS else None


def _at(moment: datetime, zone: ZoneInfo) -> DateRange | None:
    if moment.year not in _YEARS:
        return None
    moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    day = moment.date()
    return DateRange(day, day, moment)


def _in(match: re.Match[str]) -> DateRange | None:
    """A year, a month, or a day written in an odd way."""
    year, month, day = int(match["year"]), match["month"], match["day"]
    if year not in _YEARS:
        return None
    if month is None:
        return DateRange(date(year, 1, 1), date(year, 12, 31))
    if day is None:
        return DateRange(date(year, int(month), 1), date(year, int(month), calendar.monthrange(year, int(month))[1]))
    return _on(date(year, int(month), int(day)))


def span(first: DateRange | None, last: DateRange | None) -> DateRange | None:
    """From the first possible day of one to the last possible day of the other; of one alone, that one."""
    if first is None or last is None:
        return first or last
    return DateRange(first.first, max(first.last, last.last))


def add_months(day: date, months: int) -> date:
    """The same day some calendar months on (or back), or the month's last day where it has none such."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def completed_years(birth: DateRange, as_of: date) -> tuple[int, int]:
    """The least and the greatest age in completed years; a birthday counts from its own day.

    Who was born at some time of this year is 0 years old, whatever the rest of the year would make of it.
    """
    return _years(min(birth.last, max(birth.first, as_of)), as_of), _years(birth.first, as_of)


def _years(birth: date, as_of: date) -> int:
    return as_of.year - birth.year - ((as_of.month, as_of.day) < (birth.month, birth.day))
