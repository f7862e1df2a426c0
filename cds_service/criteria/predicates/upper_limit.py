"""The upper limit of normal of a result: from its own reference range, else from its text, else the site's default."""

import re
from collections.abc import Sequence
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.predicates.word import Case
from cds_service.criteria.reasons import Problem
from cds_service.dates import completed_years
from cds_service.errors import UnitError
from cds_service.facts.amounts import ADULT_FROM
from cds_service.facts.model import Amount, NormalRange, Result
from cds_service.terminology import units
from cds_service.value import Value

_NUMBER = r"\d+(?:\.\d+)?"
_FROM_TO = re.compile(
    rf"\W*(?:(?:normal|reference|ref)\.?\s*(?:range)?\s*:?)?\W*{_NUMBER}\s*(?P<from>[^\d\s–—~～-]\S*)?"
    rf"\s*(?:[-–—~～]+|to)\s*(?P<high>{_NUMBER})\s*(?P<unit>[^\s)\]]*)[)\]]?\s*",
    re.IGNORECASE,
)
_UP_TO = re.compile(
    rf"\s*(?:<=?|≤|up to|less than|below)\s*(?:or equal to )?\s*(?P<high>{_NUMBER})\s*(?P<unit>\S*)\s*", re.IGNORECASE
)


class FoundLimit(Value, frozen=True):
    """`to_confirm`: it is not the range that the laboratory printed from one number to another."""

    limit: Limit
    assumed: bool = False
    to_confirm: bool = False


def upper_limit(result: Result, value_set: str, case: Case) -> FoundLimit | Problem:
    """Only a range that fits type, sex and age counts; two different ones leave it open. No adult default for a child.

    Whether a range fits may itself be open (the sex or the birth date is not known, or it is for a group that we do not know):
    such a one decides nothing, but where it differs from another the question stays open.
    """
    fits = [(normal, fit) for normal in result.ranges if (fit := _fits(normal, case)) is not False]
    printed = [(limit, fit) for normal, fit in fits if (limit := _printed(normal.high, result)) is not None]
    if printed:
        return _one(printed, value_set) or _default(value_set, case)
    for pattern in (_FROM_TO, _UP_TO):
        texts = [(limit, fit) for normal, fit in fits if (limit := _from_text(pattern, normal.text, result)) is not None]
        found = _one(texts, value_set) if texts else None
        if isinstance(found, FoundLimit):
            return FoundLimit(found.limit, to_confirm=pattern is _UP_TO)
        if found is not None:
            return found
    return _default(value_set, case)


def _fits(normal: NormalRange, case: Case) -> bool | None:
    """Whether a range is this patient's normal range; None where that is open."""
    if not normal.is_normal:
        return False
    parts = (_fits_sex(normal, case), _fits_age(normal, case), normal.understood or None)
    return False if False in parts else None if None in parts else True


def _fits_sex(normal: NormalRange, case: Case) -> bool | None:
    sex = case.facts.person.sex
    if normal.sex is None or normal.sex == sex:
        return True
    return False if sex in ("male", "female") else None


def _fits_age(normal: NormalRange, case: Case) -> bool | None:
    if normal.age is None:
        return True
    if (birth := case.facts.person.birth) is None:
        return None
    low, high = normal.age
    fits = {
        (low is None or years >= low) and (high is None or years <= high) for years in completed_years(birth, case.facts.as_of)
    }
    return fits.pop() if len(fits) == 1 else None


def _printed(high: Amount | None, result: Result) -> Limit | None:
    if high is None or high.value <= 0:
        return None
    unit = high.unit or (result.amount.unit if result.amount is not None else None)
    return Limit(high.value, unit) if unit is not None else None


def _from_text(pattern: re.Pattern[str], text: str | None, result: Result) -> Limit | None:
    match = pattern.fullmatch(text) if text else None
    if match is None or Decimal(match["high"]) <= 0:
        return None
    unit = match["unit"] or (result.amount.unit if result.amount is not None else None)
    return Limit(Decimal(match["high"]), unit) if unit else None


def _one(limits: Sequence[tuple[Limit, bool | None]], value_set: str) -> FoundLimit | Problem | None:
    """The limit on which all agree; None where it is not sure that any of them is this patient's."""
    first = next((limit for limit, fits in limits if fits), limits[0][0])
    try:
        values = {units.convert(limit.value, limit.unit, first.unit, value_set) for limit, _ in limits}
    except UnitError:
        return Problem.LIMIT_UNIT
    if len(values) > 1:
        return Problem.TWO_LIMITS
    return FoundLimit(first) if any(fits for _, fits in limits) else None


def _default(value_set: str, case: Case) -> FoundLimit | Problem:
    birth = case.facts.person.birth
    default = case.assumptions.default_upper_limits.get(value_set)
    if default is None or birth is None or min(completed_years(birth, case.facts.as_of)) < ADULT_FROM:
        return Problem.NO_LIMIT
    limit = default.for_sex(case.facts.person.sex)
    return Problem.NO_LIMIT if limit is None else FoundLimit(limit, assumed=True, to_confirm=True)
