"""Limits that no value can reach or miss, and limits in a unit that the test is never given in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Assumptions
from cds_service.checking.bounds import Bound, bound_of, limits_of
from cds_service.checking.roots import Placed, TrialFile
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.observation import TimesUpperLimit
from cds_service.criteria.predicates.performance import SCALES, Performance
from cds_service.criteria.predicates.person import Age
from cds_service.errors import KnowledgeFault
from cds_service.strict_yaml import Document
from cds_service.terminology import units

_OPPOSITE = {
    Operator.BELOW: Operator.AT_LEAST,
    Operator.AT_LEAST: Operator.BELOW,
    Operator.ABOVE: Operator.AT_MOST,
    Operator.AT_MOST: Operator.ABOVE,
}
_WHOLE = {"%": Decimal(100), "1": Decimal(1)}


@dataclass(frozen=True)
class Limits:
    """Looks for limits out of reach, by what the assumptions hold plausible."""

    assumptions: Assumptions

    def impossible(self, words: Iterable[Placed]) -> Iterator[KnowledgeFault]:
        """Words that are never met, or always, and those in a unit that does not fit."""
        for placed in words:
            if isinstance(placed.word, Age):
                yield from self._age(placed, placed.word)
            if isinstance(placed.word, Performance):
                yield from self._derivations(placed, placed.word)
            if (bound := bound_of(placed.word)) is not None:
                yield from self._bound(placed, bound)

    def relapses(self, files: Iterable[TrialFile]) -> Iterator[KnowledgeFault]:
        """A protocol's relapse that every marrow shows, or none."""
        for file in files:
            relapse = file.trial.relapse
            operator = Operator.AT_LEAST if relapse.inclusive else Operator.ABOVE
            problem = self._out_of_range(Bound(operator, relapse.marrow_limit, "marrow_blasts"))
            if problem is not None:
                place = f"definitions.relapse.marrow_blasts.{operator.value}"
                yield file.source.document.fault(place, problem, "mend the limit")

    def assumed(self, document: Document) -> Iterator[KnowledgeFault]:
        """Windows that end before they begin, and default upper limits in a unit that does not fit."""
        for name, window in self.assumptions.windows.items():
            if window.fresh.days + 28 * window.fresh.months > window.recheck.days + 31 * window.recheck.months:
                yield document.fault(f"windows.{name}.recheck", "is shorter than fresh", "let it be as long or longer")
        for name, default in self.assumptions.default_upper_limits.items():
            for sex, limit in (("any", default.any), ("male", default.male), ("female", default.female)):
                if limit is not None and not units.fits(limit.unit, name):
                    problem = f"is in {limit.unit}, in which {name} is not given"
                    yield document.fault(f"default_upper_limits.{name}.{sex}", problem, "write a unit of the test")

    def _age(self, placed: Placed, age: Age) -> Iterator[KnowledgeFault]:
        oldest = int(self.assumptions.plausible["age"].at_most)
        low, high = age.at_least or 0, oldest if age.at_most is None else age.at_most
        if low > min(high, oldest):
            yield placed.fault(f"is never met: nobody is {low} to {high}", "mend the ages")
        elif low == 0 and high >= oldest:
            yield placed.fault("can never fail", "give an age that somebody is beyond")

    def _derivations(self, placed: Placed, word: Performance) -> Iterator[KnowledgeFault]:
        for index, derivation in enumerate(word.derived):
            met, not_met = (Bound(*pair, derivation.scale) for pair in (derivation.met, derivation.not_met))
            at = f".derived[{index}]"
            if not met.excludes(not_met):
                yield placed.fault("has grades that are both met and not met", "part them", within=at)
            for bound, key in ((met, "met"), (not_met, "not_met")):
                if (problem := self._out_of_range(bound)) is not None:
                    yield placed.fault(problem, "give a grade of the scale", within=f"{at}.{key}")

    def _bound(self, placed: Placed, bound: Bound) -> Iterator[KnowledgeFault]:
        at = f".{bound.operator.value}"
        unfit = [limit.unit for limit in limits_of(bound.operand) if not units.fits(limit.unit, bound.analyte or None)]
        if unfit:
            problem = f"is in {unfit[0]}, in which {bound.analyte or 'a share'} is not given"
            yield placed.fault(problem, "write the limit in a unit of the test", within=at)
        elif (out_of_reach := self._out_of_range(bound)) is not None:
            yield placed.fault(out_of_reach, "mend the limit", within=at)

    def _out_of_range(self, bound: Bound) -> str | None:
        for value, low, high in self._values(bound):
            ends = (low, high if high is not None else value + low + 1)
            for operator, problem in ((bound.operator, "is never met"), (_OPPOSITE[bound.operator], "can never fail")):
                if not any(operator.holds(end, value) for end in ends):
                    return f"{problem}: no result is {operator.value.replace('_', ' ')} {value}"
        return None

    def _values(self, bound: Bound) -> Iterator[tuple[Decimal, Decimal, Decimal | None]]:
        """Each number that is compared with, and from where to where a result can be."""
        match bound.operand:
            case TimesUpperLimit(times):
                yield times, Decimal(0), None
            case Decimal():
                scale = SCALES.get(bound.analyte)
                yield bound.operand, Decimal(0), None if scale is None else Decimal(scale.highest)
            case _:
                plausible = self.assumptions.plausible.get(bound.analyte)
                for limit in limits_of(bound.operand):
                    if plausible is None:
                        yield limit.value, Decimal(0), _WHOLE.get(limit.unit)
                    else:
                        ends = (plausible.at_least, plausible.at_most)
                        low, high = (units.convert(end, plausible.unit, limit.unit, bound.analyte) for end in ends)
                        yield limit.value, low, high
