"""What each treatment achieved: remission, or none by the marrow after it (ruling 5); what followed a relapse (ruling 18)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from msgspec.structs import replace

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange
from cds_service.facts.certainty import Unclear
from cds_service.facts.courses import Treatment
from cds_service.facts.model import Fact
from cds_service.facts.regimen import Regimen, is_cytotoxic
from cds_service.facts.relapses import Relapse, Remission, Walk
from cds_service.facts.response import Response
from cds_service.facts.sightings import Sight, Sighting, day_of
from cds_service.facts.treatment import HistoryOpen, TreatmentHistory
from cds_service.value import Value

_MAY_HIDE_TREATMENT = frozenset(
    {
        HistoryOpen.NOT_SEARCHED,
        HistoryOpen.NOT_RECOGNISED,
        HistoryOpen.ONLY_ORDERED,
        HistoryOpen.UNDATED,
        HistoryOpen.NO_TREATMENT,
    }
)
"""What is missing from the record that may lie after a relapse, too."""


class Outcome(Enum):
    """How a treatment ended, as far as the record shows."""

    REMISSION = "remission"
    NO_REMISSION = "no remission"
    NOT_TREATED = "not treated since"
    UNKNOWN = "unknown"


class Ending(Value, frozen=True):
    """The outcome of a treatment or a line, and what that rests on."""

    outcome: Outcome
    rests_on: tuple[Fact, ...] = ()
    confirm: bool = False
    unclear: Unclear | None = None


@dataclass(frozen=True)
class Outcomes:
    """The treatment seen together with what it achieved."""

    history: TreatmentHistory
    walked: Walk
    seen: tuple[Sighting, ...]
    assumptions: Assumptions

    def ending(self, treatment: Treatment) -> Ending:
        """What a treatment achieved: the marrow after it, or a dated statement (ruling 5)."""
        until = self.last_day_for(treatment)
        if (remission := self._remission_after(treatment, until)) is not None:
            return Ending(Outcome.REMISSION, remission.rests_on, remission.confirm)
        found = self.response_marrows(treatment)
        if not found:
            return Ending(Outcome.UNKNOWN, unclear=Unclear.NO_RESPONSE)
        shown = found[-1]
        clean = next((one for one in found[:-1] if one.sight is Sight.CLEAN), None)
        if clean is not None:  # it may have been a remission that was lost again
            return Ending(Outcome.UNKNOWN, clean.rests_on, unclear=clean.unclear)
        return self.unless_unplaced(self._judged(treatment, shown))

    def unless_unplaced(self, ending: Ending) -> Ending:
        """No treatment surely failed while a marrow almost without blasts may have come after it."""
        unplaced = self.walked.unplaced_remission
        if ending.outcome is Outcome.NO_REMISSION and unplaced:
            return Ending(Outcome.UNKNOWN, unplaced, unclear=Unclear.DATES_TOO_COARSE)
        return ending

    def response_marrows(self, treatment: Treatment) -> list[Sighting]:
        """What shows the response to a treatment: marrows and dated statements from its day 14 to the next course (ruling 5).

        Before day 21, with nothing after it, a marrow is a nadir; long after the end of the treatment it tells no response.
        """
        until = self.last_day_for(treatment)
        spans = self.assumptions.spans
        first = spans["marrow_after_course"].after(treatment.start.last)
        nadir = spans["nadir"].after(treatment.start.last)
        latest = spans["response_marrow_latest"].after(treatment.end.last)
        found = [
            one
            for one in self.seen
            if one.assessment is not None or (one.statement is not None and one.statement.dated)
            if first <= day_of(one).first <= latest and (until is None or day_of(one).last <= until)
        ]
        return [one for one in found if one.assessment is None or until is not None or day_of(one).first >= nadir]

    def _judged(self, treatment: Treatment, shown: Sighting) -> Ending:
        if shown.sight in (Sight.RESISTANT, Sight.OUTSIDE):
            return Ending(Outcome.NO_REMISSION, shown.rests_on, shown.confirm or treatment.confirm)
        if shown.sight is not Sight.DISEASE:
            return Ending(Outcome.UNKNOWN, shown.rests_on, unclear=shown.unclear or Unclear.NO_RESPONSE)
        if self._is_slow(treatment) and not self._late_enough(treatment, shown):
            return Ending(Outcome.UNKNOWN, shown.rests_on, unclear=Unclear.TOO_EARLY)
        return Ending(Outcome.NO_REMISSION, shown.rests_on, treatment.confirm)

    def is_full_remission(self, ending: Ending) -> bool:
        """Whether a remission was complete with full recovery of the counts, not CRh or CRi."""
        return any(
            one.assessment is not None and one.assessment.response is Response.CR and one.rests_on == ending.rests_on
            for one in self.seen
        )

    def _is_slow(self, treatment: Treatment) -> bool:
        """A targeted drug or a hypomethylating agent, whose response takes its time (ruling 14)."""
        return treatment.regimen in (Regimen.TARGETED, Regimen.HYPOMETHYLATING, Regimen.WITH_VENETOCLAX)

    def _late_enough(self, treatment: Treatment, shown: Sighting) -> bool:
        first = self.assumptions.spans["response_to_targeted"].after(self._begun(treatment))
        changed = self._changed_after(treatment, shown.when)
        return changed or (shown.assessment is not None and shown.assessment.marrow.when.first >= first)

    def _begun(self, treatment: Treatment) -> date:
        """The first cycle of the same treatment."""
        same = treatment.start.first
        for one in reversed([t for t in self.history.treatments if t.start.first < treatment.start.first]):
            if one.classes != treatment.classes:
                break
            same = one.start.first
        return same

    def _changed_after(self, treatment: Treatment, when: DateRange) -> bool:
        later = [one for one in self.history.treatments if one.start.first >= when.first and one is not treatment]
        return bool(later) and bool(later[0].classes - treatment.classes)

    def last_day_for(self, treatment: Treatment) -> date | None:
        """The last day on which a marrow tells the response: the next course, or the day before a relapse."""
        limits = [one.start.first for one in self.history.courses if one.start.first > treatment.start.first]
        limits += [
            relapse.when.first - timedelta(days=1)
            for relapse in self.walked.relapses
            if relapse.remission is not None and relapse.when.first > treatment.start.first
        ]
        return min(limits, default=None)

    def _remission_after(self, treatment: Treatment, until: date | None) -> Remission | None:
        for remission in self.walked.remissions:
            if remission.since.last >= treatment.start.first and (until is None or remission.since.first <= until):
                return remission
        return None

    def in_remission_at(self, day: date) -> bool | None:
        """Whether the leukaemia was in remission on a day; None where nothing tells, or a treatment is not answered."""
        for remission in self.walked.remissions:
            ended = self._end_of(remission)
            if remission.since.first <= day and (ended is None or day < ended):
                return True
        course = self.history.course_before(day - timedelta(days=1))
        told = (Sight.DISEASE, Sight.RELAPSE, Sight.RESISTANT, Sight.OUTSIDE, Sight.CLEAN, Sight.OPEN)
        before = [one for one in self.seen if one.when.first <= day and one.sight in told]
        if not before or before[-1].sight in (Sight.CLEAN, Sight.OPEN):
            return None
        answered = course is None or before[-1].when.first > course.start.first
        return False if answered else None

    def _end_of(self, remission: Remission) -> date | None:
        ends = (
            relapse.when.first
            for relapse in self.walked.relapses
            if relapse.remission is not None and relapse.remission.since == remission.since
        )
        return next(ends, None)

    def after_relapse(self, relapse: Relapse, *, chemotherapy: bool) -> Ending:
        """What the treatment since a relapse achieved. `chemotherapy`: only a cytotoxic or a hypomethylating agent counts."""
        if relapse.remission is None or not relapse.is_placed:
            reason = Unclear.DATES_TOO_COARSE if relapse.remission is not None else Unclear.NO_REMISSION_DATE
            return Ending(Outcome.UNKNOWN, relapse.rests_on, unclear=reason)
        later = [one.when.first for one in self.walked.relapses if one.when.first > relapse.when.first]
        given = [
            one
            for one in self.history.treatments
            if one.start.first >= relapse.when.first and (not later or one.start.first < later[0])
            if not chemotherapy or is_cytotoxic(one.drugs)
        ]
        for remission in self.walked.remissions:
            if remission.since.first > relapse.when.first and (not later or remission.since.first < later[0]):
                return Ending(Outcome.REMISSION, remission.rests_on, remission.confirm)
        if not given:
            if self.history.open & _MAY_HIDE_TREATMENT:
                return Ending(Outcome.UNKNOWN, unclear=Unclear.HISTORY)
            return Ending(Outcome.NOT_TREATED, relapse.rests_on)
        endings = [self.ending(one) for one in given]
        failed = [ending for ending in endings if ending.outcome is Outcome.NO_REMISSION]
        return replace(failed[-1], confirm=True) if failed else endings[-1]
