"""The treatment of the leukaemia that is on record, and whether the record tells all of it.

Source: rulings 3 and 11; assumptions for a haematologist to sign off.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import Enum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cds_service.assumptions import Assumptions
from cds_service.dates import DateRange
from cds_service.facts.courses import (
    Treatment,
    group,
    growth_factors,
    is_antileukaemic,
    is_course_drug,
    is_placed,
    preparations,
)
from cds_service.facts.model import Diagnosis, Fact, Giving, Kind, PatientFacts, Procedure, Therapy
from cds_service.facts.regimen import is_salvage_protocol
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
    UNDATED = "antileukaemic drugs are on record without a date"
    ONLY_ORDERED = "antileukaemic drugs are ordered, and whether they were given is not recorded"


ELSEWHERE = frozenset({HistoryOpen.BEGINS_IN_THE_MIDDLE, HistoryOpen.SALVAGE_FIRST, HistoryOpen.TRANSPLANT_WITHOUT_INDUCTION})
"""Treated elsewhere before: silence about that time says nothing of anything."""
LATE = ELSEWHERE | {HistoryOpen.NO_DIAGNOSIS_DATE, HistoryOpen.LATE_FIRST_TREATMENT, HistoryOpen.NO_TREATMENT}
"""The beginning is not on record."""


class TreatmentHistory(Struct, frozen=True, dict=True):
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
    undated: tuple[Therapy, ...]
    """Antileukaemic drugs given at a time that nobody can tell, or only by its year."""
    open: frozenset[HistoryOpen]
    """Why there may be more; empty where the record tells all."""

    @cached_property
    def courses(self) -> tuple[Treatment, ...]:
        return tuple(treatment for treatment in self.treatments if treatment.is_course)

    @property
    def begins_late(self) -> bool:
        """What came before the record begins is not known: the first course on record may not be the first."""
        return bool(self.open & LATE)

    @property
    def treated_elsewhere(self) -> bool:
        return bool(self.open & ELSEWHERE)

    @cached_property
    def last_insult(self) -> DateRange | None:
        """The start of the last course or preparation: what was measured before says nothing of the body now."""
        starts = [course.start for course in self.courses]
        starts += [therapy.started for therapy in self.preparations if therapy.started is not None]
        return max(starts, key=lambda start: start.first, default=None)

    def begins(self, assumptions: Assumptions) -> date | None:
        """The day from which a marrow belongs to this leukaemia; None where the day of the diagnosis is not known."""
        span = assumptions.spans["therapy_before_diagnosis"]
        return span.before(self.diagnosed.first) if self.diagnosed is not None else None

    def course_before(self, day: date) -> Treatment | None:
        """The last course that began on that day or earlier."""
        earlier = [course for course in self.courses if course.start.first <= day]
        return earlier[-1] if earlier else None


def treatment_history(
    facts: PatientFacts, diagnosed: DateRange | None, statements: Sequence[Statement], assumptions: Assumptions
) -> TreatmentHistory:
    """What was given against the leukaemia, and how much of it the record can be trusted to tell."""
    drugs = [drug for drug in facts.therapies if is_antileukaemic(drug)]
    given = [drug for drug in drugs if drug.giving is not Giving.ORDERED and is_placed(drug, facts.as_of)]
    grafts = _events(facts.procedures_in("stem_cell_transplant"), facts.as_of, assumptions)
    prepared = tuple(preparations(given, grafts, facts, assumptions))
    counted = [drug for drug in given if drug not in prepared]
    treatments = group(counted, growth_factors(facts), facts.as_of, assumptions)
    before = tuple(one for one in treatments if _is_before(one, diagnosed, assumptions))
    after = tuple(one for one in treatments if one not in before)
    history = TreatmentHistory(
        diagnosed=diagnosed,
        treatments=after,
        grafts=grafts,
        donor_lymphocytes=_events(facts.procedures_in("donor_lymphocyte_infusion"), facts.as_of, assumptions),
        preparations=prepared,
        antecedent=tuple(drug for one in before for drug in (one.drugs or one.beside)),
        untreated=() if after or grafts else _untreated(statements, facts.as_of, assumptions),
        undated=tuple(drug for drug in drugs if _is_undated(drug)),
        open=frozenset(),
    )
    return replace(history, open=frozenset(_open_reasons(history, facts, assumptions)))


def _is_undated(drug: Therapy) -> bool:
    return drug.started is None or drug.started.is_year_only()


def _events(procedures: Iterable[Procedure], as_of: date, assumptions: Assumptions) -> tuple[Procedure, ...]:
    """Transplants or infusions, oldest first; entries of the same days are one: cells come in several bags and codes."""
    placed = [procedure for procedure in procedures if procedure.when is not None and procedure.when.first <= as_of]
    apart = assumptions.spans["one_transplant"].days
    found: list[Procedure] = []
    for procedure in sorted(placed, key=lambda one: (_first(one.when), one.reference)):
        if not found or (_first(procedure.when) - _first(found[-1].when)).days > apart:
            found.append(procedure)
    return tuple(found)


def _first(when: DateRange | None) -> date:
    return when.first if when is not None else date.min


def _is_before(treatment: Treatment, diagnosed: DateRange | None, assumptions: Assumptions) -> bool:
    """Antecedent therapy: begun more than some days before the leukaemia (ruling 11)."""
    if diagnosed is None:
        return False
    return treatment.start.last < assumptions.spans["therapy_before_diagnosis"].before(diagnosed.first)


def _open_reasons(history: TreatmentHistory, facts: PatientFacts, assumptions: Assumptions) -> Iterator[HistoryOpen]:
    if history.untreated:
        return
    if not {Kind.THERAPY, Kind.PROCEDURE} <= facts.searched:
        yield HistoryOpen.NOT_SEARCHED
    if any(not drug.understood for drug in facts.therapies):
        yield HistoryOpen.NOT_RECOGNISED
    if history.undated:
        yield HistoryOpen.UNDATED
    if any(is_course_drug(drug) and drug.giving is Giving.ORDERED and is_placed(drug, facts.as_of) for drug in facts.therapies):
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
