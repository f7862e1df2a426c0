"""The response that a marrow shows: complete remission, with or without recovery of the counts, or disease.

Source: European LeukemiaNet 2022 (CR, CRh, CRi, MLFS); rulings 4, 5 and 9, assumptions for a haematologist to sign off.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from msgspec.structs import replace

from cds_service.assumptions import Assumptions, Limit
from cds_service.dates import EARLIEST, DateRange
from cds_service.errors import UnitError
from cds_service.facts.model import Amount, Fact, PatientFacts, Result
from cds_service.terminology import units
from cds_service.value import Value


class Response(Enum):
    CR = "complete remission"
    CRH = "complete remission with partial recovery of the counts"
    CRI = "complete remission with incomplete recovery of the counts"
    LEUKEMIA_FREE = "morphologic leukaemia-free state"
    DISEASE = "disease"
    COUNTS_MISSING = "blasts below 5 %, counts not recorded"
    UNCLEAR = "unclear"

    @property
    def is_remission(self) -> bool:
        return self in (Response.CR, Response.CRH, Response.CRI)


class Blasts(Value, frozen=True):
    """A share of blasts in percent, as two ends; an end that is open does not belong to it ("<5 %")."""

    low: Decimal
    high: Decimal
    low_open: bool = False
    high_open: bool = False

    def below(self, limit: Decimal) -> bool:
        return self.high < limit or (self.high == limit and self.high_open)

    def at_least(self, limit: Decimal) -> bool:
        return self.low >= limit

    def above(self, limit: Decimal) -> bool:
        return self.low > limit or (self.low == limit and self.low_open)

    def exactly(self, limit: Decimal) -> bool:
        return self.low == self.high == limit and not self.low_open


class Marrow(Value, frozen=True):
    """A marrow with a share of blasts that can be placed in time."""

    result: Result
    when: DateRange
    blasts: Blasts

    @property
    def by_flow(self) -> bool:
        return "flow" in self.result.method


class Assessment(Value, frozen=True):
    """What a marrow and the counts around it show. `when`: the later of marrow and recovery of the counts."""

    marrow: Marrow
    response: Response
    when: DateRange
    rests_on: tuple[Fact, ...]
    confirm: bool = False


_POOR = re.compile(
    r"\b(?:aplas|acellular|inadequate|insufficient|non-?diagnostic|ha?emodilut|dry tap|aspicular)", re.IGNORECASE
)


def marrows(facts: PatientFacts, since: date | None) -> tuple[Marrow, ...]:
    """Usable marrows from a day on, oldest first."""
    found = [
        Marrow(result, result.when.until(facts.as_of), blasts)
        for result, blasts in _usable(facts)
        if result.when is not None and result.when.first <= facts.as_of and not result.when.is_year_only()
        if since is None or result.when.last >= since
    ]
    return tuple(sorted(found, key=lambda marrow: (marrow.when.first, marrow.when.last)))


def unplaced_marrows(facts: PatientFacts, since: date | None) -> tuple[Marrow, ...]:
    """Usable marrows whose place in the course nobody can tell, as they have no date or only a year."""
    earliest = since or EARLIEST
    return tuple(
        Marrow(result, result.when or DateRange(earliest, facts.as_of), blasts)
        for result, blasts in _usable(facts)
        if result.when is None
        or (result.when.is_year_only() and earliest <= result.when.last and result.when.first <= facts.as_of)
    )


def _usable(facts: PatientFacts) -> Iterator[tuple[Result, Blasts]]:
    """Marrows with a share of blasts. Aplastic and inadequate ones show nothing."""
    for result in facts.results_in("marrow_blasts"):
        if (blasts := blasts_of(result)) is not None and not _POOR.search(f"{result.circumstances} {result.words or ''}"):
            yield result, blasts


def marrow_of(result: Result) -> Marrow | None:
    """A marrow with its blasts; None where it has no usable share of them, or no date."""
    blasts = blasts_of(result)
    return Marrow(result, result.when, blasts) if blasts is not None and result.when is not None else None


def blasts_of(result: Result) -> Blasts | None:
    """The share of blasts in percent; None where it has no usable number or unit."""
    amount = result.amount
    if amount is None or result.absent:
        return None
    try:
        low = units.convert(amount.value, amount.unit, "%", "marrow_blasts")
        high = low if amount.high is None else units.convert(amount.high, amount.unit, "%", "marrow_blasts")
    except UnitError:
        return None
    if not 0 <= low <= high <= 100:
        return None
    match amount.comparator:
        case "<" | "<=":
            return Blasts(Decimal(0), low, high_open=amount.comparator == "<")
        case ">" | ">=":
            return Blasts(low, Decimal(100), low_open=amount.comparator == ">")
    return Blasts(low, high)


def assess(
    marrow: Marrow, facts: PatientFacts, next_course: DateRange | None, other_disease: Iterable[Fact], assumptions: Assumptions
) -> Assessment:
    """The response at a marrow. `other_disease`: blood blasts or extramedullary disease that is active beside it."""
    limit = assumptions.limit("remission_blasts").value
    beside = tuple(other_disease)
    if beside or marrow.blasts.at_least(limit):
        return Assessment(marrow, Response.DISEASE, marrow.when, (marrow.result, *beside))
    if not marrow.blasts.below(limit):
        return Assessment(marrow, Response.UNCLEAR, marrow.when, (marrow.result,))
    near = {name: _counts(name, marrow, facts, next_course, assumptions) for name in _PLAUSIBLE}
    counts = {name: [count for count in found if count.beside] for name, found in near.items()}
    if not all(counts.values()):
        known = tuple(count.result for found in counts.values() for count in found)
        return Assessment(marrow, Response.COUNTS_MISSING, marrow.when, (marrow.result, *known))
    found = _with_counts(marrow, counts, assumptions)
    if counts == near:  # as where all days are known
        return found
    perhaps = _with_counts(marrow, near, assumptions)
    return replace(found, when=DateRange(min(found.when.first, perhaps.when.first), found.when.last, found.when.moment))


class _Count(Value, frozen=True):
    """A blood count in the unit of our limits. `beside`: it surely belongs to the marrow, whatever its date means."""

    result: Result
    when: DateRange
    value: Decimal
    beside: bool


_RECOVERED = {
    Response.CR: {"neutrophils": "cr_neutrophils", "platelets": "cr_platelets"},
    Response.CRH: {"neutrophils": "crh_neutrophils", "platelets": "crh_platelets"},
}
"""Which counts a response needs, and the limits of them."""
_PLAUSIBLE = {"neutrophils": "plausible_neutrophils", "platelets": "plausible_platelets"}


def _with_counts(marrow: Marrow, counts: Mapping[str, Sequence[_Count]], assumptions: Assumptions) -> Assessment:
    """By the best counts (ruling 4). The date is the later of the marrow and the first counts that are enough."""
    best = {name: max(found, key=lambda count: count.value) for name, found in counts.items()}
    enough = {
        response: {name for name, count in best.items() if count.value >= assumptions.limit(limits[name]).value}
        for response, limits in _RECOVERED.items()
    }
    response = next((r for r, names in enough.items() if len(names) == len(best)), None)
    limits = _RECOVERED[response or Response.CR]
    needed = best.keys() if response is not None else enough[Response.CR]
    days = [
        min((count.when for count in counts[name] if count.value >= assumptions.limit(limits[name]).value), key=_first_day)
        for name in needed
    ]
    if response is None:
        response = Response.CRI if days else Response.LEUKEMIA_FREE
    # Blood blasts and extramedullary disease that nobody recorded count as none: a person should look.
    rests_on = (marrow.result, *(count.result for count in best.values()))
    return Assessment(marrow, response, max((marrow.when, *days), key=_first_day), rests_on, confirm=True)


def _first_day(when: DateRange) -> date:
    return when.first


def _counts(
    name: str, marrow: Marrow, facts: PatientFacts, next_course: DateRange | None, assumptions: Assumptions
) -> list[_Count]:
    """The counts from some days before the marrow to the next course, or some weeks after the marrow (ruling 4)."""
    first = assumptions.spans["counts_before_marrow"].before(marrow.when.first)
    last = assumptions.spans["counts_after_marrow"].after(marrow.when.last)
    if next_course is not None:
        last = min(last, next_course.first - timedelta(days=1))
    last = min(last, facts.as_of)
    plausible = assumptions.limit(_PLAUSIBLE[name])
    found = []
    for result in facts.results_in(name):
        when = result.when
        if when is None or result.absent or when.last < first or when.first > last:  # as most of a long chart
            continue
        value = _in_unit(result.amount, plausible, name)
        if value is not None and 0 <= value <= plausible.value:
            found.append(_Count(result, when, value, first <= when.first and when.last <= last))
    return found


def _in_unit(amount: Amount | None, limit: Limit, analyte: str) -> Decimal | None:
    """A count in the limit's unit; of a mere bound ("<0.1", ">400") what it surely shows."""
    if amount is None:
        return None
    try:
        surely = Decimal(0) if amount.comparator in ("<", "<=") else amount.value
        return units.convert(surely, amount.unit, limit.unit, analyte)
    except UnitError:
        return None


def leukaemic_by_flow(marrow: Marrow, facts: PatientFacts, assumptions: Assumptions) -> bool:
    """Whether flow cytometry beside the marrow found leukaemic cells: then it is no regeneration."""
    near = assumptions.spans["flow_beside_marrow"].days
    return any(
        (blasts := blasts_of(result)) is not None
        and blasts.above(assumptions.limit("leukaemic_cells_by_flow").value)
        and result.when is not None
        and (max(result.when.last, marrow.when.last) - min(result.when.first, marrow.when.first)).days <= near
        for result in facts.results_in("marrow_blasts_flow")
    )
