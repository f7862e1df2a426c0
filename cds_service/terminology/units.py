"""UCUM units that the criteria need, and the conversions between them. No guess is made by magnitude.

UCUM alone cannot turn mass into moles: that takes the analyte's molar mass.
Source: UCUM (https://ucum.org); creatinine 88.4 and bilirubin 17.1 as clinical laboratories print them.
"""

import re
from decimal import Decimal

from cds_service.errors import UnitError
from cds_service.value import Value


class Unit(Value, frozen=True):
    """A dimension, and how many of its base unit it is."""

    dimension: str
    factor: Decimal


UNITS: dict[str, Unit] = {
    # enzymes; U and IU are the same for the enzymes that the criteria ask for
    "U/L": Unit("catalytic", Decimal(1)),
    "ukat/L": Unit("catalytic", Decimal(60)),
    "nkat/L": Unit("catalytic", Decimal("0.06")),
    "mg/dL": Unit("mass", Decimal(1)),
    "mg/L": Unit("mass", Decimal("0.1")),
    "g/L": Unit("mass", Decimal(100)),
    "ug/dL": Unit("mass", Decimal("0.001")),
    "umol/L": Unit("molar", Decimal(1)),
    "mmol/L": Unit("molar", Decimal(1000)),
    "nmol/L": Unit("molar", Decimal("0.001")),
    "%": Unit("fraction", Decimal(1)),
    "1": Unit("fraction", Decimal(100)),
    "10*9/L": Unit("count", Decimal(1)),
    "10*6/L": Unit("count", Decimal("0.001")),
    "/uL": Unit("count", Decimal("0.001")),
    "ms": Unit("time", Decimal(1)),
    "s": Unit("time", Decimal(1000)),
    "L/min": Unit("flow", Decimal(1)),
    "mL/min": Unit("flow", Decimal("0.001")),
    "[IU]/mL": Unit("arbitrary", Decimal(1)),
    "[IU]/L": Unit("arbitrary", Decimal("0.001")),
}

ALIASES: dict[str, str] = {
    "u/l": "U/L",
    "iu/l": "U/L",
    "units/l": "U/L",
    "unit/l": "U/L",
    "mu/ml": "U/L",
    "micromol/l": "umol/L",
    "micromole/l": "umol/L",
    "umole/l": "umol/L",
    "mcmol/l": "umol/L",
    "mg/100ml": "mg/dL",
    "mg%": "mg/dL",
    "mcg/dl": "ug/dL",
    "percent": "%",
    "pct": "%",
    "\uff05": "%",
    "/100": "%",
    "/100cells": "%",
    "10*-2": "%",
    "{fraction}": "1",
    "{ratio}": "1",
    "10^9/l": "10*9/L",
    "x10e9/l": "10*9/L",
    "10e9/l": "10*9/L",
    "x10^9/l": "10*9/L",
    "x10*9/l": "10*9/L",
    "10*3/ul": "10*9/L",
    "10^3/ul": "10*9/L",
    "x10^3/ul": "10*9/L",
    "x10e3/ul": "10*9/L",
    "k/ul": "10*9/L",
    "thou/ul": "10*9/L",
    "{cells}/ul": "/uL",
    "cells/ul": "/uL",
    "cells/mm3": "/uL",
    "/mm3": "/uL",
    "msec": "ms",
    "msecs": "ms",
    "millisecond": "ms",
    "milliseconds": "ms",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "lpm": "L/min",
    "[iu]/l": "[IU]/L",
    "iu/ml": "[IU]/mL",
    "m[iu]/ml": "[IU]/L",
}
"""Spellings in use, in lower case."""

_FOLDED = {name.lower(): name for name in UNITS}

ENZYMES = frozenset({"alt", "ast", "alp"})
DIMENSIONS = {
    **dict.fromkeys(ENZYMES, frozenset({"catalytic"})),
    **dict.fromkeys(("creatinine", "bilirubin_total", "bilirubin_direct"), frozenset({"mass", "molar"})),
    **dict.fromkeys(("lvef", "oxygen_saturation", "marrow_blasts", "marrow_blasts_flow"), frozenset({"fraction"})),
    "qtc": frozenset({"time"}),
}
"""What each analyte may be measured in; another dimension is an error of the record."""
_ALL = frozenset(unit.dimension for unit in UNITS.values())

_ANNOTATION = re.compile(r"\{[^{}]*\}")
"""What UCUM allows beside a unit to tell what is counted; it changes nothing: "%{blasts}" is a percentage."""

UMOL_PER_MG_DL = {"creatinine": Decimal("88.4"), "bilirubin_total": Decimal("17.1"), "bilirubin_direct": Decimal("17.1")}


def normalise(unit: str | None, analyte: str | None = None) -> str:
    """The UCUM unit of our table for a spelling. Raises: UnitError."""
    if unit in UNITS:
        found = unit
    elif unit and unit.strip():
        found = _found(unit)
    else:
        raise UnitError("no unit")
    if found == "[IU]/L" and analyte in ENZYMES:
        return "U/L"
    if found not in UNITS:
        raise UnitError("a unit that is not in the table")
    return found


def _found(unit: str) -> str:
    spelling = unit.strip().replace(" ", "").replace("\u00b5", "u").replace("\u03bc", "u")
    return _listed(spelling) or _listed(_ANNOTATION.sub("", spelling))


def _listed(spelling: str) -> str:
    if spelling in UNITS:
        return spelling
    return ALIASES.get(spelling.lower(), _FOLDED.get(spelling.lower(), ""))


def contradict(one: str, other: str) -> bool:
    """Whether two spellings that stand for one result's unit name different units of our table."""
    try:
        units = [UNITS[normalise(spelling, "alt")] for spelling in (one, other)]
    except UnitError:
        return False
    return units[0] != units[1]


def fits(spelling: str | None, analyte: str | None = None) -> bool:
    """Whether it is a unit of our table, and one that this test may be measured in."""
    try:
        return UNITS[normalise(spelling, analyte)].dimension in DIMENSIONS.get(analyte or "", _ALL)
    except UnitError:
        return False


def convert(value: Decimal, unit: str | None, to: str, analyte: str | None = None) -> Decimal:
    """The value in another unit. Raises: UnitError for a missing or unknown unit, or another dimension."""
    source, target = UNITS[normalise(unit, analyte)], UNITS[normalise(to, analyte)]
    if source.dimension not in DIMENSIONS.get(analyte or "", _ALL):
        raise UnitError("a unit of another dimension than the test's")
    if source is target:
        return value
    base = value * source.factor
    if source.dimension != target.dimension:
        molar = UMOL_PER_MG_DL.get(analyte or "")
        if molar is None or {source.dimension, target.dimension} != {"mass", "molar"}:
            raise UnitError("a unit of another dimension")
        base = base * molar if source.dimension == "mass" else base / molar
    return base / target.factor
