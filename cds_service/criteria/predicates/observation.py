"""observation: the newest result of a test against a limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit, LimitBySex
from cds_service.criteria.predicates.newest import Asked, decide_by_newest
from cds_service.criteria.predicates.upper_limit import FoundLimit, upper_limit
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Compared, Event, NoResult, Operator, Problem, Superseded, Unusable, UpperLimit
from cds_service.criteria.verdict import Evidence, Verdict, met, not_met, unknown
from cds_service.errors import UnitError
from cds_service.facts.model import Amount, Result
from cds_service.facts.response import marrow_of
from cds_service.terminology import units


@dataclass(frozen=True, slots=True)
class TimesUpperLimit:
    """A multiple of the upper limit of normal: "5 x ULN"."""

    times: Decimal


Operand = Limit | TimesUpperLimit | LimitBySex


@dataclass(frozen=True)
class Observation(Word):
    """A numeric result compared with a limit.

    `by`: "flow" takes results by flow cytometry only, "morphology" the others. `preferring`: a value set of the method that
    the protocol names; another method answers, to be confirmed. `after_treatment`: a marrow that tells of the disease after the
    last treatment.
    """

    names: tuple[str, ...]
    operator: Operator
    operand: Operand
    window: str
    by: str | None = None
    preferring: str | None = None
    after_treatment: bool = False

    @property
    def value_set(self) -> str:
        """The first of the value sets, by whose name the test goes."""
        return self.names[0]

    def evaluate(self, case: Case) -> Verdict:
        value_set = case.terminology[self.value_set]
        asked = Asked(value_set.title, value_set.order, case.assumptions.windows[self.window])
        found = {id(result): result for name in self.names for result in case.facts.results_in(name)}
        results = [result for result in found.values() if self._by_method(result)]
        verdict = decide_by_newest(results, asked, case, lambda result: self.judge(result, asked, case))
        return verdict or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield from self.names
        if self.preferring is not None:
            yield self.preferring

    def _by_method(self, result: Result) -> bool:
        if self.by is None:
            return True
        is_flow = "flow" in result.method or result.is_in("marrow_blasts_flow")
        return is_flow if self.by == "flow" else not is_flow

    def judge(self, result: Result, asked: Asked, case: Case) -> Verdict:
        """One result, whatever its date."""
        if (too_early := self._before_response(result, asked, case)) is not None:
            return too_early
        if result.absent or result.amount is None:
            problem = Problem.NO_VALUE if result.absent or result.words is None else Problem.NO_NUMBER
            return self._unusable(result, asked, problem)
        try:
            return self._compare(result, result.amount, asked, case)
        except UnitError:
            problem = Problem.NO_UNIT if not result.amount.unit else Problem.WRONG_UNIT
            return self._unusable(result, asked, problem)

    def _before_response(self, result: Result, asked: Asked, case: Case) -> Verdict | None:
        """A marrow tells of the disease now only after the last treatment, and not while it regenerates."""
        if not self.after_treatment or result.when is None:
            return None
        treatment = case.course.marrow_counts_from()
        if treatment is not None and result.when.first < treatment[1]:
            reason = Superseded(asked.what, result.when, Event.COURSE, treatment[0])
            return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])
        marrow = marrow_of(result)
        if marrow is not None and case.course.is_regenerating(marrow):
            return self._unusable(result, asked, Problem.REGENERATION)
        return None

    def _compare(self, result: Result, amount: Amount, asked: Asked, case: Case) -> Verdict:
        limit, used = self._limit(result, case)
        if isinstance(limit, Problem):
            return self._unusable(result, asked, limit)
        low, high = _bounds(amount, limit.unit, self.value_set)
        holds = _holds(self.operator, limit.value, amount, low, high)
        if holds is None:
            return self._unusable(result, asked, Problem.COMPARATOR)
        if used is not None and used.assumed and self._too_near(low, limit.value, case):
            return self._unusable(result, asked, Problem.NEAR_DEFAULT_LIMIT)
        reason = Compared(asked.what, amount, self.operator, limit, holds, used)
        confirm = self._is_to_confirm(result, used)
        return (met if holds else not_met)(reason, evidence=[Evidence(result, detail=used)], confirm=confirm)

    def _limit(self, result: Result, case: Case) -> tuple[Limit | Problem, UpperLimit | None]:
        match self.operand:
            case Limit():
                return self.operand, None
            case LimitBySex():
                return self.operand.for_sex(case.facts.person.sex) or Problem.NO_LIMIT, None
            case TimesUpperLimit(times):
                found = upper_limit(result, self.value_set, case)
                if not isinstance(found, FoundLimit):
                    return found, None
                limit = Limit(found.limit.value * times, found.limit.unit)
                return limit, UpperLimit(found.limit, times, found.assumed, found.from_text)

    def _too_near(self, value: Decimal, limit: Decimal, case: Case) -> bool:
        return abs(value - limit) <= limit * case.assumptions.default_margin

    def _is_to_confirm(self, result: Result, used: UpperLimit | None) -> bool:
        other_method = self.preferring is not None and not result.is_in(self.preferring) and "echo" not in result.method
        return not result.recognition.by_code & set(self.names) or other_method or (used is not None and used.assumed)

    def _unusable(self, result: Result, asked: Asked, problem: Problem) -> Verdict:
        reason = Unusable(asked.what, problem, result.when)
        return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])


def _bounds(amount: Amount, unit: str, analyte: str) -> tuple[Decimal, Decimal]:
    """The value, or the two ends of a range, in the limit's unit. Raises: UnitError."""
    if not amount.unit:
        raise UnitError("no unit")
    low = units.convert(amount.value, amount.unit, unit, analyte)
    return low, low if amount.high is None else units.convert(amount.high, amount.unit, unit, analyte)


def _holds(operator: Operator, limit: Decimal, amount: Amount, low: Decimal, high: Decimal) -> bool | None:
    """Whether it holds; of a range the worse end decides, and a mere bound may leave it open."""
    upwards = operator in (Operator.AT_LEAST, Operator.ABOVE)
    match amount.comparator:
        case None:
            return operator.holds(low if upwards else high, limit)
        case "<" | "<=":
            return _holds_below(operator, limit, low, inclusive=amount.comparator == "<=")
        case ">" | ">=":
            return _holds_above(operator, limit, low, inclusive=amount.comparator == ">=")
        case _:
            return None


def _holds_below(operator: Operator, limit: Decimal, bound: Decimal, *, inclusive: bool) -> bool | None:
    """For every value below `bound`: true, false, or neither."""
    match operator:
        case Operator.BELOW:
            return True if (bound < limit or (bound == limit and not inclusive)) else None
        case Operator.AT_MOST:
            return True if bound <= limit else None
        case Operator.AT_LEAST:
            return False if (bound < limit or (bound == limit and not inclusive)) else None
        case Operator.ABOVE:
            return False if bound <= limit else None


def _holds_above(operator: Operator, limit: Decimal, bound: Decimal, *, inclusive: bool) -> bool | None:
    """For every value above `bound`: true, false, or neither."""
    match operator:
        case Operator.BELOW:
            return False if bound >= limit else None
        case Operator.AT_MOST:
            return False if (bound > limit or (bound == limit and not inclusive)) else None
        case Operator.AT_LEAST:
            return True if bound >= limit else None
        case Operator.ABOVE:
            return True if (bound > limit or (bound == limit and not inclusive)) else None
