"""What the record shows of the leukaemia from day to day: remission, disease, or something that leaves it open.

Marrows are computed (`response`), clinicians' statements are weighed against them (ruling 6), blood blasts and extramedullary
disease come beside them (rulings 8 and 10).
"""

from collections.abc import Iterable, Iterator, Sequence
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
from cds_service.facts.treatment import TreatmentHistory
from cds_service.facts.weighing import denied_by, is_opposed
from cds_service.value import Value


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


class Sighting(Value, frozen=True):
    """What was seen at a time. `confirm`: by a code, a status or an assumption; `unclear`: why it decides nothing."""

    sight: Sight
    when: DateRange
    rests_on: tuple[Fact, ...]
    confirm: bool = False
    unclear: Unclear | None = None
    assessment: Assessment | None = None
    statement: Statement | None = None


class RelapseDefinition(Value, frozen=True):
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


class Shown(Value, frozen=True):
    """What the record shows of the leukaemia since its diagnosis, before any protocol's definition is put to it."""

    marrows: tuple[Assessment, ...]
    first_days: tuple[Sighting, ...]
    """Marrows of the first days of a course."""
    stated: tuple[Sighting, ...]
    contested: frozenset[DateRange]
    """Days of marrows that a clinician's statement of the time denies."""
    blood: tuple[Sighting, ...]
    outside: tuple[Sighting, ...]


class _Beside(Value, frozen=True):
    """What may stand beside a marrow."""

    outside: tuple[Extramedullary, ...]
    blood: tuple[Result, ...]
    """Blood blasts."""


def shown(facts: PatientFacts, history: TreatmentHistory, statements: Sequence[Statement], assumptions: Assumptions) -> Shown:
    """All of it that has a day."""
    beside = _Beside(extramedullary_disease(facts), tuple(_blood(facts)))
    of_response: list[Marrow] = []
    too_early: list[Marrow] = []
    for taken in marrows(facts, history.begins(assumptions)):
        if _is_response(taken, history, assumptions):
            of_response.append(taken)
        else:
            too_early.append(taken)
    assessed = tuple(_assess(taken, facts, history, beside, assumptions) for taken in of_response)
    placed = [one for one in statements if one.is_placed]
    denied = {id(one): marrow for one in placed if (marrow := denied_by(one, assessed, history, assumptions)) is not None}
    stated: list[Sighting] = []
    for statement in placed:
        if id(statement) in denied or is_opposed(statement, placed):
            stated += [] if statement.dated and id(statement) in denied else [_conflict(statement, denied.get(id(statement)))]
        else:
            stated += _by_statement(statement)
    return Shown(
        marrows=assessed,
        first_days=tuple(_in_the_first_days(too_early, facts, history, beside, assumptions)),
        stated=tuple(stated),
        contested=frozenset(marrow.marrow.when for one in placed if one.dated and (marrow := denied.get(id(one))) is not None),
        blood=tuple(_by_blood(beside.blood)),
        outside=tuple(Sighting(Sight.OUTSIDE, one.when, (one.fact,), confirm=True) for one in beside.outside),
    )


def sightings(
    evidence: Shown, facts: PatientFacts, history: TreatmentHistory, definition: RelapseDefinition, assumptions: Assumptions
) -> tuple[Sighting, ...]:
    """What is shown, by one protocol's definition of relapse, oldest first."""
    by_marrow = [_by_marrow(one, facts, history, definition, assumptions) for one in evidence.marrows]
    a_day = _one_a_day([*by_marrow, *evidence.first_days])
    seen = [_contested(one) if day_of(one) in evidence.contested else one for one in a_day]
    seen += evidence.stated
    if definition.blood_blasts:
        seen += evidence.blood
    if definition.extramedullary:
        seen += evidence.outside
    return tuple(sorted(seen, key=lambda one: (one.when.last, one.when.first, one.sight is not Sight.REMISSION)))


def _one_a_day(seen: Sequence[Sighting]) -> list[Sighting]:
    """Marrows of one day must agree, else they decide nothing."""
    by_day: dict[DateRange, list[Sighting]] = {}
    for one in seen:
        by_day.setdefault(day_of(one), []).append(one)
    return [ones[0] if _agree(ones) else _differ(day, ones) for day, ones in by_day.items()]


def _agree(ones: Sequence[Sighting]) -> bool:
    return all(one.sight is ones[0].sight and one.unclear is ones[0].unclear for one in ones[1:])


def _differ(day: DateRange, ones: Sequence[Sighting]) -> Sighting:
    facts = tuple(dict.fromkeys(fact for one in ones for fact in one.rests_on))
    return Sighting(Sight.OPEN, day, facts, unclear=Unclear.MARROWS_DIFFER, assessment=ones[0].assessment)


def _conflict(statement: Statement, marrow: Assessment | None) -> Sighting:
    """A code that a marrow or another statement denies, from the later of both on."""
    days = [day for day in (statement.when, marrow.when if marrow is not None else None) if day is not None]
    return Sighting(Sight.OPEN, max(days, key=lambda day: day.last), (statement.fact,), unclear=Unclear.CONFLICT)


def _is_response(marrow: Marrow, history: TreatmentHistory, assumptions: Assumptions) -> bool:
    """Not one taken in the first days of a course, which shows nothing yet (ruling 5)."""
    course = history.course_before(marrow.when.last)
    first = assumptions.spans["marrow_after_course"]
    return course is None or marrow.when.first <= course.start.first or marrow.when.first >= first.after(course.start.last)


def _in_the_first_days(
    too_early: Iterable[Marrow],
    facts: PatientFacts,
    history: TreatmentHistory,
    beside: _Beside,
    assumptions: Assumptions,
) -> Iterator[Sighting]:
    """A marrow of the first days of a course tells nothing of its response, but may tell of what the course was given for.

    Counts that are recovered then come from a remission before it; many blasts in a remission may be a relapse.
    """
    limit = assumptions.limit("diagnostic_blasts").value
    for marrow in too_early:
        found = _assess(marrow, facts, history, beside, assumptions)
        if found.response is Response.CR:
            yield Sighting(Sight.CLEAN, found.when, found.rests_on, unclear=Unclear.TOO_EARLY, assessment=found)
        elif marrow.blasts.at_least(limit):
            yield Sighting(Sight.OPEN, found.when, found.rests_on, unclear=Unclear.TOO_EARLY, assessment=found)


def _assess(
    marrow: Marrow,
    facts: PatientFacts,
    history: TreatmentHistory,
    beside: _Beside,
    assumptions: Assumptions,
) -> Assessment:
    """With what stands beside it: active extramedullary disease bars remission, blood blasts leave it open."""
    next_course = next((course.start for course in history.courses if course.start.first > marrow.when.last), None)
    since = history.course_before(marrow.when.last)
    near = assumptions.spans["blood_beside_marrow"]
    before, soon = near.before(marrow.when.first), near.after(marrow.when.last)
    active = [
        one.fact
        for one in beside.outside
        if one.goes_on
        if one.when.first <= (soon if one.objective else marrow.when.last)
        if since is None or since.start.first <= one.when.first
        if next_course is None or one.when.first < next_course.first
    ]
    found = assess(marrow, facts, next_course, active, assumptions)
    in_blood = [
        result
        for result in beside.blood
        if (amount := result.amount) is not None and amount.value > 0 and result.when is not None
        if before <= result.when.first <= soon
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
    if definition.shown_by(marrow) and not definition.counts(marrow):
        return Sighting(Sight.OPEN, when, found.rests_on, unclear=Unclear.NOT_BY_MORPHOLOGY, assessment=found)
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


def _by_blood(blood: Iterable[Result]) -> Iterator[Sighting]:
    for result in blood:
        amount = result.amount
        if amount is not None and result.when is not None:
            present = amount.value > Decimal(0) and amount.comparator not in ("<", "<=")
            sight = Sight.BLOOD if present else Sight.CLEAR_BLOOD
            yield Sighting(sight, result.when, (result,), confirm=result.rests_on_text("blood_blasts"))


def day_of(one: Sighting) -> DateRange:
    """The day of the sample, where the counts came later."""
    return one.assessment.marrow.when if one.assessment is not None else one.when
