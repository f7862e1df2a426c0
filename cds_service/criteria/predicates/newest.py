"""The newest result decides, never the best; and only within its window."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from msgspec.structs import replace

from cds_service.assumptions import Window
from cds_service.criteria.predicates.word import Case
from cds_service.criteria.reasons import Differing, Event, Problem, Recheck, Stale, Superseded, Unusable
from cds_service.criteria.verdict import Answer, Evidence, Missing, Verdict, unknown
from cds_service.dates import DateRange
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import Giving, Result, Route, Therapy
from cds_service.value import Value

Judge = Callable[[Result], Verdict]


class Asked(Value, frozen=True):
    """What is asked for: its name, its order, and how long a result of it decides."""

    what: str
    order: str | None
    window: Window

    def missing(self, last: DateRange | None = None, *, repeat: bool = False) -> Missing:
        return Missing(self.what, last, self.order, repeat)


def decide_by_newest(results: Sequence[Result], asked: Asked, case: Case, judge: Judge) -> Verdict | None:
    """The verdict of the newest result; None where there is none.

    Several that may be the newest (one day, no order in time; coarse dates) must agree.
    """
    newest = possibly_newest(results)
    if not newest:
        return None
    verdicts = [_in_its_window(result, asked, case, judge) for result in newest]
    if len(verdicts) == 1:
        return verdicts[0]
    if len({verdict.answer for verdict in verdicts}) > 1:
        evidence = tuple(item for verdict in verdicts for item in verdict.evidence)
        days = {(result.when.first, result.when.last) if result.when is not None else None for result in newest}
        return unknown(
            Differing(asked.what, one_day=len(days) == 1), evidence=evidence, missing=[asked.missing(newest[0].when)]
        )
    sure = [verdict for verdict in verdicts if not verdict.confirm]
    return (sure or verdicts)[0]


def possibly_newest(results: Sequence[Result]) -> Sequence[Result]:
    """Those that no other is surely newer than; an undated one may always be the newest."""
    if len(results) < 2:
        return results
    days = [result.when for result in results if result.when is not None]
    newest_moment = max((day.moment for day in days if day.moment is not None), default=None)
    newest_coarse = max((day.first for day in days if day.moment is None), default=date.min)
    newest_day = max((day.first for day in days), default=date.min)
    return [one for one in results if one.when is None or not _is_older(one.when, newest_moment, newest_coarse, newest_day)]


def _is_older(when: DateRange, newest_moment: datetime | None, newest_coarse: date, newest_day: date) -> bool:
    """Whether another is surely newer, as `DateRange.surely_before` has it: by the clock where both have one, else by the day.

    So the newest stands for all: of the moments, of the first days of those without one, of all first days.
    """
    if when.moment is None or newest_moment is None:
        return when.last < newest_day
    return when.moment < newest_moment or when.last < newest_coarse


def _in_its_window(result: Result, asked: Asked, case: Case, judge: Judge) -> Verdict:
    evidence = (Evidence(result),)
    when = result.when
    if (problem := _undatable(when, case)) is not None or when is None:
        reason = Unusable(asked.what, problem or Problem.NO_DATE, when, result.amount)
        return unknown(reason, evidence=evidence, missing=[asked.missing(when)])
    as_of = case.facts.as_of
    when, earliest = when.until(as_of), asked.window.recheck.before(as_of)
    verdict = judge(result)
    if when.last < earliest:
        holds = None if verdict.answer is Answer.UNKNOWN else verdict.answer is Answer.MET
        stale = Stale(asked.what, when, asked.window.recheck, holds)
        return unknown(*verdict.reasons, stale, evidence=verdict.evidence or evidence, missing=[asked.missing(when)])
    if when.first < earliest:
        coarse = Unusable(asked.what, Problem.DATE_TOO_COARSE, when, result.amount)
        return unknown(coarse, evidence=evidence, missing=[asked.missing(when)])
    if (superseded := _superseded(result, asked, case)) is not None:
        return unknown(*verdict.reasons, superseded, evidence=verdict.evidence or evidence, missing=[asked.missing(when)])
    if when.first < asked.window.fresh.before(as_of) and verdict.answer is not Answer.UNKNOWN:
        repeat = asked.missing(when, repeat=True)
        return replace(
            verdict, reasons=(*verdict.reasons, Recheck(asked.what, when)), missing=(*verdict.missing, repeat), confirm=True
        )
    return verdict


def _undatable(when: DateRange | None, case: Case) -> Problem | None:
    if when is None:
        return Problem.NO_DATE
    if when.first > case.facts.as_of:
        return Problem.FUTURE
    if when.is_year_only():
        return Problem.YEAR_ONLY
    return None


def _superseded(result: Result, asked: Asked, case: Case) -> Superseded | None:
    """An insult since then: what it was before says nothing of now."""
    for name in asked.window.superseded_by:
        event, since = _INSULTS[name](case)
        if since is not None and result.when is not None and not _on_or_after(result.when, since):
            return Superseded(asked.what, result.when, event, since)
    return None


def _on_or_after(when: DateRange, since: DateRange) -> bool:
    """By the clock where both have one: blood taken on the morning before the first dose is from before it."""
    if when.moment is not None and since.moment is not None:
        return when.moment >= since.moment
    return when.first >= since.last


def _course(case: Case) -> tuple[Event, DateRange | None]:
    return Event.COURSE, case.course.history.last_insult


def _anthracycline(case: Case) -> tuple[Event, DateRange | None]:
    doses = [
        dose
        for therapy in case.facts.therapies_in("anthracycline")
        if therapy.giving is not Giving.ORDERED and therapy.route is not Route.LOCAL
        if (dose := _last_dose(therapy, case)) is not None and dose.first <= case.facts.as_of
    ]
    return Event.ANTHRACYCLINE, max(doses, key=lambda dose: dose.last, default=None)


def _last_dose(therapy: Therapy, case: Case) -> DateRange | None:
    """The end; of one that is over without a recorded end its start, since these are given for a few days."""
    return last_exposure(therapy, case.facts.as_of) if therapy.ongoing else therapy.ended or therapy.started


def _heart_failure(case: Case) -> tuple[Event, DateRange | None]:
    records = [day for d in case.facts.diagnoses_in("heart_failure") if (day := d.onset or d.recorded) is not None]
    return Event.HEART_FAILURE, max(records, key=lambda day: day.last, default=None)


_INSULTS: dict[str, Callable[[Case], tuple[Event, DateRange | None]]] = {
    "course": _course,
    "anthracycline": _anthracycline,
    "heart_failure": _heart_failure,
}
INSULTS = frozenset(_INSULTS)
