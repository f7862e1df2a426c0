"""Remissions and the relapses that ended them, walked through from the diagnosis to today.

A relapse needs a remission before it: two encounters of one relapse are one, unless a remission lies between. A regenerating
marrow, blood blasts in one sample and what contradicts itself leave the question open (rulings 6, 8, 9, 10).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange, span
from cds_service.facts.certainty import Count, Unclear
from cds_service.facts.model import Fact
from cds_service.facts.response import Response
from cds_service.facts.sightings import Sight, Sighting
from cds_service.facts.treatment import HistoryOpen, TreatmentHistory
from cds_service.value import Value


class Remission(Value, frozen=True):
    """A complete remission (CR, CRh or CRi), and until when it is known to have held."""

    since: DateRange
    rests_on: tuple[Fact, ...]
    confirm: bool
    last_seen: DateRange


class Relapse(Value, frozen=True):
    """A relapse. `remission`: the one that it ended, None if not recorded; `when`: the first sample that shows it.

    `by_code`: no sample shows it, only a code of that day; it may have come any day since the remission was last seen.
    """

    when: DateRange
    remission: Remission | None
    rests_on: tuple[Fact, ...]
    confirm: bool
    by_code: bool = False

    @property
    def is_placed(self) -> bool:
        """Whether its day is known well enough to tell what came before and after it."""
        return not self.when.is_year_only()

    @property
    def possible(self) -> DateRange:
        """All days on which it may have come."""
        seen = self.remission.last_seen if self.remission is not None else None
        return (span(seen, self.when) or self.when) if self.by_code else self.when


class Walk(Value, frozen=True):
    """What the sightings amount to. `newest`: the sighting that tells how the disease stands now."""

    remissions: tuple[Remission, ...] = ()
    relapses: tuple[Relapse, ...] = ()
    maybe_more: Unclear | None = None
    """Why there may be a relapse that is not counted."""
    in_remission: Remission | None = None
    doubt: Sighting | None = None
    """Seen since, and not settled: it may be a relapse, or a remission."""
    newest: Sighting | None = None
    unplaced_remission: tuple[Fact, ...] = ()
    """Marrows almost without blasts that no day can be put to: any treatment may have led to them."""


def walk(seen: Sequence[Sighting], history: TreatmentHistory, assumptions: Assumptions) -> Walk:
    """From sighting to sighting: remission, relapse, remission …"""
    walker = _Walker(history, assumptions)
    for sighting in seen:
        walker.take(sighting)
    return walker.result()


@dataclass
class _Walker:
    history: TreatmentHistory
    assumptions: Assumptions
    remissions: list[Remission] = field(default_factory=list)
    relapses: list[Relapse] = field(default_factory=list)
    current: Remission | None = None
    doubt: Sighting | None = None
    blood: list[Sighting] = field(default_factory=list)
    newest: Sighting | None = None
    maybe_more: Unclear | None = None

    def take(self, sighting: Sighting) -> None:
        match sighting.sight:
            case Sight.REMISSION:
                self._remission(sighting)
            case Sight.CLEAN:
                self._clean(sighting)
            case Sight.DISEASE | Sight.RELAPSE | Sight.OUTSIDE:
                self._disease(sighting)
            case Sight.RESISTANT | Sight.OPEN:
                self._unsettled(sighting)
            case Sight.BLOOD:
                self._blood(sighting)
            case Sight.CLEAR_BLOOD:
                self.blood.clear()

    def result(self) -> Walk:
        return Walk(tuple(self.remissions), tuple(self.relapses), self.maybe_more, self.current, self.doubt, self.newest)

    def _remission(self, sighting: Sighting) -> None:
        if self.current is None and self.newest is not None and _may_come_before(sighting, self.newest):
            self.doubt = self._not_ordered(sighting)
            return
        if self.current is None:
            # CRh and CRi count as remission although the protocols say CR: a person should look.
            assessment = sighting.assessment
            confirm = sighting.confirm or (assessment is not None and assessment.response is not Response.CR)
            self.current = Remission(self._began(sighting), sighting.rests_on, confirm, sighting.when)
            self.remissions.append(self.current)
        else:
            self._still(sighting)
        self.doubt = None
        self.blood.clear()
        self.newest = sighting

    def _began(self, sighting: Sighting) -> DateRange:
        """When the remission began: it may have been there at a clean marrow before, or after an unanswered course."""
        if self.doubt is not None and self.doubt.sight is Sight.CLEAN:
            return span(self.doubt.when, sighting.when) or sighting.when
        news = self.newest.when.last if self.newest is not None else None
        before = [
            c for c in self.history.courses if c.start.first < sighting.when.first and (news is None or c.start.last >= news)
        ]
        if len(before) < 2 or sighting.statement is not None:
            return sighting.when
        first = self.assumptions.spans["marrow_after_course"].after(before[0].start.first)
        return DateRange(min(first, sighting.when.first), sighting.when.last)

    def _still(self, sighting: Sighting) -> None:
        """The remission holds."""
        if self.current is not None:
            self.current = replace(self.current, last_seen=sighting.when)
            self.remissions[-1] = self.current

    def _clean(self, sighting: Sighting) -> None:
        self.blood.clear()
        if self.current is not None:
            self.doubt = None
            self._still(sighting)
        else:
            self.doubt = self.newest = sighting

    def _disease(self, sighting: Sighting) -> None:
        if self.current is not None:
            if sighting.when.last <= self.current.since.first:
                return  # the same day tells both: the remission is the later news
            if sighting.unclear is Unclear.REGENERATION:
                self.doubt = self.newest = sighting
                return
            if not self.current.since.surely_before(sighting.when):
                self.doubt = self.newest = self._not_ordered(sighting)
                return
            self._relapse(sighting, self.current)
        elif sighting.sight is Sight.RELAPSE and not self.relapses:
            self._relapse(sighting, None)
        elif self._shows_the_coded(sighting):
            self.relapses[-1] = replace(self.relapses[-1], when=sighting.when, rests_on=sighting.rests_on, by_code=False)
        elif (hidden := self._may_hide_a_remission(sighting)) is not None:
            self.maybe_more = hidden
        self.doubt = None
        self.newest = sighting

    def _not_ordered(self, sighting: Sighting) -> Sighting:
        """Disease and remission whose dates do not tell which came first: a relapse, or none."""
        self.maybe_more = Unclear.DATES_TOO_COARSE
        return replace(sighting, sight=Sight.OPEN, unclear=Unclear.DATES_TOO_COARSE)

    def _shows_the_coded(self, sighting: Sighting) -> bool:
        """Whether this is the first sample of a relapse that was only coded, some days before."""
        if not self.relapses or not self.relapses[-1].by_code or sighting.sight is not Sight.DISEASE:
            return False
        coded = self.relapses[-1].when.last
        soon = self.assumptions.spans["statement_of_marrow"].after(coded)
        treated = any(coded <= treatment.start.first <= sighting.when.first for treatment in self.history.treatments)
        return sighting.when.first <= soon and not treated

    def _may_hide_a_remission(self, sighting: Sighting) -> Unclear | None:
        """Why a remission may have come and gone before this disease: an unsettled marrow, or a course long unanswered."""
        if self.doubt is not None:
            return self.doubt.unclear or Unclear.CONFLICT
        news = self.newest.when if self.newest is not None else None
        courses = [course for course in self.history.courses if course.start.first < sighting.when.first]
        unanswered = [course for course in courses if news is None or news.surely_before(course.start)]
        ends = [course.end for course in unanswered]
        then = [*(course.start for course in unanswered[1:]), sighting.when]
        latest = self.assumptions.spans["response_marrow_latest"]
        long = any(latest.after(end.last) < after.first for end, after in zip(ends, then, strict=False))
        return Unclear.NO_RESPONSE if long else None

    def _relapse(self, sighting: Sighting, remission: Remission | None) -> None:
        first = self.blood[0] if self.blood and self.blood[0].when.surely_before(sighting.when) else sighting
        near = self.assumptions.spans["blood_beside_marrow"].days
        when = first.when if (sighting.when.first - first.when.first).days <= near else sighting.when
        confirm = sighting.confirm or (remission is not None and remission.confirm)
        by_code = sighting.statement is not None and not sighting.statement.dated
        self.relapses.append(Relapse(when, remission, sighting.rests_on, confirm, by_code))
        self.current = None
        self.blood.clear()

    def _unsettled(self, sighting: Sighting) -> None:
        """Stated as resistant, exactly at the limit, contradictory: in remission that is a doubt, else it is what is known."""
        if self.current is None and sighting.unclear is Unclear.TOO_EARLY:
            return  # the disease that the course was given for
        doubtful = self.current is not None or sighting.sight is Sight.OPEN
        weightier = self.doubt is not None and self.doubt.unclear is Unclear.SINGLE_BLOOD_SAMPLE
        if doubtful and not (weightier and sighting.unclear is Unclear.NOT_ABOVE_LIMIT):
            self.doubt = sighting
        elif not doubtful:
            self.maybe_more = self._may_hide_a_remission(sighting) or self.maybe_more
            self.doubt = None
        self.newest = sighting

    def _blood(self, sighting: Sighting) -> None:
        """Two samples some days apart show disease; one alone leaves it open."""
        apart = self.assumptions.spans["blood_samples_apart"].days
        self.blood.append(sighting)
        first = self.blood[0]
        if (sighting.when.first - first.when.last).days >= apart:
            both = (*first.rests_on, *sighting.rests_on)
            shown = Sighting(Sight.DISEASE, sighting.when, both, first.confirm or sighting.confirm)
            if self.current is not None:
                self._relapse(replace(shown, when=first.when), self.current)
            elif (hidden := self._may_hide_a_remission(shown)) is not None:
                self.maybe_more = hidden
            self.doubt = None
            self.newest = shown
        elif self.current is not None:
            self.doubt = replace(sighting, sight=Sight.OPEN, unclear=Unclear.SINGLE_BLOOD_SAMPLE)


def _may_come_before(remission: Sighting, disease: Sighting) -> bool:
    """Whether coarse dates leave open which came first."""
    shown = disease.sight in (Sight.DISEASE, Sight.RELAPSE, Sight.OUTSIDE)
    return shown and remission.when.first < disease.when.last


def relapse_count(walked: Walk, history: TreatmentHistory, *, searched: bool) -> Count:
    """How many relapses. What was treated elsewhere, or answered by no marrow, may hide some."""
    unclear: list[Unclear] = [] if searched else [Unclear.NOT_SEARCHED]
    if walked.maybe_more is not None:
        unclear.append(walked.maybe_more)
    if (doubt := walked.doubt) is not None and _may_be_a_relapse(doubt, walked):
        unclear.append(doubt.unclear or Unclear.CONFLICT)
    if any(relapse.remission is None for relapse in walked.relapses):
        unclear.append(Unclear.NO_REMISSION_DATE)
    if history.begins_late and (history.open != {HistoryOpen.NO_TREATMENT} or not walked.remissions):
        unclear.append(Unclear.HISTORY)
    remissions = tuple(dict.fromkeys(fact for one in walked.remissions for fact in one.rests_on))
    facts = tuple(dict.fromkeys((*remissions, *facts_of(walked.relapses))))
    return Count(
        low=len(walked.relapses),
        high=None if unclear else len(walked.relapses),
        sure=sum(not relapse.confirm for relapse in walked.relapses),
        rests_on=facts or history.untreated or tuple(drug for one in history.treatments for drug in one.cited),
        unclear=tuple(dict.fromkeys(unclear)),
    )


def _may_be_a_relapse(doubt: Sighting, walked: Walk) -> bool:
    if doubt.unclear is Unclear.CONFLICT:
        return True
    return walked.in_remission is not None and doubt.unclear is not Unclear.NOT_ABOVE_LIMIT


def facts_of(relapses: Iterable[Relapse]) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(fact for relapse in relapses for fact in relapse.rests_on))
