"""The course of the leukaemia as far as it is known: what clinicians stated, what the marrow shows, whether it is active now.

Statements are read in the order of trust of ruling 6: a dated disease-status Observation stands; a diagnosis code
or a clinical status ("in relapse", "in remission") stands as of its date, to be confirmed, and only if no later marrow
disagrees. "Not having achieved remission" says nothing: it is the default billing code.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange
from cds_service.facts.model import (
    ClinicalStatus,
    Diagnosis,
    Fact,
    Giving,
    PatientFacts,
    Result,
    Route,
    Therapy,
    Verification,
)


class Stated(Enum):
    RELAPSE = "relapse"
    REFRACTORY = "refractory"
    REMISSION = "remission"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a clinician stated of the disease, and when. `dated_response`: by a disease-status Observation."""

    stated: Stated
    when: DateRange | None
    fact: Fact
    dated_response: bool


class ActiveBy(Enum):
    """What shows that there is leukaemia now."""

    MARROW = "marrow"
    RELAPSE = "stated relapse"
    REFRACTORY = "stated as refractory"


class Activity(Enum):
    ACTIVE = "active"
    REMISSION = "remission"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DiseaseState:
    """Whether there is leukaemia now, since when, and on what that rests."""

    activity: Activity
    since: DateRange | None = None
    rests_on: tuple[Fact, ...] = ()
    confirm: bool = False
    by: ActiveBy = ActiveBy.MARROW


@dataclass(frozen=True, slots=True)
class DiseaseCourse:
    """The course of one patient's AML."""

    statements: tuple[Statement, ...]
    state: DiseaseState
    treated_elsewhere: bool
    """The record begins in the middle of the disease (ruling 3): silence about earlier times says nothing."""
    last_course_start: DateRange | None
    courses_known: bool = False

    def standing(self, stated: Stated) -> tuple[Statement, ...]:
        """Statements of this kind that no later marrow contradicts."""
        return tuple(statement for statement in self.statements if statement.stated is stated)


_BY_CODE = {
    "aml_in_relapse": Stated.RELAPSE,
    "aml_refractory": Stated.REFRACTORY,
    "aml_in_remission": Stated.REMISSION,
}
_BY_STATUS = {
    ClinicalStatus.RELAPSE: Stated.RELAPSE,
    ClinicalStatus.RECURRENCE: Stated.RELAPSE,
    ClinicalStatus.REMISSION: Stated.REMISSION,
}
_BY_STATEMENT = {Stated.RELAPSE: ActiveBy.RELAPSE, Stated.REFRACTORY: ActiveBy.REFRACTORY}
_BY_ANSWER = {
    "response_relapse": Stated.RELAPSE,
    "response_none": Stated.REFRACTORY,
    "response_complete": Stated.REMISSION,
}


def disease_course(facts: PatientFacts, assumptions: Assumptions) -> DiseaseCourse:
    """What followed what."""
    marrows = _marrows(facts)
    statements = tuple(s for s in _statements(facts) if s.dated_response or not _contradicted(s, marrows, assumptions))
    return DiseaseCourse(
        statements=statements,
        state=_state(statements, marrows, facts.as_of, assumptions),
        treated_elsewhere=_treated_elsewhere(facts),
        last_course_start=last_course_start(facts.therapies_in("course_cytotoxic"), assumptions),
    )


def _statements(facts: PatientFacts) -> Iterator[Statement]:
    for diagnosis in (*facts.diagnoses_in("aml"), *facts.diagnoses_in("myeloid_sarcoma")):
        if diagnosis.verification is Verification.UNCONFIRMED:
            continue
        when = diagnosis.recorded or diagnosis.onset
        coded = {stated for value_set, stated in _BY_CODE.items() if diagnosis.is_in(value_set)}
        status = _BY_STATUS.get(diagnosis.status) if diagnosis.status is not None else None
        for stated in coded | ({status} if status is not None else set()):
            yield Statement(stated, when, diagnosis, dated_response=False)
    for result in facts.results_in("disease_status"):
        answers = {s for value_set, s in _BY_ANSWER.items() if result.value is not None and result.value.is_in(value_set)}
        if len(answers) == 1 and result.when is not None and result.when.first <= facts.as_of:
            yield Statement(answers.pop(), result.when, result, dated_response=True)


def _marrows(facts: PatientFacts) -> tuple[Result, ...]:
    """Marrows with a number that can be placed in time, oldest first."""
    usable = [
        marrow
        for marrow in facts.results_in("marrow_blasts")
        if marrow.amount is not None
        and marrow.amount.comparator is None
        and marrow.when is not None
        and not marrow.when.is_year_only()
        and marrow.when.first <= facts.as_of
    ]
    return tuple(sorted(usable, key=lambda marrow: marrow.when.last if marrow.when is not None else date.min))


def _contradicted(statement: Statement, marrows: Sequence[Result], assumptions: Assumptions) -> bool:
    if statement.when is None:
        return False
    later = [m for m in marrows if m.when is not None and statement.when.surely_before(m.when)]
    if not later or (has_disease := _shows_disease(later[-1], assumptions)) is None:
        return False
    return has_disease is (statement.stated is Stated.REMISSION)


def _shows_disease(marrow: Result, assumptions: Assumptions) -> bool | None:
    """None at exactly the limit: the trials differ there."""
    limit = assumptions.limits["marrow_blasts_of_active_disease"].for_sex(None)
    if marrow.amount is None or marrow.amount.unit != "%" or limit is None or marrow.amount.value == limit.value:
        return None
    return marrow.amount.value > limit.value


def _state(statements: Sequence[Statement], marrows: Sequence[Result], as_of: date, assumptions: Assumptions) -> DiseaseState:
    newest = _newest(statements)
    stated = {statement.stated is Stated.REMISSION for statement in newest}
    marrow = _fresh_marrow(marrows, as_of, assumptions)
    if marrow is not None and not _older(marrow, newest):
        return _state_by_marrow(marrow, stated == {True}, assumptions)
    over = any(isinstance(statement.fact, Diagnosis) and statement.fact.is_resolved() for statement in newest)
    if len(stated) != 1 or over:
        return DiseaseState(Activity.UNKNOWN, rests_on=tuple(statement.fact for statement in newest))
    activity = Activity.REMISSION if stated == {True} else Activity.ACTIVE
    confirm = not any(statement.dated_response for statement in newest)
    rests_on = tuple(statement.fact for statement in newest)
    return DiseaseState(activity, newest[0].when, rests_on, confirm, by=_BY_STATEMENT.get(newest[0].stated, ActiveBy.RELAPSE))


def _state_by_marrow(marrow: Result, in_remission_before: bool, assumptions: Assumptions) -> DiseaseState:
    has_disease = _shows_disease(marrow, assumptions)
    disease_from = assumptions.limits["regeneration"].for_sex(None)
    amount = marrow.amount
    regenerating = in_remission_before and amount is not None and disease_from is not None and amount.value < disease_from.value
    if has_disease and not regenerating:
        return DiseaseState(Activity.ACTIVE, marrow.when, (marrow,))
    return DiseaseState(Activity.UNKNOWN, marrow.when, (marrow,))


def _newest(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Those that may be the newest; several where the dates do not tell."""
    return tuple(
        one
        for one in statements
        if not any(
            one.when is not None and other.when is not None and one.when.surely_before(other.when) for other in statements
        )
    )


def _fresh_marrow(marrows: Sequence[Result], as_of: date, assumptions: Assumptions) -> Result | None:
    earliest = assumptions.windows["marrow"].recheck.before(as_of)
    fresh = [marrow for marrow in marrows if marrow.when is not None and marrow.when.first >= earliest]
    return fresh[-1] if fresh else None


def _older(marrow: Result, statements: Iterable[Statement]) -> bool:
    return any(s.when is not None and marrow.when is not None and marrow.when.surely_before(s.when) for s in statements)


def _treated_elsewhere(facts: PatientFacts) -> bool:
    return _begins_in_the_middle(facts) or _transplant_without_course(facts)


def _begins_in_the_middle(facts: PatientFacts) -> bool:
    """The first AML statement is already relapse, refractory, remission or "history of"."""
    diagnoses = [d for name in ("aml", "myeloid_sarcoma", "history_of_leukemia") for d in facts.diagnoses_in(name)]
    starts = [start for therapy in facts.therapies_in("antileukemic") if (start := therapy.started) is not None]
    if not diagnoses or any(_is_first_diagnosis(diagnosis, starts) for diagnosis in diagnoses):
        return False
    first = min((day.first for d in diagnoses if (day := _known_since(d)) is not None), default=None)
    plain = [d for d in diagnoses if not _is_later_statement(d)]
    return not any(first is None or (day := _known_since(d)) is None or day.first <= first for d in plain)


def _is_first_diagnosis(diagnosis: Diagnosis, therapy_starts: Sequence[DateRange]) -> bool:
    """Its onset lies before the first recorded therapy: a diagnosis, whatever its status today."""
    onset = diagnosis.onset
    return onset is not None and bool(therapy_starts) and all(onset.first <= start.first for start in therapy_starts)


def _is_later_statement(diagnosis: Diagnosis) -> bool:
    by_code = any(diagnosis.is_in(value_set) for value_set in (*_BY_CODE, "history_of_leukemia"))
    return by_code or diagnosis.status in _BY_STATUS


def _known_since(diagnosis: Diagnosis) -> DateRange | None:
    days = [day for day in (diagnosis.onset, diagnosis.recorded) if day is not None]
    return min(days, key=lambda day: day.first) if days else None


def _transplant_without_course(facts: PatientFacts) -> bool:
    courses = [c.started for c in facts.therapies_in("course_cytotoxic") if c.started is not None]
    grafts = [graft.when for graft in facts.procedures_in("stem_cell_transplant")]
    return any(
        graft is None or not any((graft.first - course.first) > timedelta(days=14) for course in courses) for graft in grafts
    )


def last_course_start(therapies: Iterable[Therapy], assumptions: Assumptions) -> DateRange | None:
    """The start of the last course of antileukaemic chemotherapy.

    A new course begins after some days without any of its drugs (ruling 12).
    """
    gap = assumptions.spans["course_gap"]
    start: DateRange | None = None
    last_day: date | None = None
    for therapy in sorted(_given(therapies), key=lambda therapy: therapy.started.first if therapy.started else date.min):
        if therapy.started is None:
            continue
        if start is None or last_day is None or therapy.started.first >= gap.after(last_day):
            start = therapy.started
        end = (therapy.ended or therapy.started).last
        last_day = end if last_day is None else max(last_day, end)
    return start


def _given(therapies: Iterable[Therapy]) -> Iterator[Therapy]:
    for therapy in therapies:
        if therapy.giving is not Giving.ORDERED and therapy.route is not Route.INTRATHECAL:
            yield therapy
