"""share: one result as a part of another, such as direct of total bilirubin."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.assumptions import Limit
from cds_service.criteria.predicates.newest import possibly_newest
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Compared, NoResult, Operator
from cds_service.criteria.verdict import Evidence, Verdict, met, not_met, unknown
from cds_service.errors import UnitError
from cds_service.facts.model import Amount, Result
from cds_service.terminology import units


@dataclass(frozen=True)
class Share(Word):
    """The newest result of one test in percent of another taken on the same day."""

    part: str
    whole: str
    operator: Operator
    limit: Limit

    def evaluate(self, case: Case) -> Verdict:
        what = case.terminology[self.part].title
        part, whole = (self._newest(name, case) for name in (self.part, self.whole))
        if part is None or whole is None or part.when is None or whole.when is None or part.when.first != whole.when.first:
            return unknown(NoResult(what))
        percent = self._percent(part, whole)
        if percent is None:
            return unknown(NoResult(what))
        holds = self.operator.holds(percent, self.limit.value)
        reason = Compared(what, Amount(percent.quantize(Decimal(1)), "%"), self.operator, self.limit, holds)
        return (met if holds else not_met)(reason, evidence=[Evidence(part), Evidence(whole)])

    def value_sets(self) -> Iterator[str]:
        yield from (self.part, self.whole)

    def _newest(self, name: str, case: Case) -> Result | None:
        newest = possibly_newest(case.facts.results_in(name))
        return newest[0] if len(newest) == 1 else None

    def _percent(self, part: Result, whole: Result) -> Decimal | None:
        if part.amount is None or whole.amount is None or part.amount.comparator or whole.amount.comparator:
            return None
        try:
            total = units.convert(whole.amount.value, whole.amount.unit, "mg/dL", self.whole)
            return units.convert(part.amount.value, part.amount.unit, "mg/dL", self.part) / total * 100 if total else None
        except UnitError:
            return None
