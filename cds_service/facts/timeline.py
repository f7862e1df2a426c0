"""The course of the leukaemia, as a haematologist tells it: diagnosis, treatment, response, remission, relapse, and today.

    diagnosed     the earliest of onset, recording, and marrow or blood with 20 % blasts
    treatment     courses, what prepared a graft or a cell product, what was given before the leukaemia   (treatment)
    sightings     what marrow, blood, tissue and clinicians showed, from day to day                       (sightings, response)
    remissions, relapses   a relapse ends a remission; one relapse is one, however often it is coded      (relapses)
    lines, induction       what was tried, and what it achieved                                           (lines, induction)
    state         active, in remission or unknown today

Everything derived keeps the facts that it rests on. What the record does not tell is unknown, never "no". The rulings are
told by number in docs/rulings.md; all are assumptions for a haematologist to sign off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from cds_service.assumptions import Assumptions, Length
from cds_service.dates import DateRange
from cds_service.facts.certainty import Count, Finding, Unclear
from cds_service.facts.extramedullary import persists, undated_extramedullary_disease
from cds_service.facts.induction import standard_courses_without_remission
from cds_service.facts.lines import Line, ending_of_last_line, lines
from cds_service.facts.model import Fact, Kind, PatientFacts
from cds_service.facts.outcomes import Ending, Outcomes
from cds_service.facts.relapses import Relapse, Walk, relapse_count, walk
from cds_service.facts.response import Marrow, blasts_of, unplaced_marrows
from cds_service.facts.sightings import RelapseDefinition, Sight, Sighting, is_regenerating, shown, sightings
from cds_service.facts.standing import with_undated, with_unplaced
from cds_service.facts.statements import Stated, Statement, statements
from cds_service.facts.treatment import TreatmentHistory, treatment_history
from cds_service.value import Value


class Activity(Enum):
    ACTIVE = "active"
    REMISSION = "remission"
    UNKNOWN = "unknown"


class DiseaseState(Value, frozen=True):
    """Whether there is leukaemia today, since when, and on what that rests. `repeat`: the marrow is to be repeated."""

    activity: Activity
    since: DateRange | None = None
    rests_on: tuple[Fact, ...] = ()
    confirm: bool = False
    by: Sight = Sight.DISEASE
    unclear: Unclear | None = None
    repeat: bool = False


@dataclass(frozen=True)
class DiseaseCourse:
    """The course of one patient's leukaemia, by one protocol's definition of relapse."""

    facts: PatientFacts
    assumptions: Assumptions
    history: TreatmentHistory
    statements: tuple[Statement, ...]
    walked: Walk
    outcomes: Outcomes
    relapses: Count
    lines: tuple[Line, ...]
    line_count: Count
    state: DiseaseState

    @property
    def last_relapse(self) -> Relapse | None:
        return self.walked.relapses[-1] if self.walked.relapses else None

    def standard_courses_without_remission(self) -> Count:
        return standard_courses_without_remission(self.outcomes)

    def response_to_last_line(self) -> Ending:
        return ending_of_last_line(self.lines, self.outcomes)

    def persistent_extramedullary_disease(self) -> Finding:
        """Shown before and again after at least one course (ruling 10)."""
        first = self.assumptions.spans["marrow_after_course"]
        return persists(self.facts, [(course.start, first.after(course.start.first)) for course in self.history.courses])

    def refractory_as_stated(self) -> Finding:
        """A clinician states that the disease is refractory."""
        stated = [one.fact for one in self.statements if one.stated is Stated.REFRACTORY]
        return Finding(True if stated else None, tuple(stated), confirm=True, unclear=(Unclear.NO_EVIDENCE,))

    def relapsed_after(self, relapse: Relapse, length: Length) -> Finding:
        """Whether a relapse came within a length of the remission before it.

        Two clocks: from the remission, and from the last consolidation or transplant in it, never from the end of maintenance.
        Where they differ, a person decides (ruling 17). Exactly the length is inside; months are calendar months.
        """
        if relapse.remission is None:
            return Finding(None, relapse.rests_on, unclear=(Unclear.NO_REMISSION_DATE,))
        anchors = (relapse.remission.since, *self._consolidations(relapse))
        rests_on = tuple(dict.fromkeys((*relapse.remission.rests_on, *relapse.rests_on)))
        within = [_within(relapse.possible, anchor, length) for anchor in anchors]
        if all(answer is True for answer in within):
            return Finding(True, rests_on, relapse.confirm)
        undated = self._has_undated_transplant() or self.walked.maybe_more is Unclear.DATES_TOO_COARSE
        undated = undated and not all(within)
        if all(answer is False for answer in within) and not undated:
            return Finding(False, rests_on, relapse.confirm)
        reason = Unclear.DATES_TOO_COARSE if None in within or undated else Unclear.CLOCKS_DIFFER
        return Finding(None, rests_on, unclear=(reason,))

    def _consolidations(self, relapse: Relapse) -> tuple[DateRange, ...]:
        """The last course or transplant in the remission that the relapse ended."""
        if relapse.remission is None:
            return ()
        since = relapse.remission.since
        days = [course.end for course in self.history.courses if course.start.first >= since.first]
        days += [graft.when for graft in self.history.grafts if graft.when is not None and graft.when.first >= since.first]
        inside = [day for day in days if day.first < relapse.when.last]
        return (max(inside, key=lambda day: day.last),) if inside else ()

    def _has_undated_transplant(self) -> bool:
        undated = any(graft.when is None for graft in self.facts.procedures_in("stem_cell_transplant"))
        return undated or (bool(self.facts.diagnoses_in("stem_cell_transplant_status")) and not self.history.grafts)

    def marrow_counts_from(self) -> tuple[DateRange, date] | None:
        """The last treatment's start and the day from which a marrow tells of the disease after it (ruling 19).

        Day 14 of a course, or 28 days into continuous treatment.
        """
        after = {False: self.assumptions.spans["marrow_after_course"], True: self.assumptions.spans["continuous_treatment"]}
        days = [
            (treatment.start, after[treatment.ongoing].after(treatment.start.last))
            for treatment in self.history.treatments
            if treatment.is_course or treatment.ongoing
        ]
        return max(days, key=lambda pair: pair[1], default=None)

    def is_regenerating(self, marrow: Marrow) -> bool:
        """Whether blasts after a remission may be those of a recovering marrow (ruling 9)."""
        after_remission = any(one.since.first <= marrow.when.last for one in self.walked.remissions)
        return after_remission and is_regenerating(marrow, self.facts, self.history, self.assumptions)


def disease_courses(
    facts: PatientFacts, definitions: Mapping[str, RelapseDefinition], assumptions: Assumptions
) -> dict[str, DiseaseCourse]:
    """What followed what, by each trial's definition of relapse; definitions by which the same is seen tell one course."""
    stated = statements(facts)
    history = treatment_history(facts, diagnosed(facts, assumptions), stated, assumptions)
    evidence = shown(facts, history, stated, assumptions)
    unplaced = unplaced_marrows(facts, history.begins(assumptions))
    outside = undated_extramedullary_disease(facts)
    courses: dict[RelapseDefinition, DiseaseCourse] = {}
    for definition in dict.fromkeys(definitions.values()):
        seen = sightings(evidence, facts, history, definition, assumptions)
        course = next((known for known in courses.values() if known.outcomes.seen == seen), None)
        if course is None:
            walked = with_undated(walk(seen, history, assumptions), stated, history, assumptions)
            walked = with_unplaced(walked, unplaced, outside, assumptions)
            course = _course(facts, history, stated, Outcomes(history, walked, seen, assumptions), assumptions)
        courses[definition] = course
    return {trial: courses[definition] for trial, definition in definitions.items()}


def _course(
    facts: PatientFacts,
    history: TreatmentHistory,
    stated: tuple[Statement, ...],
    outcomes: Outcomes,
    assumptions: Assumptions,
) -> DiseaseCourse:
    walked = outcomes.walked
    found, count = lines(outcomes)
    return DiseaseCourse(
        facts=facts,
        assumptions=assumptions,
        history=history,
        statements=stated,
        walked=walked,
        outcomes=outcomes,
        relapses=relapse_count(walked, history, searched={Kind.RESULT, Kind.DIAGNOSIS} <= facts.searched),
        lines=found,
        line_count=count,
        state=_state(walked, history, facts.as_of, assumptions),
    )


def diagnosed(facts: PatientFacts, assumptions: Assumptions) -> DateRange | None:
    """The day of the diagnosis: the earliest of onset, recording, and marrow or blood blasts of 20 % and more (ruling 11).

    Where no diagnosis has a date, only blasts from before the first treatment tell it.
    """
    diagnoses = [*facts.diagnoses_in("aml"), *facts.diagnoses_in("myeloid_sarcoma")] or facts.diagnoses_in("bpdcn")
    days = [day for diagnosis in diagnoses if (day := diagnosis.known_since) is not None]
    limit = assumptions.limit("diagnostic_blasts").value
    blasts = [
        result.when
        for result in (*facts.results_in("marrow_blasts"), *facts.results_in("blood_blasts"))
        if result.when is not None and not result.when.is_year_only()
        if (share := blasts_of(result)) is not None and share.at_least(limit)
    ]
    if not days:
        starts = [drug.started.first for drug in facts.therapies_in("antileukemic") if drug.started is not None]
        blasts = [when for when in blasts if all(when.first <= start for start in starts)]
    past = [day for day in (*days, *blasts) if day.first <= facts.as_of]
    return min(past, key=lambda day: (day.first, day.last), default=None)


def _within(when: DateRange, since: DateRange, length: Length) -> bool | None:
    """Whether a day lies within a length of another: for all days possible, for none, or neither."""
    if when.last <= length.after(since.first):
        return True
    return False if when.first > length.after(since.last) else None


def _state(walked: Walk, history: TreatmentHistory, as_of: date, assumptions: Assumptions) -> DiseaseState:
    """How the disease stands today: by what was seen last, unless it was treated since."""
    newest = walked.newest
    if walked.doubt is not None:
        doubt = walked.doubt
        return DiseaseState(Activity.UNKNOWN, doubt.when, doubt.rests_on, unclear=doubt.unclear or Unclear.CONFLICT)
    if newest is None:
        return DiseaseState(Activity.UNKNOWN, unclear=Unclear.NO_EVIDENCE)
    if walked.in_remission is not None:
        remission = walked.in_remission
        return DiseaseState(Activity.REMISSION, remission.since, (*remission.rests_on, *newest.rests_on), remission.confirm)
    if newest.statement is not None and newest.statement.is_over:
        return DiseaseState(Activity.UNKNOWN, newest.when, newest.rests_on, unclear=Unclear.OVER)
    if _treated_since(newest, history, as_of, assumptions):
        return DiseaseState(Activity.UNKNOWN, newest.when, newest.rests_on, unclear=Unclear.TREATED_SINCE)
    return _active(newest, as_of, assumptions)


def _active(newest: Sighting, as_of: date, assumptions: Assumptions) -> DiseaseState:
    window = assumptions.windows["marrow"]
    stated = newest.statement is not None
    lasts = assumptions.spans["stated_activity"] if stated else window.recheck
    if newest.when.last < lasts.before(as_of):
        reason = Unclear.STATEMENT_STALE if stated else Unclear.MARROW_STALE
        return DiseaseState(Activity.UNKNOWN, newest.when, newest.rests_on, unclear=reason)
    old = not stated and newest.when.first < window.fresh.before(as_of)
    since = None if newest.when.is_year_only() else newest.when
    return DiseaseState(Activity.ACTIVE, since, newest.rests_on, newest.confirm or old, by=newest.sight, repeat=old)


def _treated_since(newest: Sighting, history: TreatmentHistory, as_of: date, assumptions: Assumptions) -> bool:
    """Of a statement that no day can be put to: whether it was treated so lately that its response may not be known yet."""
    starts = [treatment.start for treatment in history.treatments]
    starts += [drug.started for drug in history.preparations if drug.started is not None]
    starts += [graft.when for graft in history.grafts if graft.when is not None]
    lately = assumptions.windows["marrow"].recheck.before(as_of)
    since = lately if newest.when.is_year_only() else newest.when.last
    return any(start.last >= since for start in starts)
