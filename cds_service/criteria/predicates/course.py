"""course: a named value of the disease course."""

from dataclasses import dataclass

from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import CourseOpen, DiseaseActive, InRemission, Recorded, TreatedElsewhere, Wanted
from cds_service.criteria.verdict import Evidence, Missing, Verdict, met, unknown
from cds_service.facts.timeline import Activity, Stated, Statement

STATED = {"relapse": Stated.RELAPSE, "refractory": Stated.REFRACTORY}

NOT_DERIVED = frozenset(
    {
        "two_standard_courses_without_remission",
        "relapse_within_12_months",
        "relapse_after_12_months_then_refractory",
        "two_relapses",
        "persistent_extramedullary_disease",
        "disease_after_two_lines",
        "relapse_within_6_months",
        "relapse_after_6_months_then_refractory",
        "salvage_failed",
    }
)
"""Values that need courses, lines, responses and their dates. What clinicians stated does not tell them."""

VALUES = frozenset({"active", "treated_elsewhere", *STATED}) | NOT_DERIVED


@dataclass(frozen=True)
class Course(Word):
    """Whether the disease course has this value. What it does not tell is unknown, never "no"."""

    value: str

    def evaluate(self, case: Case) -> Verdict:
        if self.value == "active":
            return _active(case)
        if self.value == "treated_elsewhere":
            return met(TreatedElsewhere(), confirm=True) if case.course.treated_elsewhere else unknown()
        if self.value in STATED:
            return self._stated(case.course.standing(STATED[self.value]))
        return unknown(CourseOpen(self.value), missing=[Missing(Wanted.TREATMENT_HISTORY)])

    def _stated(self, statements: tuple[Statement, ...]) -> Verdict:
        """A clinician's statement proves it; what rests on a code or a status is to be confirmed."""
        if not statements:
            return unknown(CourseOpen(self.value), missing=[Missing(Wanted.DISEASE_STATEMENT)])
        reasons = [Recorded(statement.fact) for statement in statements]
        evidence = [Evidence(statement.fact) for statement in statements]
        return met(*dict.fromkeys(reasons), evidence=list(dict.fromkeys(evidence)), confirm=True)


def _active(case: Case) -> Verdict:
    """Is there leukaemia now? In remission that is unknown, and a person has to judge."""
    state = case.course.state
    evidence = [Evidence(fact) for fact in state.rests_on]
    match state.activity:
        case Activity.ACTIVE:
            return met(DiseaseActive(state.since, state.by), evidence=evidence, confirm=state.confirm)
        case Activity.REMISSION:
            return unknown(InRemission(state.since), evidence=evidence, missing=[Missing(Wanted.MARROW, state.since)])
        case Activity.UNKNOWN:
            return unknown(CourseOpen("active"), evidence=evidence, missing=[Missing(Wanted.MARROW, state.since)])
