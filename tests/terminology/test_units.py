"""Units are converted exactly, and never guessed by magnitude; a UCUM library is the oracle."""

from decimal import Decimal

import pytest

from cds_service.errors import UnitError
from cds_service.terminology.units import UNITS, contradict, convert

CONVERTED = [
    ("2.49", "mg/dL", "umol/L", "creatinine", "220.116"),
    ("2", "mg/dL", "umol/L", "bilirubin_total", "34.2"),
    ("34.2", "µmol/L", "mg/dL", "bilirubin_total", "2"),
    ("34.2", "μmol/L", "umol/L", "bilirubin_total", "34.2"),
    ("0.5", "ukat/L", "U/L", "alt", "30"),
    ("30", "IU/L", "U/L", "alt", "30"),
    ("30", "[IU]/L", "U/L", "ast", "30"),
    ("0.58", "1", "%", "lvef", "58"),
    ("5", "%{blasts}", "%", "marrow_blasts", "5"),
    ("5", "/100{cells}", "%", "marrow_blasts", "5"),
    ("30", "mU/mL", "U/L", "alt", "30"),
    ("1", "mg/100 mL", "umol/L", "creatinine", "88.4"),
    ("450", "msec", "ms", "qtc", "450"),
    ("0.45", "s", "ms", "qtc", "450"),
    ("1.2", "K/uL", "10*9/L", None, "1.2"),
    ("1200", "{cells}/uL", "10*9/L", None, "1.2"),
    ("1.2", "x10E9/L", "10*9/L", None, "1.2"),
]
REFUSED = [
    ("30", None, "U/L", "alt"),
    ("30", "", "U/L", "alt"),
    ("30", "furlong", "U/L", "alt"),
    ("30", "{score}", "U/L", "alt"),
    ("30", "mg/dL", "U/L", "alt"),
    ("30", "[IU]/L", "U/L", None),
    ("1", "mg/dL", "umol/L", None),
    ("1", "%", "ms", "lvef"),
    ("1", "mg/dL", "mg/dL", "lvef"),
]


@pytest.mark.parametrize(("value", "unit", "to", "analyte", "expected"), CONVERTED)
def test_a_value_is_converted_exactly(value: str, unit: str, to: str, analyte: str | None, expected: str) -> None:
    assert convert(Decimal(value), unit, to, analyte) == Decimal(expected)


@pytest.mark.parametrize(("value", "unit", "to", "analyte"), REFUSED)
def test_a_unit_that_is_missing_or_does_not_fit_is_an_error(value: str, unit: str | None, to: str, analyte: str | None) -> None:
    with pytest.raises(UnitError):
        convert(Decimal(value), unit, to, analyte)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("U/L", "IU/L", False),
        ("mg/dL", "umol/L", True),
        ("%", "1", True),
        ("U/L", "a local name", False),
        ("ms", "msec", False),
    ],
)
def test_two_spellings_of_one_unit_do_not_contradict(one: str, other: str, expected: bool) -> None:
    assert contradict(one, other) is expected


@pytest.mark.filterwarnings("ignore")
def test_every_pair_of_units_agrees_with_a_ucum_library() -> None:
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    compared = 0
    for one, source in UNITS.items():
        for other, target in UNITS.items():
            if source.dimension != target.dimension or source.dimension in ("fraction", "arbitrary", "count"):
                continue  # percent, arbitrary units and counts of cells are no quantities to that library
            expected = registry.from_ucum(one).to(registry.from_ucum(other)).magnitude
            assert float(convert(Decimal(1), one, other)) == pytest.approx(expected), (one, other)
            compared += 1
    assert compared >= 30
