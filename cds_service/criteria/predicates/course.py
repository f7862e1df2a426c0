"""course: a named value of the disease course, and what is asked of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from cds_service.assumptions import Length
from cds_service.criteria.course_reasons import (
    CourseCounted,
    CourseEvent,
    CourseOpen,
    CourseStated,
    DiseaseActive,
    DiseaseOpen,
    Elapsed,
    Ended,
    InRemission,
    NotCounted,
)
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Wanted
from cds_service.criteria.verdict import Answer, Evidence, Missing, Verdict, all_of, any_of, met, negate, not_met, unknown
from cds_service.facts.certainty import Count, Finding, Unclear
from cds_service.facts.outcomes import Ending, Outcome
from cds_service.facts.relapses import Relapse
from cds_service.facts.timeline import Activity, DiseaseCourse

COUNTS: Mapping[str, Callable[[DiseaseCourse], Count]] = {
    "relapses": lambda course: course.relapses,
    "lines": lambda course: course.line_count,
    "standard_courses_without_remission": DiseaseCourse.standard_courses_without_remission,
}
EVENTS: Mapping[str, Callable[[DiseaseCourse], tuple[CourseEvent, ...]]] = {
    "relapses": lambda course: tuple(
        CourseEvent(relapse.when, after=relapse.remission.since if relapse.remission is not None else None)
        for relapse in course.walked.relapses
    ),
    "lines": lambda course: tuple(
        CourseEvent(line.start, tuple(dict.fromkeys(treatment.regimen for treatment in line.treatments)))
        for line in course.lines
        if line.start is not None
    ),
    "standard_courses_without_remission": lambda course: tuple(
        CourseEvent(treatment.start, (treatment.regimen,)) for treatment in course.history.courses
    ),
}
"""What is counted, to be shown."""
FINDINGS: Mapping[str, Callable[[DiseaseCourse], Finding]] = {
    "persistent_extramedullary_disease": DiseaseCourse.persistent_extramedullary_disease,
    "refractory_as_stated": DiseaseCourse.refractory_as_stated,
}
_OF_TREATMENT = frozenset({"lines", "standard_courses_without_remission"})
RELAPSES = frozenset({"relapse", "last_relapse"})
OUTCOMES = {outcome.value: outcome for outcome in (Outcome.REMISSION, Outcome.NO_REMISSION)}

_WANTED = {
    Unclear.REGENERATION: Wanted.MARROW_WITH_FLOW,
    Unclear.EXACTLY_AT_LIMIT: Wanted.MARROW,
    Unclear.NOT_ABOVE_LIMIT: Wanted.MARROW,
    Unclear.SINGLE_BLOOD_SAMPLE: Wanted.MARROW,
    Unclear.COUNTS_MISSING: Wanted.BLOOD_COUNTS,
    Unclear.LEUKEMIA_FREE: Wanted.BLOOD_COUNTS,
    Unclear.TREATED_SINCE: Wanted.MARROW,
    Unclear.MARROW_STALE: Wanted.MARROW,
    Unclear.STATEMENT_STALE: Wanted.MARROW,
    Unclear.MARROWS_DIFFER: Wanted.MARROW,
    Unclear.NOT_BY_MORPHOLOGY: Wanted.MARROW,
    Unclear.CONFLICT: Wanted.DISEASE_STATEMENT,
    Unclear.NO_EVIDENCE: Wanted.DISEASE_STATEMENT,
    Unclear.OVER: Wanted.DISEASE_STATEMENT,
    Unclear.NO_RELAPSE: Wanted.DISEASE_STATEMENT,
    Unclear.NEVER_CLOSED: Wanted.IMAGING,
    Unclear.NONE_SHOWN: Wanted.IMAGING,
    Unclear.NO_RESPONSE: Wanted.RESPONSE,
    Unclear.TOO_EARLY: Wanted.MARROW,
}


@dataclass(frozen=True)
class ActiveDisease(Word):
    """Is there leukaemia now? In remission that is unknown, and a person has to judge."""

    def evaluate(self, case: Case) -> Verdict:
        state = case.course.state
        evidence = [Evidence(fact) for fact in dict.fromkeys(state.rests_on)]
        match state.activity:
            case Activity.ACTIVE:
                verdict = met(DiseaseActive(state.since, state.by), evidence=evidence, confirm=state.confirm)
                repeat = (Missing(Wanted.MARROW, state.since, repeat=True),) if state.repeat else ()
                return Verdict(verdict.answer, verdict.reasons, verdict.evidence, repeat, verdict.confirm)
            case Activity.REMISSION:
                return unknown(InRemission(state.since), evidence=evidence, missing=[Missing(Wanted.MARROW, state.since)])
            case Activity.UNKNOWN:
                reason = state.unclear or Unclear.NO_EVIDENCE
                return unknown(
                    DiseaseOpen(reason, state.since), evidence=evidence, missing=[Missing(_wanted(reason), state.since)]
                )


@dataclass(frozen=True)
class Counted(Word):
    """At least so many relapses, lines, or courses without remission."""

    value: str
    at_least: int

    def evaluate(self, case: Case) -> Verdict:
        count = COUNTS[self.value](case.course)
        reason = CourseCounted(self.value, count.low, self.at_least, EVENTS[self.value](case.course))
        verdict = _verdict(count.is_at_least(self.at_least), self.value, reason)
        antecedent = case.course.history.antecedent if self.value in _OF_TREATMENT else ()
        return replace(verdict, reasons=(*verdict.reasons, NotCounted(antecedent))) if antecedent else verdict


@dataclass(frozen=True)
class CourseFinding(Word):
    """Something that the course shows or that was stated."""

    value: str

    def evaluate(self, case: Case) -> Verdict:
        return _verdict(FINDINGS[self.value](case.course), self.value, CourseStated(self.value))


@dataclass(frozen=True)
class ResponseToLastLine(Word):
    """How the last line of therapy ended."""

    outcome: Outcome

    def evaluate(self, case: Case) -> Verdict:
        return _ended(case.course.response_to_last_line(), self.outcome, "response_to_last_line")


@dataclass(frozen=True)
class RelapseWhich(Word):
    """A relapse of which all of this holds: how long the remission before it was, and what its treatment achieved.

    `last_only`: the last relapse, not any. `within`: at most this long after the remission; `beyond`: longer. `then`: how the
    treatment since ended; `by_chemotherapy`: only a cytotoxic or hypomethylating agent counts as one.
    """

    last_only: bool
    within: Length | None = None
    beyond: Length | None = None
    then: Outcome | None = None
    by_chemotherapy: bool = False

    def evaluate(self, case: Case) -> Verdict:
        course = case.course
        relapses = [course.last_relapse] if self.last_only else course.walked.relapses
        verdicts = [self._of(relapse, course) for relapse in relapses if relapse is not None]
        if not verdicts:
            return _verdict(course.relapses.is_at_least(1), "relapse", CourseCounted("relapses", 0, 1))
        answer = any_of(verdicts)
        if answer.answer is Answer.NOT_MET and course.relapses.high is None and not self.last_only:
            return unknown(CourseOpen("relapses", course.relapses.unclear), evidence=answer.evidence)
        return answer

    def _of(self, relapse: Relapse, course: DiseaseCourse) -> Verdict:
        parts = []
        for length, inside in ((self.within, True), (self.beyond, False)):
            if length is not None:
                parts.append(self._after(relapse, length, course, inside=inside))
        if self.then is not None:
            ending = course.outcomes.after_relapse(relapse, chemotherapy=self.by_chemotherapy)
            parts.append(_ended(ending, self.then, "treatment_of_relapse"))
        return all_of(parts)

    def _after(self, relapse: Relapse, length: Length, course: DiseaseCourse, *, inside: bool) -> Verdict:
        finding = course.relapsed_after(relapse, length)
        since = relapse.remission.since if relapse.remission is not None else None
        verdict = _verdict(finding, "remission_before_relapse", Elapsed(since, relapse.when, length, finding.holds))
        return verdict if inside else negate(verdict)


def _verdict(finding: Finding, value: str, reason: CourseCounted | CourseStated | Elapsed) -> Verdict:
    evidence = [Evidence(fact) for fact in dict.fromkeys(finding.rests_on)]
    if finding.holds is None:
        unclear = finding.unclear or (Unclear.NO_EVIDENCE,)
        return unknown(CourseOpen(value, unclear), evidence=evidence, missing=_missing(unclear))
    return (met if finding.holds else not_met)(reason, evidence=evidence, confirm=finding.confirm)


def _ended(ending: Ending, wanted: Outcome, value: str) -> Verdict:
    evidence = [Evidence(fact) for fact in dict.fromkeys(ending.rests_on)]
    if ending.outcome is Outcome.UNKNOWN:
        unclear = (ending.unclear or Unclear.NO_RESPONSE,)
        return unknown(CourseOpen(value, unclear), evidence=evidence, missing=_missing(unclear))
    answer = Answer.MET if ending.outcome is wanted else Answer.NOT_MET
    return Verdict(answer, (Ended(value, ending.outcome),), tuple(evidence), confirm=ending.confirm)


def _missing(unclear: Iterable[Unclear]) -> list[Missing]:
    return [Missing(wanted) for wanted in dict.fromkeys(_wanted(reason) for reason in unclear)]


def _wanted(reason: Unclear) -> Wanted:
    return _WANTED.get(reason, Wanted.TREATMENT_HISTORY)
