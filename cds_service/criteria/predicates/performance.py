"""performance: a performance status on its own scale, else derived from another."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.predicates.newest import Asked, decide_by_newest
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Compared, Derived, NoResult, Operator, Problem, Stale, Unusable
from cds_service.criteria.verdict import Evidence, Verdict, met, not_met, unknown
from cds_service.dates import completed_years
from cds_service.facts.model import Amount, Result

_GRADE = re.compile(r"(?:ecog|kps|karnofsky|lansky|grade|score|ps|status|\s|[:=-])*(?P<grade>\d{1,3})\s*%?\b.*", re.IGNORECASE)
CHILD_BELOW = 16

_ECOG_WORDS = {
    "fully active": 0,
    "restricted in physically strenuous": 1,
    "ambulatory and capable of all self": 2,
    "capable of only limited self": 3,
    "completely disabled": 4,
}
"""How the scale itself describes its grades. Source: Oken et al., Am J Clin Oncol 1982;5:649."""


@dataclass(frozen=True, slots=True)
class Derivation:
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
        if own is not None and not any(isinstance(reason, Stale) for reason in own.reasons):
            return own
        for derivation in self.derived:
            if derivation.child is _is_child(case) and (verdict := self._derived(derivation, case)) is not None:
                return verdict
        asked = _asked(self.scale, case)
        return own or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield self.scale
        yield from (derivation.scale for derivation in self.derived)

    def _newest(self, scale: str, case: Case, judge: "Judge") -> Verdict | None:
        asked = _asked(scale, case)

        def read(result: Result) -> Verdict:
            grade, from_text = _grade(result, case)
            if grade is None:
                problem = Problem.NO_VALUE if result.absent else Problem.NO_NUMBER
                return unknown(
                    Unusable(asked.what, problem, result.when),
                    evidence=[Evidence(result)],
                    missing=[asked.missing(result.when)],
                )
            verdict = judge(result, grade, asked)
            return verdict.but_confirm() if from_text or result.rests_on_text(scale) else verdict

        return decide_by_newest(case.facts.results_in(scale), asked, case, read)

    def _compare(self, result: Result, grade: Decimal, asked: Asked) -> Verdict:
        holds = self.operator.holds(grade, self.grade)
        reason = Compared(asked.what, Amount(grade, None), self.operator, Limit(self.grade, ""), holds)
        return (met if holds else not_met)(reason, evidence=[Evidence(result)])

    def _derived(self, derivation: Derivation, case: Case) -> Verdict | None:
        def judge(result: Result, grade: Decimal, asked: Asked) -> Verdict:
            reason = Derived(self.scale, asked.what, grade, result.when)
            evidence = [Evidence(result)]
            for answer, (operator, limit) in ((met, derivation.met), (not_met, derivation.not_met)):
                if operator.holds(grade, limit):
                    return answer(reason, evidence=evidence, confirm=True)
            return unknown(reason, evidence=evidence, missing=[_asked(self.scale, case).missing()])

        return self._newest(derivation.scale, case, judge)


Judge = Callable[[Result, Decimal, Asked], Verdict]


def _asked(scale: str, case: Case) -> Asked:
    value_set = case.terminology[scale]
    return Asked(value_set.title, value_set.order, case.assumptions.windows["performance_status"])


def _is_child(case: Case) -> bool:
    birth = case.facts.person.birth
    return birth is not None and max(completed_years(birth, case.facts.as_of)) < CHILD_BELOW


def _grade(result: Result, case: Case) -> tuple[Decimal | None, bool]:
    """The grade as a number, and whether it was read from words."""
    if result.absent:
        return None, False
    if result.amount is not None:
        usable = result.amount.comparator is None and result.amount.high is None
        return (result.amount.value if usable else None), False
    if result.value is not None and (grade := case.terminology.ordinal("performance_grade", result.value.codes)) is not None:
        return grade, False
    return _worded_grade(result.words or ""), True


def _worded_grade(words: str) -> Decimal | None:
    """The grade in "ECOG 1" or "80 %", or in the scale's own description of it."""
    if match := _GRADE.fullmatch(words):
        return Decimal(match["grade"])
    described = [grade for description, grade in _ECOG_WORDS.items() if words.lower().startswith(description)]
    return Decimal(described[0]) if described else None
