"""therapy: is a medicine taken, given or on order? treated_for: is anything given or done for this disease?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.assumptions import Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.predicates.recorded import OnRecord, doubted, within
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Doubt, TimeUnclear, Unconfirmed, Wanted
from cds_service.criteria.verdict import Evidence, Missing, Verdict, any_of, met, not_met, unknown
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import Kind, Procedure, Route, Therapy

ROUTES: dict[str, frozenset[Route | None]] = {
    "intravenous": frozenset({Route.INTRAVENOUS, Route.INJECTED, None}),
    "surely intravenous": frozenset({Route.INTRAVENOUS, Route.INJECTED}),
    "by mouth": frozenset({Route.ORAL}),
}
"""The routes that may be asked for; one that is not recorded may be any, but for drugs that are mostly taken otherwise."""


@dataclass(frozen=True)
class SingleDose:
    """A bound on one dose; the limit whose unit the dose is recorded in counts."""

    operator: Operator
    limits: tuple[Limit, ...]

    def holds(self, therapy: Therapy) -> bool | None:
        """None where no dose is recorded in the unit of a limit."""
        dose = therapy.dose
        fitting = [limit for limit in self.limits if dose is not None and dose.unit == limit.unit]
        return all(self.operator.holds(dose.value, limit.value) for limit in fitting) if dose is not None and fitting else None


@dataclass(frozen=True)
class Medicine(OnRecord):
    """A medicine taken, given or on order. What acts locally only, or was given intrathecally, is passed over.

    `reasons`: only what is given for one of these; `but_not_for`: not what is given for these, briefly (`briefly`).
    """

    reasons: tuple[str, ...] = ()
    but_not_for: tuple[str, ...] = ()
    briefly: str | None = None
    route: str | None = None
    dose: SingleDose | None = None

    def evaluate(self, case: Case) -> Verdict:
        found = [therapy for therapy in case.facts.therapies_naming(self.names) if self._counts(therapy, case)]
        return self._conclude(case, Kind.THERAPY, [self._judge(therapy, case) for therapy in found])

    def value_sets(self) -> Iterator[str]:
        yield from (*self.names, *self.reasons, *self.but_not_for)

    def _counts(self, therapy: Therapy, case: Case) -> bool:
        if therapy.route in (Route.LOCAL, Route.INTRATHECAL):
            return False
        if self.route is not None and therapy.route not in ROUTES[self.route]:
            return False
        if self.reasons and not _given_for(therapy, self.reasons):
            return False
        if self.dose is not None and self.dose.holds(therapy) is False:
            return False
        return not (_given_for(therapy, self.but_not_for) and self._is_brief(therapy, case))

    def _is_brief(self, therapy: Therapy, case: Case) -> bool:
        if self.briefly is None or therapy.single:
            return True
        if therapy.started is None:
            return False
        end = last_exposure(therapy, case.facts.as_of)
        longest = case.assumptions.spans[self.briefly].after(therapy.started.first)
        return end is not None and end.last < longest

    def _judge(self, therapy: Therapy, case: Case) -> Verdict:
        doubt = self._doubt(therapy, case) or (Doubt.NOT_KNOWN_TAKEN if therapy.is_unclear else None)
        in_time = self._in_time(
            therapy, therapy.when if self.within is None else last_exposure(therapy, case.facts.as_of), case
        )
        if doubt is not None:
            return doubted(therapy, doubt, Wanted.WHETHER_TAKEN) if not in_time.is_not_met() else in_time
        if self.dose is not None and self.dose.holds(therapy) is None and not in_time.is_not_met():
            return doubted(therapy, Doubt.NO_DOSE, Wanted.DOSE)
        return in_time.but_confirm() if self.reasons and _reason_by_text(therapy, self.reasons) else in_time


def _given_for(treatment: Therapy | Procedure, reasons: Sequence[str]) -> bool:
    return treatment.reasons is not None and any(treatment.reasons.is_in(reason) for reason in reasons)


def _reason_by_text(treatment: Therapy | Procedure, reasons: Sequence[str]) -> bool:
    return treatment.reasons is not None and not treatment.reasons.by_code & set(reasons)


@dataclass(frozen=True)
class TreatedFor(Word):
    """A disease that is on record as what a medicine was given, or a procedure done, for; never an answer from silence.

    Prophylaxis is no treatment: the text nets let it go.
    """

    names: tuple[str, ...]
    within: str | None = None

    def evaluate(self, case: Case) -> Verdict:
        treatments: list[Therapy | Procedure] = [*case.facts.therapies, *case.facts.procedures]
        return any_of(self._judge(treatment, case) for treatment in treatments if _given_for(treatment, self.names))

    def value_sets(self) -> Iterator[str]:
        yield from self.names

    def _judge(self, treatment: Therapy | Procedure, case: Case) -> Verdict:
        reason, evidence = Unconfirmed(treatment, Doubt.INDICATION), [Evidence(treatment)]
        confirm = _reason_by_text(treatment, self.names)
        if self.within is None:
            return met(reason, evidence=evidence, confirm=confirm)
        span = case.assumptions.spans[self.within]
        when = last_exposure(treatment, case.facts.as_of) if isinstance(treatment, Therapy) else treatment.when
        match within(when, span, case):
            case True:
                return met(reason, evidence=evidence, confirm=confirm)
            case False:
                return not_met(reason, evidence=evidence)
        return unknown(TimeUnclear(treatment, span), evidence=evidence, missing=[Missing(Wanted.DATES, treatment.when)])
