"""Which of several results may be the newest, by the clock or by dates of any precision."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cds_service.criteria.predicates.newest import possibly_newest
from cds_service.dates import DateRange, parse_fhir_date
from cds_service.facts.model import Result
from cds_service.terminology.value_set import NOTHING
from tests.conftest import ZONE

WRITTEN = ["2026", "2026-03", "2026-03-10", "2026-03-11", "2026-03-10T08:00:00+01:00", "2026-03-10T09:00:00+01:00"]
FEW_DAYS = st.builds(
    lambda first, more: DateRange(date(2026, 3, 8) + timedelta(first), date(2026, 3, 8) + timedelta(first + more)),
    st.integers(0, 4),
    st.integers(0, 4),
)
DATES = st.one_of(st.none(), st.sampled_from(WRITTEN).map(lambda text: parse_fhir_date(text, ZONE)), FEW_DAYS)


def is_surely_older(one: Result, other: Result) -> bool:
    return one.when is not None and other.when is not None and one.when.surely_before(other.when)


@given(dates=st.lists(DATES, max_size=6))
def test_a_result_is_passed_over_only_for_one_that_is_surely_newer(dates: list[DateRange | None]) -> None:
    results = [Result(f"Observation/{place}", "Platelets", NOTHING, when) for place, when in enumerate(dates)]
    expected = [one for one in results if not any(is_surely_older(one, other) for other in results)]
    assert list(possibly_newest(results)) == expected
