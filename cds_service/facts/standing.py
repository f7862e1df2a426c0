"""What no day can be put to: a status on the entry of the first diagnosis, a code or a marrow without a date or of a year.

Statements say how things stood at some time up to today: beside what is dated they tell of a remission or a relapse, and where
they contradict the newest marrow a person has to judge (ruling 6). Marrows may have shown a remission or a relapse at any time
and leave both open.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from cds_service.assumptions import Assumptions
from cds_service.dates import EARLIEST, DateRange
from cds_service.facts.certainty import Unclear
from cds_service.facts.model import Fact
from cds_service.facts.relapses import Relapse, Remission, Walk
from cds_service.facts.response import Marrow
from cds_service.facts.sightings import Sight, Sighting
from cds_service.facts.statements import Stated, Statement
from cds_service.facts.treatment import TreatmentHistory

_CLEAR = (Sight.REMISSION, Sight.CLEAN)
_SEEN_AS = {Stated.RELAPSE: Sight.RELAPSE, Stated.REFRACTORY: Sight.RESISTANT, Stated.REMISSION: Sight.REMISSION}


def with_undated(walked: Walk, statements: Iterable[Statement], history: TreatmentHistory, assumptions: Assumptions) -> Walk:
    """The walk, with what undated statements add to it."""
    undated = [one for one in statements if one.when is not None and not one.is_placed and one.stated in _SEEN_AS]
    stated = {one.stated for one in undated}
    if Stated.REMISSION in stated and len(stated) > 1:
        return _doubtful(walked, undated[0])
    for statement in undated:
        if statement.stated is Stated.REMISSION:
            walked = _with_remission(walked, statement, history, assumptions)
        else:
            walked = _with_disease(walked, statement)
    return walked


def with_unplaced(walked: Walk, marrows: Sequence[Marrow], outside: Sequence[Fact], assumptions: Assumptions) -> Walk:
    """The walk, with what stays open by marrows and by extramedullary disease (`outside`) that no day can be put to."""
    limit = assumptions.limit("remission_blasts").value
    clean = [marrow for marrow in marrows if not marrow.blasts.at_least(limit)]
    disease = [marrow for marrow in marrows if marrow.blasts.at_least(limit)]
    always = DateRange(EARLIEST, date.max)
    for marrow in clean:
        walked = _open_since(walked, marrow.when, marrow.result, contradicts=not _is_clear(walked))
    walked = replace(walked, unplaced_remission=tuple(marrow.result for marrow in clean))
    if walked.remissions or walked.doubt is not None:  # disease where no remission can have been tells nothing new
        for when, fact in [*((marrow.when, marrow.result) for marrow in disease), *((always, fact) for fact in outside)]:
            walked = _open_since(walked, when, fact, contradicts=_is_clear(walked))
    return walked


def _is_clear(walked: Walk) -> bool:
    return walked.newest is not None and walked.newest.sight in _CLEAR


def _open_since(walked: Walk, when: DateRange, fact: Fact, *, contradicts: bool) -> Walk:
    """There may be a relapse that is not counted; today is open too where this may be the newest news."""
    newest = walked.newest
    walked = replace(walked, maybe_more=walked.maybe_more or Unclear.DATES_TOO_COARSE)
    if newest is None or (contradicts and newest.when.first <= when.last):
        doubt = Sighting(Sight.OPEN, when, (fact,), unclear=Unclear.DATES_TOO_COARSE)
        walked = replace(walked, doubt=walked.doubt or doubt)
    return walked


def _with_disease(walked: Walk, statement: Statement) -> Walk:
    """A relapse at some time: one that is dated is the same; else it is one of an unknown day."""
    when = statement.when
    if when is None:
        return walked
    known = any(when.first <= relapse.when.first <= when.last for relapse in walked.relapses)
    if statement.stated is Stated.RELAPSE and not known:
        relapse = Relapse(when, None, (statement.fact,), confirm=True, by_code=True)
        walked = replace(walked, relapses=(*walked.relapses, relapse))
    if known:
        return replace(walked, maybe_more=walked.maybe_more or Unclear.DATES_TOO_COARSE)
    if walked.newest is not None and walked.newest.sight in _CLEAR:
        return _doubtful(walked, statement)
    return replace(walked, newest=_sighting(statement, when))


def _with_remission(walked: Walk, statement: Statement, history: TreatmentHistory, assumptions: Assumptions) -> Walk:
    when, newest = statement.when, walked.newest
    if when is None or walked.in_remission is not None:
        return walked
    remission = Remission(when, (statement.fact,), confirm=True, last_seen=when)
    if newest is None or newest.sight is Sight.CLEAN or _answers_nothing(newest, history):
        now = _sighting(statement, when)
        return replace(walked, remissions=(*walked.remissions, remission), in_remission=remission, doubt=None, newest=now)
    course = history.course_before(newest.when.last)
    soon = assumptions.spans["regeneration_after_course"]
    if course is None or newest.when.first <= soon.after(course.start.first) or walked.relapses:
        return walked if walked.relapses else _doubtful(walked, statement)
    # Disease long after the last course, and a remission at some time: it lay between them.
    before = replace(remission, since=DateRange(course.start.first, newest.when.last), last_seen=course.start)
    relapse = Relapse(newest.when, before, newest.rests_on, confirm=True)
    return replace(walked, remissions=(*walked.remissions, before), relapses=(relapse,))


def _answers_nothing(newest: Sighting, history: TreatmentHistory) -> bool:
    """Disease from before the treatment: the remission came after it."""
    return any(newest.when.last <= course.start.last for course in history.courses)


def _sighting(statement: Statement, when: DateRange) -> Sighting:
    return Sighting(_SEEN_AS[statement.stated], when, (statement.fact,), confirm=True, statement=statement)


def _doubtful(walked: Walk, statement: Statement) -> Walk:
    when = statement.when or (walked.newest.when if walked.newest is not None else None)
    if when is None:
        return walked
    return replace(walked, doubt=Sighting(Sight.OPEN, when, (statement.fact,), unclear=Unclear.CONFLICT, statement=statement))
