"""oxygen_saturation: on room air, which the record seldom says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.predicates.newest import Asked, decide_by_newest
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import NoResult, OnOxygen, Operator
from cds_service.criteria.verdict import Answer, Evidence, Verdict, unknown
from cds_service.dates import DateRange
from cds_service.errors import UnitError
from cds_service.facts.model import Fact, Result
from cds_service.terminology import units

_ROOM_AIR_PERCENT = Decimal(21)
_SUPPORT = ("oxygen_therapy", "mechanical_ventilation")


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
        value_set = case.terminology["oxygen_saturation"]
        asked = Asked(value_set.title, value_set.order, case.assumptions.windows[self.window])
        results = case.facts.results_in("oxygen_saturation")
        verdict = decide_by_newest(results, asked, case, lambda result: self._judge(result, asked, case))
        return verdict or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield from ("oxygen_saturation", "oxygen_saturation_room_air", "oxygen_flow", "oxygen_fraction", *_SUPPORT)

    def _judge(self, result: Result, asked: Asked, case: Case) -> Verdict:
        verdict = Observation(("oxygen_saturation",), self.operator, self.limit, self.window).judge(result, asked, case)
        if verdict.answer is Answer.UNKNOWN:
            return verdict
        support = [fact for fact in _oxygen(result, case) if fact is not result]
        if support:
            if verdict.answer is Answer.NOT_MET:
                return verdict
            evidence = [*verdict.evidence, *(Evidence(fact) for fact in support)]
            return unknown(*verdict.reasons, OnOxygen(known=True), evidence=evidence, missing=[asked.missing(result.when)])
        if _on_room_air(result):
            return verdict
        return Verdict(verdict.answer, (*verdict.reasons, OnOxygen(known=False)), verdict.evidence, confirm=True)


def _on_room_air(result: Result) -> bool:
    stated = result.is_in("oxygen_saturation_room_air") or "room air" in result.method or "ambient air" in result.method
    return stated or any(_shows_room_air(part) for part in result.panel)


def _shows_room_air(part: Result) -> bool:
    flow = part.is_in("oxygen_flow") and part.amount is not None and part.amount.value == 0
    return flow or (part.is_in("oxygen_fraction") and _fraction(part) == _ROOM_AIR_PERCENT)


def _shows_oxygen(part: Result) -> bool:
    if part.is_in("oxygen_flow"):
        return part.amount is not None and part.amount.value > 0
    if part.is_in("oxygen_fraction"):
        fraction = _fraction(part)
        return fraction is None or fraction > _ROOM_AIR_PERCENT
    return False


def _fraction(part: Result) -> Decimal | None:
    """Inspired oxygen in percent; None where its unit does not say."""
    if part.amount is None or not part.amount.unit:
        return None
    try:
        return units.convert(part.amount.value, part.amount.unit, "%")
    except UnitError:
        return None


def _oxygen(result: Result, case: Case) -> list[Fact]:
    """What shows that oxygen was given within a day of the measurement."""
    around = timedelta(days=case.assumptions.spans["oxygen_beside_saturation"].days)
    beside: list[Fact] = [part for part in result.panel if _shows_oxygen(part)]
    beside += [r for r in case.facts.results if _shows_oxygen(r) and _near(r.when, result.when, around)]
    for name in _SUPPORT:
        beside += [p for p in case.facts.procedures_in(name) if p.ongoing or _near(p.when, result.when, around)]
    return beside


def _near(one: DateRange | None, other: DateRange | None, around: timedelta) -> bool:
    """Within the span for some of the days possible: doubt about oxygen must not pass a patient."""
    if one is None or other is None:
        return False
    if one.moment is not None and other.moment is not None:
        return abs(one.moment - other.moment) <= around
    return one.first - around <= other.last and other.first <= one.last + around
