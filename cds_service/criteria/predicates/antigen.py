"""antigen: does the leukaemia carry it? By the laboratory's interpretation, else by the percentage of blasts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cds_service.criteria.predicates.newest import decide_by_newest
from cds_service.criteria.predicates.word import Asked, Case, Word
from cds_service.criteria.reasons import Event, NoResult, Problem, ResultReads, Superseded, Unusable
from cds_service.criteria.verdict import Evidence, Verdict, met, not_met, unknown
from cds_service.dates import DateRange
from cds_service.errors import UnitError
from cds_service.facts import qualitative
from cds_service.facts.finding import Finding, Reading
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import Amount, Result
from cds_service.terminology import units

_STAIN = re.compile(r"immunohisto|immunocyto|\bihc\b|\bstain|免疫组化", re.IGNORECASE)
_NOT_SURFACE = re.compile(r"cytoplasm|\brna\b|mrna|rt-?pcr|transcript|gene expression", re.IGNORECASE)
_FLOW = re.compile(r"flow|\bfcm\b|immunophenotyp|流式", re.IGNORECASE)


@dataclass(frozen=True)
class Antigen(Word):
    """An antigen on the leukaemia cells.

    `flow_only`: a stain, or RNA, does not answer. `any_detected`: any percentage above 0, and partial or dim, is positive.
    """

    antigen: str
    flow_only: bool = False
    any_detected: bool = False

    def evaluate(self, case: Case) -> Verdict:
        asked = case.asked(self.antigen, "antigen")
        sets = [name for name in self.further_sets() if name in case.terminology]
        answer = decide_by_newest(case.facts.results_in_any(sets), asked, case, lambda result: self._judge(result, asked, case))
        return answer or unknown(NoResult(asked.what), missing=[asked.missing()])

    def value_sets(self) -> Iterator[str]:
        yield from (self.antigen, f"{self.antigen}_directed", f"{self.antigen}_directed_infusion")

    def further_sets(self) -> Iterator[str]:
        yield from (self.antigen, f"{self.antigen}_cells", f"{self.antigen}_stain", f"{self.antigen}_intensity")

    def _judge(self, result: Result, asked: Asked, case: Case) -> Verdict:
        if (lost := self._may_be_lost(result, asked, case)) is not None:
            return lost
        reading = qualitative.read(result) if not _is_bare_number(result) else None
        if reading is not None:
            return self._by_reading(result, reading, asked)
        return self._by_percentage(result, asked, case)

    def _by_reading(self, result: Result, reading: Reading, asked: Asked) -> Verdict:
        if reading.finding is Finding.INDETERMINATE:
            return self._open(result, asked, Problem.UNCLEAR)
        if (wrong := self._wrong_method(result, reading.finding, asked)) is not None:
            return wrong
        if reading.partial and reading.finding is Finding.POSITIVE and not self.any_detected:
            return self._open(result, asked, Problem.PARTIAL)
        confirm = reading.from_text or reading.partial or self._by_text(result) or self._method_unstated(result)
        answer = met if reading.finding is Finding.POSITIVE else not_met
        return answer(ResultReads(asked.what, reading.finding.value, result.when), evidence=[Evidence(result)], confirm=confirm)

    def _by_percentage(self, result: Result, asked: Asked, case: Case) -> Verdict:
        amount = result.amount
        if amount is None or result.absent:
            return self._open(result, asked, Problem.NO_VALUE)
        percent = _percent(amount)
        if percent is None or result.is_in(f"{self.antigen}_intensity"):
            return self._open(result, asked, Problem.UNCLEAR if amount.unit else Problem.NO_UNIT)
        low, high = percent
        if (wrong := self._wrong_method(result, Finding.POSITIVE, asked)) is not None:
            return wrong
        positive = case.assumptions.limits["antigen_positive"].for_sex(None)
        of_all_cells = result.is_in(f"{self.antigen}_cells")
        reason = ResultReads(asked.what, f"{low:f} %" if low == high else f"{low:f}-{high:f} %", result.when)
        evidence = [Evidence(result)]
        if (positive is not None and low >= positive.value) or (self.any_detected and low > 0 and not of_all_cells):
            return met(reason, evidence=evidence, confirm=True)
        if high == 0 and not of_all_cells:
            return not_met(reason, evidence=evidence, confirm=self._by_text(result))
        return self._open(result, asked, Problem.UNCLEAR)

    def _wrong_method(self, result: Result, finding: Finding, asked: Asked) -> Verdict | None:
        stained = result.is_in(f"{self.antigen}_stain") or _STAIN.search(result.circumstances) is not None
        by_flow = _FLOW.search(result.circumstances) is not None
        if self.flow_only and ((stained and not by_flow) or _NOT_SURFACE.search(result.circumstances) is not None):
            return self._open(result, asked, Problem.NOT_BY_FLOW)
        if finding is Finding.NEGATIVE and stained and not by_flow:
            return self._open(result, asked, Problem.NEGATIVE_STAIN)
        return None

    def _may_be_lost(self, result: Result, asked: Asked, case: Case) -> Verdict | None:
        """An antigen may be lost at relapse, or under a drug against it."""
        if result.when is None:
            return None
        relapse = case.course.last_relapse
        margin = case.assumptions.spans["antigen_before_relapse"]
        if relapse is not None and result.when.last < margin.before(relapse.when.first):
            return self._superseded(result, asked, Event.RELAPSE, relapse.when)
        for day in self._directed(case):
            if day is None or not day.surely_before(result.when):
                return self._superseded(result, asked, Event.DIRECTED_THERAPY, day)
        return None

    def _directed(self, case: Case) -> Iterator[DateRange | None]:
        """The last dose of each drug or cell product against the antigen; None where its day is not known."""
        for therapy in case.facts.therapies_in(f"{self.antigen}_directed"):
            yield last_exposure(therapy, case.facts.as_of)
        for infusion in case.facts.procedures_in(f"{self.antigen}_directed_infusion"):
            yield infusion.when

    def _superseded(self, result: Result, asked: Asked, by: Event, since: DateRange | None) -> Verdict | None:
        if result.when is None:
            return None
        reason = Superseded(asked.what, result.when, by, since)
        return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])

    def _open(self, result: Result, asked: Asked, problem: Problem) -> Verdict:
        reason = Unusable(asked.what, problem, result.when)
        return unknown(reason, evidence=[Evidence(result)], missing=[asked.missing(result.when)])

    def _by_text(self, result: Result) -> bool:
        return not any(name in result.recognition.by_code for name in self.further_sets())

    def _method_unstated(self, result: Result) -> bool:
        return self.flow_only and _FLOW.search(result.circumstances) is None


def _percent(amount: Amount) -> tuple[Decimal, Decimal] | None:
    """The percentage, or both ends of a range of it; None where it is a bound, no percentage, or none that can be."""
    if amount.comparator is not None:
        return None
    try:
        low = units.convert(amount.value, amount.unit, "%")
        high = low if amount.high is None else units.convert(amount.high, amount.unit, "%")
    except UnitError:
        return None
    return (low, high) if 0 <= low <= high <= 100 else None


def _is_bare_number(result: Result) -> bool:
    """A number that nobody interpreted."""
    return result.amount is not None and not result.interpretation and result.said is None
