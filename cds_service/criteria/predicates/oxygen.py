"""oxygen_saturation: on room air, which the record seldom says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.newest import decide_by_newest
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.word import Asked, Case, Word
from cds_service.criteria.reasons import NoResult, OnOxygen
from cds_service.criteria.verdict import Answer, Evidence, Verdict, unknown
from cds_service.dates import DateRange
from cds_service.errors import UnitError
from cds_service.facts.model import Fact, Result
from cds_service.terminology import units

_ROOM_AIR_PERCENT = (Decimal(20), Decimal(21))
"""What is written for the 20.9 % of room air. Less is a slip of the unit: then it does not say that there was no oxygen."""
_OF_OXYGEN = ("oxygen_flow", "oxygen_fraction", "oxygen_device")
_SUPPORT = ("oxygen_therapy", "mechanical_ventilation")
_DENIED = re.compile(r"\b(?:no|without|off|not on)\s+(?:supplemental |additional |extra )?(?:oxygen|o2)\b|(?:未|不|无)吸氧")
_OXYGEN = re.compile(
    r"cannula|rebreather|venturi|\bmask\b|high[- ]?flow|\bhfnc\b|\bcpap\b|\bbi-?pap\b|ventilat|intubat|"
    r"supplemental (?:oxygen|o2)|\b(?:on|with|under) (?:home |continuous )?(?:oxygen|o2)\b|\d\s*(?:l|lpm|lit[er]{2}s?)\b|吸氧"
)
_ROOM_AIR = re.compile(r"room air|ambient air|空气")
_ROOM_AIR_OR_NONE = re.compile(rf"{_ROOM_AIR.pattern}|\bra\b|^(?:none|no|not|negative|0)\b")


@dataclass(frozen=True)
class OxygenSaturation(Word):
    """The newest saturation against a limit that holds on room air.

    Without word of oxygen it counts as room air, to be confirmed. On oxygen a passing value says nothing; one that fails
    even so fails.
    """

    operator: Operator
    limit: Limit
    window: str

    def evaluate(self, case: Case) -> Verdict:
        asked = case.asked("oxygen_saturation", self.window)
        results = case.facts.results_in("oxygen_saturation")
        verdict = decide_by_newest(results, asked, case, lambda result: self._judge(result, asked, case))
        return verdict or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield from ("oxygen_saturation", "oxygen_saturation_room_air", *_OF_OXYGEN, *_SUPPORT, "oxygen_dependence")

    def _judge(self, result: Result, asked: Asked, case: Case) -> Verdict:
        verdict = Observation(("oxygen_saturation",), self.operator, self.limit, self.window).judge(result, asked, case)
        if verdict.answer is Answer.UNKNOWN:
            return verdict
        on_room_air, support = _on_room_air(result), _support(result, case)
        if not on_room_air:
            support += _dependence(result, case)
        if support or _says_oxygen(result):
            if verdict.answer is Answer.NOT_MET:
                return verdict
            evidence = [*verdict.evidence, *(Evidence(fact) for fact in support)]
            return unknown(*verdict.reasons, OnOxygen(known=True), evidence=evidence, missing=[asked.missing(result.when)])
        if on_room_air:
            return verdict
        return Verdict(verdict.answer, (*verdict.reasons, OnOxygen(known=False)), verdict.evidence, confirm=True)


def _on_room_air(result: Result) -> bool:
    """Said by the test's code, in words, or by another component of the same measurement."""
    stated = result.is_in("oxygen_saturation_room_air") or _ROOM_AIR.search(result.circumstances) is not None
    in_value = result.words is not None and _ROOM_AIR_OR_NONE.search(result.words.lower()) is not None
    return stated or in_value or any(_shows_room_air(part) for part in result.panel)


def _says_oxygen(result: Result) -> bool:
    """Oxygen in the words about the measurement itself: "on 2 L via nasal cannula"."""
    return _names_oxygen(f"{result.circumstances} {result.words or ''}".lower())


def _names_oxygen(words: str) -> bool:
    return _OXYGEN.search(_DENIED.sub("", words)) is not None


def _shows_room_air(part: Result) -> bool:
    if part.is_in("oxygen_device"):
        return part.words is not None and _is_room_air(part.words)
    if part.is_in("oxygen_flow"):
        return part.amount is not None and part.amount.value == 0
    return part.is_in("oxygen_fraction") and (fraction := _fraction(part)) is not None and _is_of_air(fraction)


def _shows_oxygen(part: Result) -> bool:
    """What is recorded of oxygen and does not say that there was none."""
    if part.is_in("oxygen_device"):
        return part.words is not None and not _is_room_air(part.words)
    if part.is_in("oxygen_flow"):
        if part.amount is None:
            return part.words is not None and not _is_room_air(part.words)
        return part.amount.value > 0
    return part.is_in("oxygen_fraction") and ((fraction := _fraction(part)) is None or not _is_of_air(fraction))


def _is_room_air(words: str) -> bool:
    return _ROOM_AIR_OR_NONE.search(words.strip().lower()) is not None and not _names_oxygen(words.lower())


def _is_of_air(percent: Decimal) -> bool:
    return _ROOM_AIR_PERCENT[0] <= percent <= _ROOM_AIR_PERCENT[1]


def _fraction(part: Result) -> Decimal | None:
    """Inspired oxygen in percent; None where its unit does not say."""
    if part.amount is None or not part.amount.unit:
        return None
    try:
        return units.convert(part.amount.value, part.amount.unit, "%")
    except UnitError:
        return None


def _support(result: Result, case: Case) -> list[Fact]:
    """What shows that oxygen was given within a day of the measurement."""
    around = _around(case)
    beside: list[Fact] = [part for part in result.panel if _shows_oxygen(part)]
    beside += [
        r
        for r in case.facts.results_naming(_OF_OXYGEN)
        if r is not result and _shows_oxygen(r) and _near(r.when, result.when, around)
    ]
    for name in _SUPPORT:
        beside += [p for p in case.facts.procedures_in(name) if p.ongoing or _near(p.when, result.when, around)]
    return list(dict.fromkeys(beside))


def _dependence(result: Result, case: Case) -> list[Fact]:
    """Diagnoses that say so, unresolved and not surely begun later."""
    known = [d for d in case.facts.diagnoses_in("oxygen_dependence") if not d.is_resolved()]
    return [d for d in known if d.when is None or result.when is None or d.when.first <= result.when.last + _around(case)]


def _around(case: Case) -> timedelta:
    return timedelta(days=case.assumptions.spans["oxygen_beside_saturation"].days)


def _near(one: DateRange | None, other: DateRange | None, around: timedelta) -> bool:
    """Within the span for some of the days possible: doubt about oxygen must not pass a patient."""
    if one is None or other is None:
        return False
    if one.moment is not None and other.moment is not None:
        return abs(one.moment - other.moment) <= around
    return one.first - around <= other.last and other.first <= one.last + around
