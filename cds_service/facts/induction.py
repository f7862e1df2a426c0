"""What the first courses achieved: two courses of a standard induction without remission are primary refractory disease.

Source: ruling 13; assumptions for a haematologist to sign off.
"""

from collections.abc import Sequence

from cds_service.facts.certainty import Count, Unclear
from cds_service.facts.model import Fact
from cds_service.facts.outcomes import Outcome, Outcomes
from cds_service.facts.regimen import Regimen
from cds_service.facts.response import Response
from cds_service.facts.sightings import Sighting, response_marrow
from cds_service.facts.treatment import Treatment


def standard_courses_without_remission(outcomes: Outcomes) -> Count:
    """How many courses of a standard induction were given before any remission, the last of them without one (ruling 13)."""
    courses = _first_courses(outcomes)
    facts = tuple(dict.fromkeys(drug for course in courses for drug in course.drugs))
    intensive = [course for course in courses if course.regimen is Regimen.INTENSIVE]
    if courses and len(intensive) == len(courses):
        return _counted(intensive, outcomes, facts)
    with_venetoclax = [course for course in courses if course.regimen is Regimen.WITH_VENETOCLAX]
    low = _counted(intensive, outcomes, facts) if intensive else Count(0, None, 0, facts)
    if courses and len(with_venetoclax) == len(courses):
        return _counted_with_venetoclax(with_venetoclax, outcomes, facts)
    if outcomes.history.untreated:
        return Count(0, 0, 0, outcomes.history.untreated)
    unclear = Unclear.NOT_STANDARD if outcomes.history.treatments else Unclear.HISTORY
    return Count(low.low, None, low.sure, low.rests_on, (unclear,))


def _first_courses(outcomes: Outcomes) -> list[Treatment]:
    """The courses before the first remission, and before any relapse without a recorded one."""
    ends = [remission.since.first for remission in outcomes.walked.remissions[:1]]
    ends += [relapse.when.first for relapse in outcomes.walked.relapses[:1]]
    end = min(ends, default=None)
    return [course for course in outcomes.history.courses if end is None or course.start.first < end]


def _counted(courses: Sequence[Treatment], outcomes: Outcomes, facts: tuple[Fact, ...]) -> Count:
    endings = [outcomes.ending(course) for course in courses]
    failed = [index for index, ending in enumerate(endings, start=1) if ending.outcome is Outcome.NO_REMISSION]
    low = failed[-1] if failed else 0
    rests_on = tuple(dict.fromkeys((*facts, *(fact for ending in endings for fact in ending.rests_on))))
    confirm = any(course.confirm for course in courses[:low]) or (low > 0 and endings[low - 1].confirm)
    reached = endings[-1].outcome is Outcome.REMISSION if endings else False
    unclear = [ending.unclear for ending in endings if ending.unclear is not None]
    if outcomes.history.open:
        unclear.append(Unclear.HISTORY)
    if any(course.cycles_open for course in courses):
        unclear.append(Unclear.CYCLES)
    open_ended = bool(outcomes.history.open) or any(course.cycles_open for course in courses)
    high = None if open_ended else len(courses) - 1 if reached else len(courses)
    return Count(low, high, 0 if confirm else low, rests_on, tuple(dict.fromkeys(unclear)))


def _counted_with_venetoclax(courses: Sequence[Treatment], outcomes: Outcomes, facts: tuple[Fact, ...]) -> Count:
    """Two complete cycles with blasts of 5 % or more count, to be confirmed; not if the blasts fell by half (ruling 13)."""
    ending = outcomes.ending(courses[-1])
    if ending.outcome is Outcome.REMISSION:
        return Count(0, None if outcomes.history.open else len(courses) - 1, 0, (*facts, *ending.rests_on), (Unclear.HISTORY,))
    shown = response_marrow(courses[-1], outcomes.seen, outcomes.last_day_for(courses[-1]), outcomes.assumptions)
    failed = shown is not None and shown.assessment is not None and shown.assessment.response is Response.DISEASE
    if shown is None or not failed or len(courses) < 2 or shown.unclear is not None:
        reason = Unclear.NO_RESPONSE if len(courses) >= 2 else Unclear.NOT_STANDARD
        return Count(0, None, 0, (*facts, *ending.rests_on), (reason,))
    if _fell_by_half(courses[0], shown, outcomes):
        return Count(0, None, 0, (*facts, *shown.rests_on), (Unclear.BLASTS_HALVED,))
    return Count(len(courses), None, 0, (*facts, *shown.rests_on))


def _fell_by_half(first: Treatment, shown: Sighting, outcomes: Outcomes) -> bool:
    before = [
        one.assessment.marrow.blasts
        for one in outcomes.seen
        if one.assessment is not None and one.assessment.marrow.when.first <= first.start.first
    ]
    after = shown.assessment.marrow.blasts if shown.assessment is not None else None
    return not before or after is None or after.high * 2 <= before[-1].low
