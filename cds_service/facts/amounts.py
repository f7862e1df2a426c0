"""Numbers as records hold them: quantities, ranges, numbers written as text, and the normal ranges beside them.

What cannot be read without a guess is no number: the result is then shown as the record has it, and decides nothing.
"""

import re
from decimal import Decimal

from cds_service.facts.concepts import codes_of, many, words_of
from cds_service.facts.model import Amount, NormalRange
from cds_service.fhir import resources as fhir
from cds_service.terminology import units
from cds_service.terminology.codes import UCUM

_LARGEST, _SMALLEST = Decimal("1e12"), Decimal("1e-12")
_DIGITS = r"\d+(?:\.\d+|,\d{1,2}(?!\d))?"
_NUMBER = re.compile(
    rf"(?:(?:LVEF|EF|SpO2|SaO2|QTc)\s*[:=]?\s*)?(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<value>{_DIGITS})"
    rf"(?:\s*(?P<percent>%)?\s*(?:[-–—~～]|to)\s*(?P<high>{_DIGITS}))?\s*(?P<unit>(?!:\d|/\d(?!00))[^\s\d(]\S*?)?"
    r"\s*(?:\((?:normal|low|high|[HL]|estimated|visual estimate|room air|RA)\)|(?:on )?(?:room air|RA))?",
    re.IGNORECASE,
)
"""A number, or the two ends of a range, and the unit. The test's own name before it and "(normal)" or "on room air" behind it
take nothing away; an interpretation ("15 % (positive)") does, and a comma before three digits may part thousands."""
_COMPARATORS = {"≤": "<=", "≥": ">="}
_DAY = 1 / Decimal("365.25")
_AGE_IN_YEARS = {"a": Decimal(1), "mo": Decimal(1) / 12, "wk": 7 * _DAY, "d": _DAY, "h": _DAY / 24}
_AGE_UNITS = {"year": "a", "yr": "a", "y": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "hr": "h"}
_FEMALE = re.compile(r"\b(?:females?|wom[ae]n|girls?|f)\b|女")
_MALE = re.compile(r"\b(?:males?|m[ae]n|boys?|m)\b|男")
_ADULT = re.compile(r"\badults?\b|成人")
_SEXES = (("female", _FEMALE), ("male", _MALE))
ADULT_FROM = 18
"""Years of age from which normal ranges of adults hold."""


def amount_of(quantity: fhir.Quantity | None) -> Amount | None:
    """A FHIR Quantity as printed; None where it holds no usable number."""
    if quantity is None or quantity.value is None or not quantity.value.is_finite() or not _usable(quantity.value):
        return None
    return Amount(quantity.value, _unit(quantity), quantity.comparator)


def _usable(value: Decimal) -> bool:
    return value == 0 or _SMALLEST <= value.copy_abs() <= _LARGEST


def _unit(quantity: fhir.Quantity) -> str | None:
    """The UCUM code, else the unit in words. Two that contradict each other are no unit that any table knows."""
    code, words = quantity.code, quantity.unit
    if not code or not words or code == words:
        return code or words
    if units.contradict(code, words):
        return f"{words} or {code}"
    is_ucum = quantity.system in (None, UCUM)
    return code if is_ucum and (units.fits(code) or not units.fits(words)) else words


def range_amount(value: fhir.Range) -> Amount | None:
    """A FHIR Range; one with a single end is a bound."""
    low, high = amount_of(value.low), amount_of(value.high)
    if low is None or high is None:
        bound = low or high
        return None if bound is None else Amount(bound.value, bound.unit, ">=" if high is None else "<=")
    if high.value < low.value or (low.unit and high.unit and low.unit != high.unit):
        return None
    return Amount(low.value, low.unit or high.unit, high=high.value)


def ratio_amount(value: fhir.Ratio) -> Amount | None:
    """A share, such as 60 blasts of 200 cells; one between different units is none."""
    part, whole = amount_of(value.numerator), amount_of(value.denominator)
    if part is None or whole is None or not whole.value or part.unit != whole.unit or part.comparator or whole.comparator:
        return None
    return Amount(part.value / whole.value, "1")


def text_amount(text: str) -> Amount | None:
    """A number written as text: "55-60 %", "<5 U/L". Anything more than that is words."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    value, high = _decimal(match["value"]), _decimal(match["high"]) if match["high"] else None
    if not _usable(value) or (high is not None and (high < value or match["comparator"])):
        return None
    comparator = match["comparator"]
    return Amount(value, match["unit"] or match["percent"], _COMPARATORS.get(comparator, comparator), high)


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "."))


def normal_range(item: fhir.ReferenceRange) -> NormalRange:
    """A reference range, and to whom it applies as far as that is understood."""
    if item.type is None and item.applies_to is None and item.age is None:  # most are for everybody
        return NormalRange(amount_of(item.high), item.text)
    kinds = {*(code.lower() for code in codes_of(item.type)), *filter(None, [words_of(item.type)])}
    applies = [f"{words_of(concept)} {' '.join(codes_of(concept))}".lower() for concept in many(item.applies_to)]
    sexes = [sex for sex, pattern in _SEXES if any(pattern.search(text) for text in applies)]
    known = all(any(pattern.search(text) for pattern in (_FEMALE, _MALE, _ADULT)) for text in applies)
    known = known and (item.age is None or all(_has_age_unit(end) for end in (item.age.low, item.age.high)))
    ages = _ages(item.age)
    if ages is None and any(_ADULT.search(text) for text in applies):
        ages = (Decimal(ADULT_FROM), None)
    is_normal = not kinds or any(kind in ("normal", "normal range") for kind in kinds)
    return NormalRange(amount_of(item.high), item.text, is_normal, sexes[0] if len(sexes) == 1 else None, ages, known)


def _ages(age: fhir.Range | None) -> tuple[Decimal | None, Decimal | None] | None:
    return None if age is None else (_in_years(age.low), _in_years(age.high))


def _in_years(quantity: fhir.Quantity | None) -> Decimal | None:
    amount = amount_of(quantity)
    years = _AGE_IN_YEARS.get(_age_unit(amount)) if amount is not None else None
    return amount.value * years if amount is not None and years is not None else None


def _has_age_unit(quantity: fhir.Quantity | None) -> bool:
    """Whether an age is in a unit of time that we know; without a unit it is in years."""
    amount = amount_of(quantity)
    return amount is None or _age_unit(amount) in _AGE_IN_YEARS


def _age_unit(amount: Amount) -> str:
    unit = (amount.unit or "a").lower()
    unit = unit if unit in _AGE_IN_YEARS else unit.removesuffix("s")
    return _AGE_UNITS.get(unit, unit)
