"""share: one result as a part of another, such as direct of total bilirubin."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.newest import possibly_newest
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Differing, NoResult, ShareCompared
from cds_service.criteria.verdict import Evidence, Missing, Verdict, met, not_met, unknown
from cds_service.errors import UnitError
from cds_service.facts.model import Result
from cds_service.terminology import units


@dataclass(frozen=True)
class Share(Word):
    """The newest result of one test in percent of the newest of another, taken on the same day. Several must agree."""

    part: str
    whole: str
    operator: Operator
    limit: Limit

    def evaluate(self, case: Case) -> Verdict:
        part, whole = case.terminology[self.part], case.terminology[self.whole]
        missing = [Missing(part.title, order=part.order)]
        pairs = self._pairs(case)
        shares = [self._percent(one, other) for one, other in pairs]
        percents = [share for share in shares if share is not None]
        if not percents or len(percents) < len(shares):
            return unknown(NoResult(part.title), missing=missing)
        evidence = [Evidence(result) for result in dict.fromkeys(result for pair in pairs for result in pair)]
        answers = {self.operator.holds(percent, self.limit.value) for percent in percents}
        if len(answers) > 1:
            return unknown(Differing(part.title, one_day=True), evidence=evidence, missing=missing)
        holds = answers.pop()
        reason = ShareCompared(part.title, whole.title, percents[0], self.operator, self.limit, holds)
        by_text = any(one.rests_on_text(self.part) or other.rests_on_text(self.whole) for one, other in pairs)
        return (met if holds else not_met)(reason, evidence=evidence, confirm=by_text)

    def value_sets(self) -> Iterator[str]:
        yield from (self.part, self.whole)

    def _pairs(self, case: Case) -> list[tuple[Result, Result]]:
        """Each newest result of the part with each newest of the whole; none where the days differ."""
        parts, wholes = (possibly_newest(case.facts.results_in(name)) for name in (self.part, self.whole))
        days = {result.when.first if result.when is not None else None for result in (*parts, *wholes)}
        return [(part, whole) for part in parts for whole in wholes] if len(days) == 1 and None not in days else []

    def _percent(self, part: Result, whole: Result) -> Decimal | None:
        """None where a value is no plain number of a mass, or the part is more than the whole."""
        try:
            values = [
                units.convert(result.amount.value, result.amount.unit, "mg/dL", name)
                for result, name in ((part, self.part), (whole, self.whole))
                if result.amount is not None and result.amount.comparator is None and result.amount.high is None
            ]
        except UnitError:
            return None
        if len(values) < 2 or not 0 <= values[0] <= values[1] or values[1] == 0:
            return None
        return values[0] / values[1] * 100
