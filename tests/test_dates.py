"""Dates of any precision as ranges of days, in the hospital's zone."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from cds_service.dates import DateRange, add_months, completed_years, parse_fhir_date, span

KATHMANDU = ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("2026-02-03", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02-03T23:30:00Z", date(2026, 2, 4), date(2026, 2, 4)),
        ("2026-02-03T23:30:00+05:45", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02-03T23:30:00.123+05:45", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02-03T23:30", date(2026, 2, 3), date(2026, 2, 3)),
        (" 2026-02-03\n", date(2026, 2, 3), date(2026, 2, 3)),
        ("2026-02-03+05:45", date(2026, 2, 3), date(2026, 2, 3)),
        ("２０２６-０２-０３", date(2026, 2, 3), date(2026, 2, 3)),
    ],
)
def test_a_fhir_date_is_every_day_that_it_may_mean(text: str, first: date, last: date) -> None:
    parsed = parse_fhir_date(text, KATHMANDU)
    assert parsed is not None
    assert (parsed.first, parsed.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59Z", "1800-01-01", "9999"]
)
def test_what_systems_write_for_no_date_is_none(text: str) -> None:
    assert parse_fhir_date(text, KATHMANDU) is None


def test_who_was_born_this_year_is_0_years_old() -> None:
    assert completed_years(DateRange(date(2026, 1, 1), date(2026, 12, 31)), date(2026, 11, 22)) == (0, 0)


@pytest.mark.parametrize(
    "text",
    [None, "", "19xx", "2026-13", "2026-02-30", "03/02/2026", "2026-02-03T25:00:00Z", "9999999", "2026-2-003", "2026-02-3x"],
)
def test_what_is_no_date_is_no_day(text: str | None) -> None:
    assert parse_fhir_date(text, KATHMANDU) is None


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 8, 31), -6, date(2026, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2025, 12, 15), 2, date(2026, 2, 15)),
        (date(2026, 5, 31), -12, date(2025, 5, 31)),
    ],
)
def test_months_are_calendar_months(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@pytest.mark.parametrize("text", ["20260203", "2026-W06-2", "2026-034", "2026-02-03 08:00:00Z", "2026-02-03T08:00:00+0100"])
def test_a_date_of_iso_8601_that_is_none_of_fhir_is_no_day(text: str) -> None:
    assert parse_fhir_date(text, KATHMANDU) is None


def test_a_birthday_counts_from_its_own_day() -> None:
    born = DateRange(date(2008, 11, 22), date(2008, 11, 22))
    assert completed_years(born, date(2026, 11, 21)) == (17, 17)
    assert completed_years(born, date(2026, 11, 22)) == (18, 18)


def test_a_year_of_birth_alone_leaves_two_ages() -> None:
    assert completed_years(DateRange(date(1955, 1, 1), date(1955, 12, 31)), date(2026, 11, 22)) == (70, 71)


def test_moments_order_two_results_of_one_day() -> None:
    early, late = (parse_fhir_date(f"2026-02-03T{hour}:00:00Z", KATHMANDU) for hour in ("08", "09"))
    assert early is not None
    assert late is not None
    assert early.surely_before(late)
    assert not late.surely_before(early)
    assert not early.surely_before(DateRange(date(2026, 2, 3), date(2026, 2, 3)))


def test_a_span_runs_from_the_first_possible_day_to_the_last() -> None:
    march, may = (parse_fhir_date(text, KATHMANDU) for text in ("2026-03", "2026-05-04"))
    assert span(march, may) == DateRange(date(2026, 3, 1), date(2026, 5, 4))
    assert span(None, may) is may


@pytest.mark.parametrize(("text", "shown"), [("2026", "2026"), ("2026-03", "2026-03"), ("2026-03-04", "2026-03-04")])
def test_a_range_is_shown_as_it_was_written(text: str, shown: str) -> None:
    assert str(parse_fhir_date(text, KATHMANDU)) == shown


def test_a_range_over_months_shows_both_ends() -> None:
    assert str(DateRange(date(2026, 3, 1), date(2026, 4, 2))) == "2026-03-01 to 2026-04-02"
