"""What a clinician stated against what the marrow shows (ruling 6): where both agree it stands, a conflict is for a person."""

from collections.abc import Iterable, Iterator, Sequence

from cds_service.assumptions import Assumptions
from cds_service.facts.response import Assessment, Response
from cds_service.facts.statements import Stated, Statement
from cds_service.facts.treatment import TreatmentHistory

_DISEASE = frozenset({Stated.RELAPSE, Stated.REFRACTORY})


def is_opposed(statement: Statement, others: Iterable[Statement]) -> bool:
    """Whether the same day is stated as remission and as disease."""
    return any(
        other.when is not None
        and statement.when is not None
        and other.when.last == statement.when.last
        and Stated.REMISSION in {other.stated, statement.stated}
        and bool({other.stated, statement.stated} & _DISEASE)
        for other in others
    )


def denied_by(
    statement: Statement, assessed: Sequence[Assessment], history: TreatmentHistory, assumptions: Assumptions
) -> Assessment | None:
    """The marrow that shows something else than the statement says; None where none does."""
    meant = _of_those_days if statement.dated else _since
    found = list(meant(statement, assessed, history, assumptions))
    return found[-1] if found and _contradict(statement.stated, found[-1].response) else None


def _of_those_days(
    statement: Statement, assessed: Sequence[Assessment], history: TreatmentHistory, assumptions: Assumptions
) -> Iterator[Assessment]:
    """A dated statement speaks of the last marrow before it, and of no treatment after that."""
    if statement.when is None:
        return
    first = assumptions.spans["statement_of_marrow"].before(statement.when.first)
    last = assumptions.spans["marrow_after_statement"].after(statement.when.last)
    course = history.course_before(statement.when.last)
    for one in assessed:
        in_time = first <= one.marrow.when.first and one.marrow.when.last <= last
        if in_time and (course is None or one.marrow.when.first > course.start.first):
            yield one


def _since(
    statement: Statement, assessed: Sequence[Assessment], history: TreatmentHistory, assumptions: Assumptions
) -> Iterator[Assessment]:
    """A code stands as of its date: a marrow soon after denies a remission, one before any treatment a relapse."""
    if statement.when is None:
        return
    soon = assumptions.spans["statement_of_marrow"].after(statement.when.last)
    for one in assessed:
        when = one.marrow.when
        treated = any(statement.when.first <= treatment.start.first <= when.first for treatment in history.treatments)
        later = not when.surely_before(statement.when)
        if later and (when.first <= soon if statement.stated is Stated.REMISSION else not treated):
            yield one


def _contradict(stated: Stated, response: Response) -> bool:
    match stated:
        case Stated.REMISSION:
            return response in (Response.DISEASE, Response.LEUKEMIA_FREE)
        case Stated.LEUKEMIA_FREE:
            return response is Response.DISEASE or response.is_remission
        case Stated.RELAPSE | Stated.REFRACTORY | Stated.PARTIAL:
            return response in (Response.LEUKEMIA_FREE, Response.COUNTS_MISSING) or response.is_remission
        case Stated.NAIVE:
            return False
