"""The treatment of the leukaemia: drugs grouped into courses, and what is no course: conditioning, lymphodepletion, what was
given before the leukaemia. Whether the record tells all of it.

Source: rulings 3, 11, 12, 15 and 16; assumptions for a haematologist to sign off.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange
from cds_service.facts.model import Diagnosis, Fact, Giving, Kind, PatientFacts, Procedure, Route, Therapy
from cds_service.facts.regimen import TARGETED, Regimen, classify, drug_classes, is_salvage_protocol
from cds_service.facts.statements import Stated, Statement, stated_by


class HistoryOpen(Enum):
    """Why the record does not tell the whole treatment: what it does not show is unknown, not "none" (ruling 3)."""

    NOT_SEARCHED = "medications or procedures could not be had"
    NOT_RECOGNISED = "some medications are not recognised"
    NO_DIAGNOSIS_DATE = "the day of the diagnosis is not recorded"
    NO_TREATMENT = "no antileukaemic treatment is on record"
    LATE_FIRST_TREATMENT = "the first recorded treatment is long after the diagnosis"
    BEGINS_IN_THE_MIDDLE = "the record begins in the middle of the disease"
    SALVAGE_FIRST = "the first recorded regimen is a salvage"
    TRANSPLANT_WITHOUT_INDUCTION = "a transplant stands without an induction before it"
    ONLY_ORDERED = "antileukaemic drugs are ordered, and whether they were given is not recorded"


ELSEWHERE = frozenset({HistoryOpen.BEGINS_IN_THE_MIDDLE, HistoryOpen.SALVAGE_FIRST, HistoryOpen.TRANSPLANT_WITHOUT_INDUCTION})
"""Treated elsewhere before: silence about that time says nothing of anything."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """A course of chemotherapy with what was given beside it, or a stretch of targeted drugs.

    `start` and `end` are the days of its own drugs; `confirm`: its giving or its borders are not certain; `cycles_open`: one
    entry covers so long a time that it may be several courses.
    """

    drugs: tuple[Therapy, ...]
    beside: tuple[Therapy, ...]
    start: DateRange
    end: DateRange
    regimen: Regimen
    confirm: bool = False
    cycles_open: bool = False
    ongoing: bool = False

    @property
    def is_course(self) -> bool:
        return self.regimen is not Regimen.TARGETED

    @property
    def all_drugs(self) -> tuple[Therapy, ...]:
        return (*self.drugs, *self.beside)

    @property
    def classes(self) -> frozenset[str]:
        return drug_classes(self.all_drugs)


@dataclass(frozen=True, slots=True)
class TreatmentHistory:
    """All treatment of the leukaemia that is on record, oldest first."""

    diagnosed: DateRange | None
    treatments: tuple[Treatment, ...]
    grafts: tuple[Procedure, ...]
    donor_lymphocytes: tuple[Procedure, ...]
    preparations: tuple[Therapy, ...]
    """Conditioning before a graft, and lymphodepletion before a cell product: no course."""
    antecedent: tuple[Therapy, ...]
    """Given before the leukaemia, for what preceded it or for another disease."""
    untreated: tuple[Fact, ...]
    """A fresh statement that nothing was given yet, with nothing given since."""
    open: frozenset[HistoryOpen]
    """Why there may be more; empty where the record tells all."""

    @property
    def courses(self) -> tuple[Treatment, ...]:
        return tuple(treatment for treatment in self.treatments if treatment.is_course)

    @property
    def treated_elsewhere(self) -> bool:
        return bool(self.open & ELSEWHERE)

    @property
    def last_insult(self) -> DateRange | None:
        """The start of the last course or preparation: what was measured before says nothing of the body now."""
        starts = [course.start for course in self.courses]
        starts += [therapy.started for therapy in self.preparations if therapy.started is not None]
        return max(starts, key=lambda start: start.first, default=None)

    def after(self, treatment: Treatment) -> Treatment | None:
        """The next course."""
        later = [course for course in self.courses if course.start.first > treatment.start.first]
        return later[0] if later else None

    def course_before(self, day: date) -> Treatment | None:
        """The last course that began on that day or earlier."""
        earlier = [course for course in self.courses if course.start.first <= day]
        return earlier[-1] if earlier else None


def treatment_history(
    facts: PatientFacts, diagnosed: DateRange | None, statements: Sequence[Statement], assumptions: Assumptions
) -> TreatmentHistory:
    """What was given against the leukaemia, and how much of it the record can be trusted to tell."""
    drugs = [drug for drug in facts.therapies if _is_antileukaemic(drug) and _placed(drug, facts.as_of)]
    antecedent = tuple(drug for drug in drugs if _is_before(drug, diagnosed, assumptions))
    after = [drug for drug in drugs if drug not in antecedent]
    given = [drug for drug in after if drug.giving is not Giving.ORDERED]
    grafts = _in_order(facts.procedures_in("stem_cell_transplant"), facts.as_of)
    preparations = tuple(_preparations(given, grafts, facts, assumptions))
    counted = [drug for drug in given if drug not in preparations]
    treatments = _group(counted, _growth_factors(facts), facts.as_of, assumptions)
    ordered = any(drug.giving is Giving.ORDERED for drug in after if _is_course_drug(drug))
    history = TreatmentHistory(
        diagnosed=diagnosed,
        treatments=treatments,
        grafts=grafts,
        donor_lymphocytes=_in_order(facts.procedures_in("donor_lymphocyte_infusion"), facts.as_of),
        preparations=preparations,
        antecedent=antecedent,
        untreated=() if treatments or grafts else _untreated(statements, facts.as_of, assumptions),
        open=frozenset(),
    )
    return replace(history, open=frozenset(_open_reasons(history, facts, ordered=ordered, assumptions=assumptions)))


def _is_course_drug(drug: Therapy) -> bool:
    """Ruling 12: what opens or lengthens a course. Intrathecal and local drugs, and oral azacitidine, do not."""
    return (
        drug.is_in("course_cytotoxic") and drug.route not in (Route.INTRATHECAL, Route.LOCAL) and not _is_oral_azacitidine(drug)
    )


def _is_oral_azacitidine(drug: Therapy) -> bool:
    by_route = drug.route is Route.ORAL and drug.is_in("hypomethylating_agent") and not drug.is_in("decitabine")
    return drug.is_in("oral_azacitidine") or by_route


def _is_antileukaemic(drug: Therapy) -> bool:
    return _is_course_drug(drug) or _is_oral_azacitidine(drug) or any(drug.is_in(name) for name in TARGETED)


def _placed(drug: Therapy, as_of: date) -> bool:
    return drug.started is not None and drug.started.first <= as_of


def _in_order(procedures: Iterable[Procedure], as_of: date) -> tuple[Procedure, ...]:
    placed = [procedure for procedure in procedures if procedure.when is not None and procedure.when.first <= as_of]
    return tuple(sorted(placed, key=lambda procedure: _first(procedure.when)))


def _first(when: DateRange | None) -> date:
    return when.first if when is not None else date.min


def _start(drug: Therapy) -> DateRange:
    if drug.started is None:
        raise ValueError("a drug without a start is not placed")
    return drug.started


def _is_before(drug: Therapy, diagnosed: DateRange | None, assumptions: Assumptions) -> bool:
    """Antecedent therapy: begun more than some days before the leukaemia (ruling 11)."""
    if diagnosed is None:
        return False
    return _start(drug).last < assumptions.spans["therapy_before_diagnosis"].before(diagnosed.first)


def _preparations(
    given: Sequence[Therapy], grafts: Sequence[Procedure], facts: PatientFacts, assumptions: Assumptions
) -> Iterator[Therapy]:
    """Cytotoxics just before a graft with a conditioning agent; fludarabine just before a cell product (ruling 15)."""
    span = assumptions.spans["conditioning"]
    agents = [
        start
        for name in ("conditioning_agent", "cyclophosphamide")
        for drug in facts.therapies_in(name)
        if drug.giving is not Giving.ORDERED and (start := drug.started) is not None
    ]
    agents += [one.when for one in facts.procedures_in("total_body_irradiation") if one.when is not None]
    conditioned = [graft.when for graft in grafts if any(_just_before(agent, graft.when, span.days) for agent in agents)]
    products: list[DateRange | None] = [one.when for one in facts.procedures_in("cellular_therapy_infusion")]
    products += [drug.started for drug in facts.therapies_in("cellular_therapy_product")]
    for drug in given:
        before_graft = any(_just_before(_start(drug), graft, span.days) for graft in conditioned)
        before_product = drug.is_in("fludarabine") and any(_just_before(_start(drug), one, span.days) for one in products)
        if _is_course_drug(drug) and (before_graft or before_product):
            yield drug


def _just_before(start: DateRange, event: DateRange | None, days: int) -> bool:
    return event is not None and 0 <= (event.first - start.first).days <= days


def _growth_factors(facts: PatientFacts) -> list[Therapy]:
    factors = facts.therapies_in("granulocyte_growth_factor")
    return [factor for factor in factors if factor.giving is not Giving.ORDERED and _placed(factor, facts.as_of)]


def _group(
    drugs: Sequence[Therapy], growth_factors: Sequence[Therapy], as_of: date, assumptions: Assumptions
) -> tuple[Treatment, ...]:
    """Courses by the gaps between their drugs; targeted drugs go beside a course or stand alone."""
    course_drugs = sorted((drug for drug in drugs if _is_course_drug(drug)), key=lambda drug: _start(drug).first)
    groups: list[list[Therapy]] = []
    for drug in course_drugs:
        if groups and not _opens_course(drug, groups[-1], assumptions):
            groups[-1].append(drug)
        else:
            groups.append([drug])
    targeted = [drug for drug in drugs if not _is_course_drug(drug)]
    courses = [_course(group, [*targeted, *growth_factors], as_of, assumptions) for group in groups]
    taken = {id(drug) for course in courses for drug in course.beside}
    alone = [_targeted(drug, as_of) for drug in targeted if id(drug) not in taken]
    return tuple(sorted([*courses, *alone], key=lambda treatment: treatment.start.first))


def _opens_course(drug: Therapy, course: Sequence[Therapy], assumptions: Assumptions) -> bool:
    """After some days without any of them; where only starts are known, after some days between starts (ruling 12)."""
    starts, ends = _days_of(course)
    if ends and ends[-1].last >= starts[-1].first:
        return (_start(drug).first - ends[-1].last).days > assumptions.spans["course_gap"].days
    return (_start(drug).first - starts[-1].first).days >= assumptions.spans["course_start_gap"].days


def _days_of(course: Sequence[Therapy]) -> tuple[list[DateRange], list[DateRange]]:
    starts = sorted((_start(drug) for drug in course), key=lambda start: start.first)
    ends = sorted((drug.ended for drug in course if drug.ended is not None), key=lambda end: end.last)
    return starts, ends


def _course(drugs: Sequence[Therapy], others: Sequence[Therapy], as_of: date, assumptions: Assumptions) -> Treatment:
    starts, ends = _days_of(drugs)
    start, end = starts[0], max([*starts, *ends], key=lambda day: day.last).until(as_of)
    beside = tuple(drug for drug in others if _is_beside(drug, start, end, assumptions))
    longest = assumptions.spans["one_cycle"]
    last_days = [as_of for drug in drugs if drug.ongoing] + [end.last for end in ends]
    return Treatment(
        drugs=tuple(drugs),
        beside=beside,
        start=start,
        end=end,
        regimen=classify(drugs, beside, assumptions),
        confirm=not ends
        or any(drug.giving is Giving.ORDER_COMPLETED or drug.rests_on_text("course_cytotoxic") for drug in drugs),
        cycles_open=any((last - start.first).days > longest.days for last in last_days),
        ongoing=any(drug.ongoing for drug in drugs),
    )


def _is_beside(drug: Therapy, start: DateRange, end: DateRange, assumptions: Assumptions) -> bool:
    """Given together with a course: begun shortly before, during or shortly after it, or going on all through it."""
    margin = timedelta(days=assumptions.spans["beside_course"].days)
    began = _start(drug).first
    goes_on = drug.ongoing or (drug.ended is not None and drug.ended.last >= start.first)
    return start.first - margin <= began <= end.last + margin or (began < start.first and goes_on)


def _targeted(drug: Therapy, as_of: date) -> Treatment:
    end = DateRange(as_of, as_of) if drug.ongoing else (drug.ended or _start(drug)).until(as_of)
    order_only = drug.giving is Giving.ORDER_COMPLETED
    return Treatment((), (drug,), _start(drug), end, Regimen.TARGETED, confirm=order_only, ongoing=drug.ongoing)


def _open_reasons(
    history: TreatmentHistory, facts: PatientFacts, *, ordered: bool, assumptions: Assumptions
) -> Iterator[HistoryOpen]:
    if history.untreated:
        return
    if not {Kind.THERAPY, Kind.PROCEDURE} <= facts.searched:
        yield HistoryOpen.NOT_SEARCHED
    if any(not drug.understood for drug in facts.therapies):
        yield HistoryOpen.NOT_RECOGNISED
    if ordered:
        yield HistoryOpen.ONLY_ORDERED
    yield from _open_at_the_beginning(history, facts, assumptions)


def _open_at_the_beginning(history: TreatmentHistory, facts: PatientFacts, assumptions: Assumptions) -> Iterator[HistoryOpen]:
    first = history.treatments[0] if history.treatments else None
    if history.diagnosed is None:
        yield HistoryOpen.NO_DIAGNOSIS_DATE
    if first is None:
        yield HistoryOpen.NO_TREATMENT
    elif history.diagnosed is not None:
        latest = assumptions.spans["first_therapy_after_diagnosis"].after(history.diagnosed.first)
        if first.start.last > latest:
            yield HistoryOpen.LATE_FIRST_TREATMENT
    if _begins_in_the_middle(facts, first):
        yield HistoryOpen.BEGINS_IN_THE_MIDDLE
    if first is not None and is_salvage_protocol(first.drugs, first.beside):
        yield HistoryOpen.SALVAGE_FIRST
    if any(first is None or first.start.first > _first(graft.when) for graft in history.grafts) or _undated_graft(facts, first):
        yield HistoryOpen.TRANSPLANT_WITHOUT_INDUCTION


def _undated_graft(facts: PatientFacts, first: Treatment | None) -> bool:
    return first is None and any(graft.when is None for graft in facts.procedures_in("stem_cell_transplant"))


def _untreated(statements: Sequence[Statement], as_of: date, assumptions: Assumptions) -> tuple[Fact, ...]:
    earliest = assumptions.spans["treatment_naive"].before(as_of)
    return tuple(s.fact for s in statements if s.stated is Stated.NAIVE and s.when is not None and s.when.first >= earliest)


def _begins_in_the_middle(facts: PatientFacts, first: Treatment | None) -> bool:
    """The first AML statement is already relapse, refractory, remission or "history of" (ruling 3).

    A diagnosis whose onset lies before the first recorded treatment is a diagnosis, whatever its status today.
    """
    diagnoses = [d for name in ("aml", "myeloid_sarcoma", "history_of_leukemia") for d in facts.diagnoses_in(name)]
    if not diagnoses or any(_is_first_diagnosis(diagnosis, first) for diagnosis in diagnoses):
        return False
    earliest = min((day.first for d in diagnoses if (day := d.known_since) is not None), default=None)
    plain = [d for d in diagnoses if not _is_later_statement(d)]
    return not any(earliest is None or (day := d.known_since) is None or day.first <= earliest for d in plain)


def _is_first_diagnosis(diagnosis: Diagnosis, first: Treatment | None) -> bool:
    return diagnosis.onset is not None and first is not None and diagnosis.onset.first <= first.start.first


def _is_later_statement(diagnosis: Diagnosis) -> bool:
    return bool(stated_by(diagnosis)) or diagnosis.is_in("history_of_leukemia")
