"""What the record shows of the leukaemia from day to day: remission, disease, or something that leaves it open.

Marrows are computed (`response`), clinicians' statements are weighed against them (ruling 6), blood blasts and extramedullary
disease come beside them (rulings 8 and 10).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from re import IGNORECASE
from re import compile as pattern

from cds_service.assumptions import Assumptions, Limit
from cds_service.dates import DateRange
from cds_service.facts.certainty import Unclear
from cds_service.facts.extramedullary import Extramedullary, extramedullary_disease
from cds_service.facts.model import Fact, PatientFacts, Result
from cds_service.facts.response import Assessment, Marrow, Response, assess, leukaemic_by_flow, marrows
from cds_service.facts.statements import Stated, Statement
from cds_service.facts.treatment import Treatment, TreatmentHistory


class Sight(Enum):
    REMISSION = "remission"
    CLEAN = "no blasts to speak of, and no remission proved"
    DISEASE = "disease in the marrow"
    OUTSIDE = "extramedullary disease"
    RELAPSE = "relapse as stated"
    RESISTANT = "no remission as stated"
    BLOOD = "blasts in the blood"
    CLEAR_BLOOD = "no blasts in the blood"
    OPEN = "unclear"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen at a time. `confirm`: by a code, a status or an assumption; `unclear`: why it decides nothing."""

    sight: Sight
    when: DateRange
    rests_on: tuple[Fact, ...]
    confirm: bool = False
    unclear: Unclear | None = None
    assessment: Assessment | None = None
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class RelapseDefinition:
    """What a protocol calls relapse after a complete remission: the header `definitions` of its trial file.

    `inclusive`: the limit itself is relapse; `exactly_open`: at the limit a person has to judge.
    """

    marrow_limit: Limit
    inclusive: bool
    exactly_open: bool = False
    morphology_only: bool = False
    blood_blasts: bool = True
    extramedullary: bool = True

    def shown_by(self, marrow: Marrow) -> bool:
        """Whether this marrow is above the protocol's limit."""
        if self.inclusive:
            return marrow.blasts.at_least(self.marrow_limit.value)
        return marrow.blasts.above(self.marrow_limit.value)

    def counts(self, marrow: Marrow) -> bool:
        """Whether the protocol looks at this kind of marrow."""
        return not (self.morphology_only and marrow.by_flow)


_ANALYSER = pattern(r"\bautomated\b|\banaly[sz]er\b|\bflag\b", IGNORECASE)


def sightings(
    facts: PatientFacts,
    history: TreatmentHistory,
    statements: Sequence[Statement],
    definition: RelapseDefinition,
    assumptions: Assumptions,
) -> tuple[Sighting, ...]:
    """Everything that the record shows of the leukaemia since its diagnosis, oldest first."""
    outside = extramedullary_disease(facts)
    since = assumptions.spans["therapy_before_diagnosis"].before(history.diagnosed.first) if history.diagnosed else None
    assessed = [
        assessment
        for marrow in marrows(facts, since)
        if _is_response(marrow, history, assumptions)
        for assessment in (_assess(marrow, facts, history, outside, assumptions),)
    ]
    by_marrow = [_by_marrow(one, facts, history, definition, assumptions) for one in assessed if definition.counts(one.marrow)]
    stated = [one for one in statements if one.when is not None]
    conflicts = {id(s): marrow for s in stated if s.dated for marrow in _conflicting(s, by_marrow, history, assumptions)}
    contested = {id(marrow) for marrow in conflicts.values()}
    seen = [_contested(one) if id(one) in contested else one for one in by_marrow]
    seen += [
        _opposed(statement) if _has_opposite(statement, stated) or _is_contradicted(statement, assessed, assumptions) else one
        for statement in stated
        if id(statement) not in conflicts
        for one in _by_statement(statement)
    ]
    if definition.blood_blasts:
        seen += _by_blood(facts)
    if definition.extramedullary:
        seen += [Sighting(Sight.OUTSIDE, one.when, (one.fact,), confirm=True) for one in outside]
    return tuple(sorted(seen, key=lambda one: (one.when.last, one.when.first, one.sight is not Sight.REMISSION)))


def _is_response(marrow: Marrow, history: TreatmentHistory, assumptions: Assumptions) -> bool:
    """Not one taken in the first days of a course, which shows nothing yet (ruling 5)."""
    course = history.course_before(marrow.when.last)
    first = assumptions.spans["marrow_after_course"]
    return course is None or marrow.when.first <= course.start.first or marrow.when.first >= first.after(course.start.first)


def _assess(
    marrow: Marrow,
    facts: PatientFacts,
    history: TreatmentHistory,
    outside: Sequence[Extramedullary],
    assumptions: Assumptions,
) -> Assessment:
    """With what stands beside it: active extramedullary disease bars remission, blood blasts leave it open."""
    next_course = next((course.start for course in history.courses if course.start.first > marrow.when.first), None)
    since = history.course_before(marrow.when.last)
    active = [
        one.fact
        for one in outside
        if one.goes_on and one.when.first <= marrow.when.last and (since is None or since.start.first <= one.when.first)
    ]
    found = assess(marrow, facts, next_course, active, assumptions)
    near = assumptions.spans["blood_beside_marrow"]
    in_blood = [
        result
        for result in _blood(facts)
        if (amount := result.amount) is not None and amount.value > 0 and result.when is not None
        if near.before(marrow.when.first) <= result.when.first <= near.after(marrow.when.last)
        if next_course is None or result.when.first < next_course.first
    ]
    if in_blood and found.response is not Response.DISEASE:
        return Assessment(marrow, Response.UNCLEAR, marrow.when, (marrow.result, *in_blood))
    return found


def _by_marrow(
    found: Assessment,
    facts: PatientFacts,
    history: TreatmentHistory,
    definition: RelapseDefinition,
    assumptions: Assumptions,
) -> Sighting:
    marrow, when = found.marrow, found.when
    if found.response.is_remission:
        return Sighting(Sight.REMISSION, when, found.rests_on, found.confirm, assessment=found)
    if found.response in (Response.LEUKEMIA_FREE, Response.COUNTS_MISSING):
        reason = Unclear.LEUKEMIA_FREE if found.response is Response.LEUKEMIA_FREE else Unclear.COUNTS_MISSING
        return Sighting(Sight.CLEAN, when, found.rests_on, unclear=reason, assessment=found)
    if marrow.blasts.exactly(definition.marrow_limit.value) and not definition.inclusive:
        at_limit = Unclear.EXACTLY_AT_LIMIT if definition.exactly_open else Unclear.NOT_ABOVE_LIMIT
        return Sighting(Sight.OPEN, when, found.rests_on, unclear=at_limit, assessment=found)
    if definition.shown_by(marrow):
        regenerating = Unclear.REGENERATION if is_regenerating(marrow, facts, history, assumptions) else None
        return Sighting(Sight.DISEASE, when, found.rests_on, unclear=regenerating, assessment=found)
    if found.response is Response.DISEASE:
        return Sighting(Sight.OUTSIDE, when, found.rests_on, confirm=True, assessment=found)
    return Sighting(Sight.OPEN, when, found.rests_on, unclear=Unclear.SINGLE_BLOOD_SAMPLE, assessment=found)


def is_regenerating(marrow: Marrow, facts: PatientFacts, history: TreatmentHistory, assumptions: Assumptions) -> bool:
    """Blasts that a marrow may show while it recovers from a course or under a growth factor (ruling 9)."""
    low, high = assumptions.limit("remission_blasts").value, assumptions.limit("regeneration").value
    if not marrow.blasts.at_least(low) or marrow.blasts.at_least(high) or leukaemic_by_flow(marrow, facts, assumptions):
        return False
    after_course = assumptions.spans["regeneration_after_course"]
    after_factor = assumptions.spans["regeneration_after_growth_factor"]
    course = history.course_before(marrow.when.last)
    by_course = course is not None and marrow.when.first <= after_course.after(course.start.first)
    factors = facts.therapies_in("granulocyte_growth_factor")
    days = [(factor.started, factor.ended or factor.started) for factor in factors]
    by_factor = any(
        start is not None
        and end is not None
        and start.first <= marrow.when.last
        and marrow.when.first <= after_factor.after(end.last)
        for start, end in days
    )
    return by_course or by_factor


def _contested(one: Sighting) -> Sighting:
    return Sighting(Sight.OPEN, one.when, one.rests_on, unclear=Unclear.CONFLICT, assessment=one.assessment)


def _opposed(statement: Statement) -> Sighting:
    when = statement.when or DateRange(date.min, date.max)
    return Sighting(Sight.OPEN, when, (statement.fact,), unclear=Unclear.CONFLICT)


def _has_opposite(statement: Statement, others: Iterable[Statement]) -> bool:
    """Whether the same day is stated as remission and as disease."""
    disease = {Stated.RELAPSE, Stated.REFRACTORY}
    return any(
        other.when is not None
        and statement.when is not None
        and other.when.last == statement.when.last
        and Stated.REMISSION in {other.stated, statement.stated}
        and bool({other.stated, statement.stated} & disease)
        for other in others
    )


def _is_contradicted(statement: Statement, assessed: Sequence[Assessment], assumptions: Assumptions) -> bool:
    """A code or a status "in remission" stands as of its date, unless a marrow of those days disagrees.

    A marrow long after it is other news: a relapse.
    """
    if statement.dated or statement.when is None or statement.stated is not Stated.REMISSION:
        return False
    soon = assumptions.spans["statement_of_marrow"].after(statement.when.last)
    later = [one for one in assessed if statement.when.first <= one.marrow.when.first <= soon]
    return bool(later) and later[-1].response is Response.DISEASE


def _conflicting(
    statement: Statement, by_marrow: Sequence[Sighting], history: TreatmentHistory, assumptions: Assumptions
) -> Iterator[Sighting]:
    """The marrow of which a dated statement speaks, where it shows something else."""
    if statement.when is None:
        return
    first = assumptions.spans["statement_of_marrow"].before(statement.when.first)
    last = assumptions.spans["marrow_after_statement"].after(statement.when.last)
    course = history.course_before(statement.when.last)
    meant = [
        one
        for one in by_marrow
        if one.assessment is not None and first <= one.assessment.marrow.when.first and one.assessment.marrow.when.last <= last
        if course is None or one.assessment.marrow.when.first > course.start.first
    ]
    if meant and _contradict(statement.stated, meant[-1]):
        yield meant[-1]


def _contradict(stated: Stated, marrow: Sighting) -> bool:
    response = marrow.assessment.response if marrow.assessment is not None else None
    match stated:
        case Stated.REMISSION:
            return response in (Response.DISEASE, Response.LEUKEMIA_FREE)
        case Stated.LEUKEMIA_FREE:
            return response is Response.DISEASE or (response is not None and response.is_remission)
        case Stated.RELAPSE | Stated.REFRACTORY | Stated.PARTIAL:
            return response is Response.LEUKEMIA_FREE or (response is not None and response.is_remission)
        case Stated.NAIVE:
            return False


def _by_statement(statement: Statement) -> Iterator[Sighting]:
    sights = {
        Stated.REMISSION: Sight.REMISSION,
        Stated.RELAPSE: Sight.RELAPSE,
        Stated.REFRACTORY: Sight.RESISTANT,
        Stated.PARTIAL: Sight.RESISTANT,
        Stated.LEUKEMIA_FREE: Sight.CLEAN,
    }
    sight = sights.get(statement.stated)
    if sight is not None and statement.when is not None:
        unclear = Unclear.LEUKEMIA_FREE if sight is Sight.CLEAN else None
        confirm = not statement.dated or statement.fact.rests_on_text("disease_status") or _in_words(statement.fact)
        yield Sighting(sight, statement.when, (statement.fact,), confirm, unclear, statement=statement)


def _in_words(fact: Fact) -> bool:
    return isinstance(fact, Result) and fact.value is not None and not fact.value.by_code


def _blood(facts: PatientFacts) -> Iterable[Result]:
    """Blood blasts with a number, counted by a person or by flow cytometry: never an analyser's flag (ruling 8)."""
    return (
        result
        for result in facts.results_in("blood_blasts")
        if result.amount is not None and not result.absent and not _ANALYSER.search(result.circumstances)
        if result.when is not None and result.when.first <= facts.as_of
    )


def _by_blood(facts: PatientFacts) -> Iterator[Sighting]:
    for result in _blood(facts):
        amount = result.amount
        if amount is not None and result.when is not None:
            present = amount.value > Decimal(0) and amount.comparator not in ("<", "<=")
            sight = Sight.BLOOD if present else Sight.CLEAR_BLOOD
            yield Sighting(sight, result.when, (result,), confirm=result.rests_on_text("blood_blasts"))


def response_marrow(
    course: Treatment, seen: Sequence[Sighting], until: date | None, assumptions: Assumptions
) -> Sighting | None:
    """What shows the response to a course: the last marrow or statement from its day 14 to the next course (ruling 5).

    `until`: the last day that counts, where a next course or a relapse followed. Before day 21, with nothing after it, a marrow
    is a nadir.
    """
    first = assumptions.spans["marrow_after_course"].after(course.start.first)
    nadir = assumptions.spans["nadir"].after(course.start.first)
    found = [
        one
        for one in seen
        if (one.assessment is not None or (one.statement is not None and one.statement.dated))
        if _day(one).first >= first and (until is None or _day(one).last <= until)
    ]
    settled = [one for one in found if one.assessment is None or until is not None or _day(one).first >= nadir]
    return settled[-1] if settled else None


def _day(one: Sighting) -> DateRange:
    return one.assessment.marrow.when if one.assessment is not None else one.when
