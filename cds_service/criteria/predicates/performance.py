"""performance: a performance status on its own scale, else derived from another."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from cds_service.assumptions import Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.newest import decide_by_newest
from cds_service.criteria.predicates.word import Asked, Case, Word
from cds_service.criteria.reasons import (
    AgeUnclear,
    Compared,
    Derived,
    NoResult,
    Problem,
    Stale,
    Superseded,
    Unusable,
    Wanted,
)
from cds_service.criteria.verdict import Answer, Evidence, Missing, Verdict, met, not_met, unknown
from cds_service.dates import completed_years
from cds_service.facts.model import Amount, Result
from cds_service.value import Value

CHILD_BELOW = 16

_GRADE = re.compile(
    r"(?:ecog|kps|karnofsky|lansky|play|performance|grade|score|ps|status|\s|[:=-])*"
    r"(?P<grade>\d{1,3})\s*%?(?:\s*(?:[-–]|to|or)\s*(?P<high>\d{1,3})\s*%?)?(?!\d)(?:[^\d]|50\s?%)*",
    re.IGNORECASE,
)
"""A grade or two, and words behind it. Any other number there may be another grade, an earlier one say: then it is not read.
"50 %" is the share of waking hours in the scale's own words."""
_ECOG_WORDS = {
    "fully active": 0,
    "restricted in physically strenuous": 1,
    "ambulatory and capable of all self": 2,
    "capable of only limited self": 3,
    "completely disabled": 4,
}
"""How the scale itself describes its grades. Source: Oken et al., Am J Clin Oncol 1982;5:649."""


class Scale(Value, frozen=True):
    """From 0 to its highest grade in steps. Half a step ("KPS 65") is between two grades: both must agree."""

    step: int
    highest: int

    def grades(self, low: Decimal, high: Decimal) -> tuple[Decimal, ...]:
        """The grades that a value or a range may mean; none where it is off the scale."""
        half = Decimal(self.step) / 2
        if not 0 <= low <= high <= self.highest or low % half or high % half:
            return ()
        first, last = floor(low / self.step), ceil(high / self.step)
        return tuple(Decimal(grade * self.step) for grade in range(first, last + 1))


SCALES = {"ecog": Scale(1, 5), "karnofsky": Scale(10, 100), "lansky": Scale(10, 100)}


class Derivation(Value, frozen=True):
    """How another scale answers: surely at one end, surely not at the other, open between. Always to be confirmed."""

    scale: str
    met: tuple[Operator, Decimal]
    not_met: tuple[Operator, Decimal]
    child: bool


@dataclass(frozen=True)
class Performance(Word):
    """Karnofsky, ECOG or Lansky. The scale that the protocol names decides; another stands in where it has no result."""

    scale: str
    operator: Operator
    grade: Decimal
    derived: tuple[Derivation, ...] = ()

    def evaluate(self, case: Case) -> Verdict:
        own = self._newest(self.scale, case, self._compare)
        if own is not None and not _is_over(own):
            return own
        for derivation in self.derived:
            verdict = self._derived(derivation, case)
            if verdict is not None and (own is None or not _is_over(verdict)):
                return verdict
        asked = _asked(self.scale, case)
        return own or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield self.scale
        yield from (derivation.scale for derivation in self.derived)

    def _newest(self, scale: str, case: Case, judge: "Judge") -> Verdict | None:
        asked = _asked(scale, case)

        def read(result: Result) -> Verdict:
            grades, from_text = _grades(result, scale, case)
            if isinstance(grades, Problem):
                return _open(result, asked, grades)
            verdicts = [judge(result, grade, asked) for grade in grades]
            if len({verdict.answer for verdict in verdicts}) > 1:
                return _open(result, asked, Problem.RANGE)
            confirm = from_text or result.rests_on_text(scale)
            return verdicts[0].but_confirm() if confirm else verdicts[0]

        return decide_by_newest(case.facts.results_in(scale), asked, case, read)

    def _compare(self, result: Result, grade: Decimal, asked: Asked) -> Verdict:
        holds = self.operator.holds(grade, self.grade)
        reason = Compared(asked.what, _shown(result, grade), self.operator, Limit(self.grade, ""), holds)
        return (met if holds else not_met)(reason, evidence=[Evidence(result)])

    def _derived(self, derivation: Derivation, case: Case) -> Verdict | None:
        """None where the other scale has no result, or is not for a patient of this age."""
        own = _asked(self.scale, case)

        def judge(result: Result, grade: Decimal, asked: Asked) -> Verdict:
            bounds = ((True, derivation.met), (False, derivation.not_met))
            holds = next((answer for answer, (operator, limit) in bounds if operator.holds(grade, limit)), None)
            shown = _shown(result, grade)
            reason = Derived(own.what, self.operator, self.grade, holds, asked.what, shown, result.when)
            if holds is None:
                return unknown(reason, evidence=[Evidence(result)], missing=[own.missing()])
            return (met if holds else not_met)(reason, evidence=[Evidence(result)], confirm=True)

        is_child = _is_child(case)
        if is_child is not None and derivation.child is not is_child:
            return None
        verdict = self._newest(derivation.scale, case, judge)
        if verdict is None or is_child is not None or verdict.answer is Answer.UNKNOWN:
            return verdict
        return unknown(
            *verdict.reasons,
            AgeUnclear(_ages(case), at_least=CHILD_BELOW),
            evidence=verdict.evidence,
            missing=[own.missing(), Missing(Wanted.BIRTH_DATE)],
        )


Judge = Callable[[Result, Decimal, Asked], Verdict]


def _is_over(verdict: Verdict) -> bool:
    """Its result is too old, or from before something that may have changed it."""
    return any(isinstance(reason, (Stale, Superseded)) for reason in verdict.reasons)


def _open(result: Result, asked: Asked, problem: Problem) -> Verdict:
    reason = Unusable(asked.what, problem, result.when, result.amount)
    return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])


def _asked(scale: str, case: Case) -> Asked:
    return case.asked(scale, "performance_status")


def _shown(result: Result, grade: Decimal) -> Amount:
    """The value as recorded, without the unit that a score does not have."""
    return Amount(result.amount.value, None, high=result.amount.high) if result.amount is not None else Amount(grade, None)


def _ages(case: Case) -> tuple[int, int] | None:
    birth = case.facts.person.birth
    return completed_years(birth, case.facts.as_of) if birth is not None and birth.first <= case.facts.as_of else None


def _is_child(case: Case) -> bool | None:
    """None where the birth date does not tell."""
    answers = {years < CHILD_BELOW for years in _ages(case) or ()}
    return answers.pop() if len(answers) == 1 else None


def _grades(result: Result, scale: str, case: Case) -> tuple[tuple[Decimal, ...] | Problem, bool]:
    """The grades that a result may mean, and whether they were read from words."""
    if result.absent:
        return Problem.NO_VALUE, False
    if result.amount is not None:
        if result.amount.comparator is not None:
            return Problem.COMPARATOR, False
        ends, from_text = (result.amount.value, result.amount.high or result.amount.value), False
    elif result.value is not None and (known := case.terminology.ordinal("performance_grade", result.value.codes)) is not None:
        ends, from_text = (known, known), False
    elif (read := _worded_grade(result.words or "")) is not None:
        ends, from_text = read, True
    else:
        return (Problem.NO_NUMBER if result.words else Problem.NO_VALUE), False
    return SCALES[scale].grades(*ends) or Problem.NOT_A_GRADE, from_text


def _worded_grade(words: str) -> tuple[Decimal, Decimal] | None:
    """The grade or grades in "ECOG 1", "1-2" or "80 %", or in the scale's own description of one."""
    if match := _GRADE.fullmatch(words.strip()):
        return Decimal(match["grade"]), Decimal(match["high"] or match["grade"])
    described = [grade for description, grade in _ECOG_WORDS.items() if words.lower().startswith(description)]
    return (Decimal(described[0]), Decimal(described[0])) if described else None
