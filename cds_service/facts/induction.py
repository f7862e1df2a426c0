"""What the first courses achieved: two courses of a standard induction without remission are primary refractory disease.

Source: ruling 13; assumptions for a haematologist to sign off.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from cds_service.facts.certainty import Count, Unclear
from cds_service.facts.courses import Treatment
from cds_service.facts.model import Fact
from cds_service.facts.outcomes import Ending, Outcome, Outcomes
from cds_service.facts.regimen import Regimen
from cds_service.facts.response import Response
from cds_service.facts.sightings import Sight

_STANDARD = (Regimen.INTENSIVE, Regimen.WITH_VENETOCLAX)


def standard_courses_without_remission(outcomes: Outcomes) -> Count:
    """How many courses of a standard induction were given before any remission, the last of them without one.

    Intensive courses count, and cycles with venetoclax, to be confirmed, if there were two of them and the blasts did not fall
    by half. Hypomethylating agents, low-dose cytarabine and CAG alone prove nothing either way.
    """
    if outcomes.history.untreated:
        return Count(0, 0, 0, outcomes.history.untreated)
    courses = _first_courses(outcomes)
    facts = tuple(dict.fromkeys(drug for course in courses for drug in course.cited))
    if outcomes.history.begins_late:
        return Count(0, None, 0, facts, (Unclear.HISTORY,))
    standard = [course for course in courses if course.regimen in _STANDARD]
    endings = [_ending(course, standard, outcomes) for course in standard]
    low = _failed(standard, endings, _judged_before(courses, outcomes))
    confirm = any(course.confirm or course.regimen is Regimen.WITH_VENETOCLAX for course in standard[:low])
    confirm = confirm or (low > 0 and endings[low - 1].confirm)
    unclear = [*_why_open(courses, outcomes), *(ending.unclear for ending in endings if ending.unclear is not None)]
    last = outcomes.ending(courses[-1]) if courses else Ending(Outcome.UNKNOWN)
    reached = last.outcome is Outcome.REMISSION
    return Count(
        low=low,
        high=None if _why_open(courses, outcomes) else len(standard) - 1 if reached else len(standard),
        sure=0 if confirm else low,
        rests_on=tuple(dict.fromkeys((*facts, *(fact for ending in endings for fact in ending.rests_on)))),
        unclear=tuple(dict.fromkeys(unclear)),
        confirm_at_most=reached and not outcomes.is_full_remission(last),
    )


def _failed(standard: Sequence[Treatment], endings: Sequence[Ending], judged: date) -> int:
    """The number of the last course without remission, of those that began before the day `judged`."""
    low = 0
    for number, (course, ending) in enumerate(zip(standard, endings, strict=True), start=1):
        if ending.unclear in (Unclear.COUNTS_MISSING, Unclear.LEUKEMIA_FREE, Unclear.CONFLICT, Unclear.MARROWS_DIFFER):
            break
        if course.start.last >= judged:
            break
        if ending.outcome is Outcome.NO_REMISSION:
            low = number
    return low


def _judged_before(courses: Sequence[Treatment], outcomes: Outcomes) -> date:
    """The first marrow almost without blasts may have been a remission: what came after it may treat a relapse.

    So may a course in whose first days it was taken.
    """
    seen = (one for one in outcomes.seen if one.sight is Sight.CLEAN)
    clean = next((one for one in seen if courses and one.when.last > courses[0].start.first), None)
    if clean is None:
        return date.max
    return outcomes.assumptions.spans["marrow_after_course"].before(clean.when.first) + timedelta(days=1)


def _first_courses(outcomes: Outcomes) -> list[Treatment]:
    """The courses before the first remission, and before any relapse without a recorded one."""
    ends = [remission.since.last for remission in outcomes.walked.remissions[:1]]
    ends += [relapse.when.first for relapse in outcomes.walked.relapses[:1]]
    end = min(ends, default=None)
    return [course for course in outcomes.history.courses if end is None or course.start.first < end]


def _why_open(courses: Sequence[Treatment], outcomes: Outcomes) -> list[Unclear]:
    """Why there may have been more courses than are counted."""
    reasons = [Unclear.HISTORY] if outcomes.history.open else []
    if any(course.cycles_open for course in courses):
        reasons.append(Unclear.CYCLES)
    if any(course.regimen not in _STANDARD for course in courses) or (outcomes.history.treatments and not courses):
        reasons.append(Unclear.NOT_STANDARD)
    return reasons


def _ending(course: Treatment, standard: Sequence[Treatment], outcomes: Outcomes) -> Ending:
    """How a course ended; of cycles with venetoclax two are needed, and blasts that did not fall by half."""
    if course.regimen is not Regimen.WITH_VENETOCLAX:
        return outcomes.ending(course)
    cycles = [one for one in standard if one.regimen is Regimen.WITH_VENETOCLAX]
    found = outcomes.response_marrows(course)
    shown = found[-1].assessment if found and found[-1].unclear is None else None
    if shown is None or shown.response is not Response.DISEASE:
        return outcomes.ending(course)
    facts: tuple[Fact, ...] = shown.rests_on
    if len(cycles) < 2 or course is cycles[0]:
        return Ending(Outcome.UNKNOWN, facts, unclear=Unclear.TOO_EARLY)
    before = [
        one.assessment.marrow.blasts
        for one in outcomes.seen
        if one.assessment is not None and one.assessment.marrow.when.first <= cycles[0].start.first
    ]
    if not before or shown.marrow.blasts.high * 2 <= before[-1].low:
        return Ending(Outcome.UNKNOWN, facts, unclear=Unclear.BLASTS_HALVED)
    return Ending(Outcome.NO_REMISSION, facts, confirm=True)
