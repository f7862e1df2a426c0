"""The upper limit of normal of a result: from its own reference range, else from its text, else the site's default."""

import re
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.predicates.word import Case
from cds_service.criteria.reasons import Problem
from cds_service.dates import completed_years
from cds_service.errors import UnitError
from cds_service.facts.model import Amount, NormalRange, Result
from cds_service.terminology import units

_FROM_TO = re.compile(r"\s*(?P<low>\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(?P<high>\d+(?:\.\d+)?)\s*(?P<unit>\S.*)?")
ADULT_FROM = 18


@dataclass(frozen=True, slots=True)
class FoundLimit:
    limit: Limit
    assumed: bool = False
    from_text: bool = False


def upper_limit(result: Result, value_set: str, case: Case) -> FoundLimit | Problem:
    """Only a range that fits type, sex and age counts; two different ones leave it open. No adult default for a child."""
    ranges = [normal for normal in result.ranges if _applies(normal, case)]
    printed = [limit for normal in ranges if (limit := _printed(normal.high, result)) is not None]
    if printed:
        return _one(printed, value_set) or Problem.TWO_LIMITS
    texts = [limit for normal in ranges if (limit := _from_text(normal.text, result)) is not None]
    if texts:
        found = _one(texts, value_set)
        return Problem.TWO_LIMITS if found is None else FoundLimit(found.limit, from_text=True)
    return _default(value_set, case)


def _applies(normal: NormalRange, case: Case) -> bool:
    if normal.kind not in (None, "normal", "normal range"):
        return False
    if normal.sex is not None and normal.sex != case.facts.person.sex:
        return False
    if normal.age is None or case.facts.person.birth is None:
        return normal.age is None
    low, high = normal.age
    years = completed_years(case.facts.person.birth, case.facts.as_of)
    return (low is None or min(years) >= low) and (high is None or max(years) <= high)


def _printed(high: Amount | None, result: Result) -> Limit | None:
    if high is None or high.value <= 0:
        return None
    unit = high.unit or (result.amount.unit if result.amount is not None else None)
    return Limit(high.value, unit) if unit is not None else None


def _from_text(text: str | None, result: Result) -> Limit | None:
    match = _FROM_TO.fullmatch(text) if text else None
    if match is None:
        return None
    unit = (match["unit"] or "").strip() or (result.amount.unit if result.amount is not None else None)
    return Limit(Decimal(match["high"]), unit) if unit else None


def _one(limits: list[Limit], value_set: str) -> FoundLimit | None:
    try:
        values = {units.convert(limit.value, limit.unit, limits[0].unit, value_set) for limit in limits}
    except UnitError:
        return None
    return FoundLimit(limits[0]) if len(values) == 1 else None


def _default(value_set: str, case: Case) -> FoundLimit | Problem:
    birth = case.facts.person.birth
    default = case.assumptions.default_upper_limits.get(value_set)
    if default is None or birth is None or min(completed_years(birth, case.facts.as_of)) < ADULT_FROM:
        return Problem.NO_LIMIT
    limit = default.for_sex(case.facts.person.sex)
    return Problem.NO_LIMIT if limit is None else FoundLimit(limit, assumed=True)
