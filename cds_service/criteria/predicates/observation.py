"""observation: the newest result of a test against a limit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit, LimitBySex
from cds_service.criteria.comparison import Operator, holds_for
from cds_service.criteria.predicates.newest import decide_by_newest
from cds_service.criteria.predicates.upper_limit import FoundLimit, upper_limit
from cds_service.criteria.predicates.word import Asked, Case, Word
from cds_service.criteria.reasons import Compared, Event, NoResult, Problem, Superseded, Unusable, UpperLimit
from cds_service.criteria.verdict import Evidence, Verdict, met, not_met, unknown
from cds_service.errors import UnitError
from cds_service.facts.model import Amount, Result
from cds_service.facts.response import marrow_of
from cds_service.terminology import units
from cds_service.value import Value

_FLOW = re.compile(r"\bflow|\bfcm\b|immunophenotyp|流式")
_ECHO = re.compile(r"echo|ultraso|\bt[te]e\b|超声")
_MARROW, _ELSEWHERE = re.compile(r"marrow|骨髓"), re.compile(r"blood|csf|cerebrospinal|fluid|血|脑脊液")
_OF_A_GATE = re.compile(r"\bgated?\b")
"""A share of the cells that a gate let through is no share of the marrow's cells."""


class TimesUpperLimit(Value, frozen=True):
    """A multiple of the upper limit of normal: "5 x ULN"."""

    times: Decimal


Operand = Limit | TimesUpperLimit | LimitBySex


@dataclass(frozen=True)
class Observation(Word):
    """A numeric result compared with a limit.

    `by`: "flow" takes results by flow cytometry only, "morphology" the others. `preferring`: a value set of the method that
    the protocol names; another method, or none stated, answers, to be confirmed. `after_treatment`: a marrow that tells of the
    disease after the last treatment. `lower_end`: of a range ("45-55 %") the lower end decides; without it a range decides
    where both its ends agree.
    """

    names: tuple[str, ...]
    operator: Operator
    operand: Operand
    window: str
    by: str | None = None
    preferring: str | None = None
    after_treatment: bool = False
    lower_end: bool = False

    @property
    def value_set(self) -> str:
        """The first of the value sets, by whose name the test goes."""
        return self.names[0]

    def evaluate(self, case: Case) -> Verdict:
        asked = case.asked(self.value_set, self.window)
        found = case.facts.results_in_any(self.names)
        results = found if self.by is None else [result for result in found if self._by_method(result)]
        verdict = decide_by_newest(results, asked, case, lambda result: self.judge(result, asked, case))
        return verdict or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield from self.names
        if self.preferring is not None:
            yield self.preferring

    def _by_method(self, result: Result) -> bool:
        is_flow = _FLOW.search(result.method) is not None or result.is_in("marrow_blasts_flow")
        return is_flow and _of_marrow_cells(result) if self.by == "flow" else not is_flow

    def judge(self, result: Result, asked: Asked, case: Case) -> Verdict:
        """One result, whatever its date."""
        verdict = self._by_value(result, asked, case)
        too_early = self._before_response(result, asked, case)
        if too_early is None:
            return verdict
        return unknown(*verdict.reasons, too_early, evidence=[Evidence(result)], missing=[asked.missing(result.when)])

    def _by_value(self, result: Result, asked: Asked, case: Case) -> Verdict:
        if result.absent or result.amount is None:
            problem = Problem.NO_VALUE if result.absent or result.words is None else Problem.NO_NUMBER
            return self._unusable(result, asked, problem)
        try:
            return self._compare(result, result.amount, asked, case)
        except UnitError:
            problem = Problem.NO_UNIT if not result.amount.unit else Problem.WRONG_UNIT
            return self._unusable(result, asked, problem)

    def _before_response(self, result: Result, asked: Asked, case: Case) -> Superseded | Unusable | None:
        """A marrow tells of the disease now only after the last treatment, and not while it regenerates."""
        if not self.after_treatment or result.when is None:
            return None
        treatment = case.course.marrow_counts_from()
        if treatment is not None and result.when.first < treatment[1]:
            return Superseded(asked.what, result.when, Event.COURSE, treatment[0])
        marrow = marrow_of(result)
        if marrow is not None and case.course.is_regenerating(marrow):
            return Unusable(asked.what, Problem.REGENERATION, result.when, result.amount)
        return None

    def _compare(self, result: Result, amount: Amount, asked: Asked, case: Case) -> Verdict:
        if not self._is_plausible(amount, case):
            return self._unusable(result, asked, Problem.IMPLAUSIBLE)
        limit, found = self._limit(result, case)
        if isinstance(limit, Problem):
            return self._unusable(result, asked, limit)
        low, high = self._ends(amount, limit.unit)
        holds = holds_for(self.operator, limit.value, amount, low, high)
        if holds is None:
            return self._unusable(result, asked, Problem.RANGE if amount.comparator is None else Problem.COMPARATOR)
        if found is not None and found.assumed and any(self._too_near(end, limit.value, case) for end in (low, high)):
            return self._unusable(result, asked, Problem.NEAR_DEFAULT_LIMIT)
        used = self._used(found)
        reason = Compared(asked.what, amount, self.operator, limit, holds, used, self._converted(amount, low, limit.unit))
        confirm = self._is_to_confirm(result) or (found is not None and found.to_confirm)
        return (met if holds else not_met)(reason, evidence=[Evidence(result, detail=used)], confirm=confirm)

    def _is_plausible(self, amount: Amount, case: Case) -> bool:
        """Raises: UnitError."""
        plausible = case.assumptions.plausible.get(self.value_set)
        if plausible is None:
            return True
        low, high = self._ends(amount, plausible.unit)
        return plausible.holds(low) and (high is low or plausible.holds(high))

    def _ends(self, amount: Amount, unit: str) -> tuple[Decimal, Decimal]:
        """The value, or the two ends of a range that count, in a unit. Raises: UnitError."""
        low = units.convert(amount.value, amount.unit, unit, self.value_set)
        if amount.high is None or self.lower_end:
            return low, low
        return low, units.convert(amount.high, amount.unit, unit, self.value_set)

    def _converted(self, amount: Amount, low: Decimal, unit: str) -> Decimal | None:
        if amount.high is not None or amount.unit == unit:
            return None
        return None if units.normalise(amount.unit, self.value_set) == units.normalise(unit, self.value_set) else low

    def _limit(self, result: Result, case: Case) -> tuple[Limit | Problem, FoundLimit | None]:
        match self.operand:
            case Limit():
                return self.operand, None
            case LimitBySex():
                return self.operand.for_sex(case.facts.person.sex) or Problem.NO_LIMIT, None
            case TimesUpperLimit(times):
                found = upper_limit(result, self.value_set, case)
                if not isinstance(found, FoundLimit):
                    return found, None
                return Limit(found.limit.value * times, found.limit.unit), found

    def _used(self, found: FoundLimit | None) -> UpperLimit | None:
        if found is None or not isinstance(self.operand, TimesUpperLimit):
            return None
        return UpperLimit(found.limit, self.operand.times, found.assumed)

    def _too_near(self, value: Decimal, limit: Decimal, case: Case) -> bool:
        return abs(value - limit) <= limit * case.assumptions.default_margin

    def _is_to_confirm(self, result: Result) -> bool:
        by_text = not result.recognition.by_code & set(self.names)
        other_method = self.preferring is not None and not result.is_in(self.preferring) and not _ECHO.search(result.method)
        return by_text or other_method

    def _unusable(self, result: Result, asked: Asked, problem: Problem) -> Verdict:
        reason = Unusable(asked.what, problem, result.when, result.amount)
        return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])


def _of_marrow_cells(result: Result) -> bool:
    """Flow cytometry's codes leave the specimen open: what says blood, or counts a gate, is no share of the marrow."""
    elsewhere = _ELSEWHERE.search(result.method) is not None and _MARROW.search(result.method) is None
    return not elsewhere and _OF_A_GATE.search(result.circumstances) is None
