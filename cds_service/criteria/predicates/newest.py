"""The newest result decides, never the best; and only within its window."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from msgspec.structs import replace

from cds_service.criteria.predicates.word import Asked, Case
from cds_service.criteria.reasons import Differing, Problem, Recheck, Stale, Superseded, Unusable
from cds_service.criteria.verdict import Answer, Evidence, Verdict, unknown
from cds_service.dates import DateRange
from cds_service.facts.model import Result

Judge = Callable[[Result], Verdict]


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
    window = asked.window
    when = when.until(case.facts.as_of)
    verdict = judge(result)
    if when.last < window.decides_from:
        holds = None if verdict.answer is Answer.UNKNOWN else verdict.answer is Answer.MET
        stale = Stale(asked.what, when, window.recheck, holds)
        return unknown(*verdict.reasons, stale, evidence=verdict.evidence or evidence, missing=[asked.missing(when)])
    if when.first < window.decides_from:
        coarse = Unusable(asked.what, Problem.DATE_TOO_COARSE, when, result.amount)
        return unknown(coarse, evidence=evidence, missing=[asked.missing(when)])
    if (superseded := _superseded(result, asked)) is not None:
        return unknown(*verdict.reasons, superseded, evidence=verdict.evidence or evidence, missing=[asked.missing(when)])
    if when.first < window.fresh_from and verdict.answer is not Answer.UNKNOWN:
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


def _superseded(result: Result, asked: Asked) -> Superseded | None:
    """An insult since then: what it was before says nothing of now."""
    for event, since in asked.window.insults:
        if result.when is not None and not _on_or_after(result.when, since):
            return Superseded(asked.what, result.when, event, since)
    return None


def _on_or_after(when: DateRange, since: DateRange) -> bool:
    """By the clock where both have one: blood taken on the morning before the first dose is from before it."""
    if when.moment is not None and since.moment is not None:
        return when.moment >= since.moment
    return when.first >= since.last
