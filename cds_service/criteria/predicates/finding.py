"""finding: what a test says in kind, or which coded answer a question got."""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.criteria.predicates.newest import decide_by_newest
from cds_service.criteria.predicates.word import Asked, Case, Word
from cds_service.criteria.reasons import NoResult, Problem, ResultReads, Unusable
from cds_service.criteria.verdict import Evidence, Verdict, any_of, met, not_met, unknown
from cds_service.facts import qualitative
from cds_service.facts.finding import Finding
from cds_service.facts.model import Result

EVER = "ever"
UNCLEAR = "unclear"


@dataclass(frozen=True)
class TestFinding(Word):
    """The newest result in its window says this; or, `within` a span or in the window "ever", any result does.

    "unclear" is said by a result that is neither positive nor negative. A test is never settled by silence.
    """

    value_set: str
    says: str
    window: str | None
    within: str | None = None

    def evaluate(self, case: Case) -> Verdict:
        asked = case.asked(self.value_set, self.window or EVER)
        results = case.facts.results_in(self.value_set)
        if asked.window.name == EVER:
            past = [result for result in results if self._is_past(result, case)]
            found = any_of([self._judge(result, asked) for result in past]) if past else None
        else:
            found = decide_by_newest(results, asked, case, lambda result: self._judge(result, asked))
        return found or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield self.value_set
        if self.says not in FINDINGS:
            yield self.says

    def _is_past(self, result: Result, case: Case) -> bool:
        """Whether it may have been taken before today, and within the span if there is one."""
        if result.when is None:
            return True
        earliest = case.assumptions.spans[self.within].before(case.facts.as_of) if self.within is not None else None
        return result.when.first <= case.facts.as_of and (earliest is None or result.when.last >= earliest)

    def _judge(self, result: Result, asked: Asked) -> Verdict:
        evidence = [Evidence(result)]
        reads, from_text = (UNCLEAR, False) if result.absent else self._read(result)
        if reads == UNCLEAR and self.says != UNCLEAR:
            problem = Problem.NO_VALUE if result.absent else Problem.UNCLEAR
            return unknown(Unusable(asked.what, problem, result.when), evidence=evidence, missing=[asked.missing(result.when)])
        answer = met if reads == self.says else not_met
        confirm = from_text or result.rests_on_text(self.value_set)
        return answer(ResultReads(asked.what, reads, result.when), evidence=evidence, confirm=confirm)

    def _read(self, result: Result) -> tuple[str, bool]:
        """What it says, and whether that was read from free text."""
        if self.says in FINDINGS:
            reading = qualitative.read(result)
            if reading is None or reading.finding is Finding.INDETERMINATE:
                return UNCLEAR, False
            return reading.finding.value, reading.from_text
        answer = result.value
        given = sorted(name for name in answer.by_code | answer.by_text if answer.is_in(name)) if answer is not None else []
        if answer is None or not given:
            return UNCLEAR, False
        reads = self.says if self.says in given else given[0]
        return reads, answer.rests_on_text(reads)


FINDINGS = frozenset({Finding.POSITIVE.value, Finding.NEGATIVE.value, UNCLEAR})
