"""What became of one prefetch key: its six states, told apart.

Absent (no Part at all), null, a resource, an empty Bundle, an OperationOutcome (bare or as an entry), and a Bundle with more
pages. Null and empty are answers; absent and failed are not.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from cds_service.dates import parse_fhir_date
from cds_service.fhir.bundle_elements import NotABundleError
from cds_service.fhir.entries import read_bundle_entries, read_resource, resource_type_of
from cds_service.fhir.outcomes import said
from cds_service.fhir.record import Entry, Gap, GapReason, Json
from cds_service.fhir.resources import Observation
from cds_service.value import Value

_UTC = ZoneInfo("UTC")


class Part(Value, frozen=True):
    """What was sent or read under one key. `failed`: why it is not all that was asked for."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failed: GapReason | None = None
    next_links: tuple[str, ...] = ()
    full_urls: Mapping[str, str] = {}
    lacking: int = 0
    """How many more there are than were sent, by the total that the server told."""
    recent_only: bool = False
    """What is missing is older than any window asks for: no gap, but silence in it says nothing."""

    @property
    def is_whole(self) -> bool:
        return self.failed is None and not self.gaps and not self.recent_only


def read_part(value: Json) -> Part:
    """What an EHR sent under one key."""
    try:
        read = read_bundle_entries(value)
    except NotABundleError:
        return _read_other(value)
    if read.lacks is GapReason.OPERATION_OUTCOME:
        return Part(failed=read.lacks)
    failed = read.lacks or (GapReason.INCOMPLETE if read.is_cut_off else None)
    lacking = max(0, read.total - read.matches)
    return Part(read.entries, read.gaps, failed, (read.next_link,) if read.next_link else (), read.full_urls, lacking)


def _read_other(value: Json) -> Part:
    """What is no Bundle that can be read: nothing, a lone resource, an error, or a broken Bundle."""
    kind = resource_type_of(value)
    if kind is None and bytes(value).strip() == b"null":
        return Part()
    if kind == "OperationOutcome":
        return Part(failed=said(value))
    if kind == "Bundle":
        return Part(failed=GapReason.UNREADABLE_ENTRY)
    entry = read_resource(value)
    unreadable = (Gap(kind or "Resource", GapReason.UNREADABLE_ENTRY),)
    return Part((entry,)) if entry is not None else Part(gaps=unreadable, failed=GapReason.UNREADABLE_ENTRY)


def together(parts: Iterable[Part]) -> Part:
    """Several parts that answer one key between them; it failed where one of them did.

    A part that is cut off may be forgiven, another failure not: that one is told.
    """
    every = list(parts)
    return Part(
        tuple(entry for part in every for entry in part.entries),
        tuple(gap for part in every for gap in part.gaps),
        min((part.failed for part in every if part.failed is not None), key=_is_cut_off, default=None),
        tuple(link for part in every for link in part.next_links),
        {url: reference for part in every for url, reference in part.full_urls.items()},
        sum(part.lacking for part in every),
    )


def _is_cut_off(failed: GapReason) -> bool:
    return failed is GapReason.INCOMPLETE


def forgive_the_old(part: Part, earliest: date) -> Part:
    """A cut-off search, newest first, that reaches back before `earliest` lacks nothing that a window asks for."""
    if part.failed is not GapReason.INCOMPLETE:
        return part
    days = [_day(entry.resource) for entry in part.entries if isinstance(entry.resource, Observation)]
    dated = [day for day in days if day is not None]
    in_order = len(dated) == len(part.entries) and all(newer >= older for newer, older in pairwise(dated))
    return replace(part, failed=None, recent_only=True) if in_order and dated and dated[-1] < earliest else part


def _day(observation: Observation) -> date | None:
    """The last day that it may be of."""
    period = observation.effective_period
    text = observation.effective_date_time or observation.effective_instant
    text = text or (period.end or period.start if period is not None else None)
    when = parse_fhir_date(text, _UTC)
    return when.last if when is not None else None
