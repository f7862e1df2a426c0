"""finding: what a test says in kind, or which coded answer a question got."""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.criteria.predicates.newest import Asked, decide_by_newest
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import NoResult, Problem, ResultReads, Unusable
from cds_service.criteria.verdict import Evidence, Verdict, any_of, met, not_met, unknown
from cds_service.facts import qualitative
from cds_service.facts.finding import Finding
from cds_service.facts.model import Result

EVER = "ever"


@dataclass(frozen=True)
class TestFinding(Word):
    """The newest result in its window says this; with the window "ever", any result at any time does.

    A test is never settled by silence.
    """

    value_set: str
    says: str
    window: str

    def evaluate(self, case: Case) -> Verdict:
        value_set = case.terminology[self.value_set]
        asked = Asked(value_set.title, value_set.order, case.assumptions.windows[self.window])
        results = case.facts.results_in(self.value_set)
        nothing = unknown(NoResult(asked.what), missing=[asked.missing()])
        if self.window == EVER:
            past = [r for r in results if r.when is None or r.when.first <= case.facts.as_of]
            return any_of(self._judge(result, asked) for result in past) if past else nothing
        return decide_by_newest(results, asked, case, lambda result: self._judge(result, asked)) or nothing

    def value_sets(self) -> Iterator[str]:
        yield self.value_set
        if self.says not in FINDINGS:
            yield self.says

    def _judge(self, result: Result, asked: Asked) -> Verdict:
        evidence = [Evidence(result)]
        reads, from_text = self._read(result)
        if reads is None or result.absent:
            problem = Problem.NO_VALUE if result.absent else Problem.UNCLEAR
            return unknown(Unusable(asked.what, problem, result.when), evidence=evidence, missing=[asked.missing(result.when)])
        answer = met if reads == self.says else not_met
        confirm = from_text or result.rests_on_text(self.value_set)
        return answer(ResultReads(asked.what, reads, result.when), evidence=evidence, confirm=confirm)

    def _read(self, result: Result) -> tuple[str | None, bool]:
        if self.says in FINDINGS:
            reading = qualitative.read(result)
            if reading is None or reading.finding is Finding.INDETERMINATE:
                return None, False
            return reading.finding.value, reading.from_text
        answer = result.value
        if answer is None:
            return None, False
        given = sorted(name for name in answer.by_code | answer.by_text if answer.is_in(name))
        reads = self.says if self.says in given else next(iter(given), None)
        return reads, reads is not None and answer.rests_on_text(reads)


FINDINGS = frozenset({Finding.POSITIVE.value, Finding.NEGATIVE.value})
