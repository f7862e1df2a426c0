"""What clinicians stated of the leukaemia: remission, relapse, refractory disease, and when.

Two kinds, by trust (ruling 6): a dated disease-status Observation; below it a code ("in relapse", "in remission") or a clinical
status, to be confirmed. "Not having achieved remission" says nothing: it is the default billing code.
"""

from collections.abc import Iterator
from datetime import date
from enum import Enum

from cds_service.dates import EARLIEST, DateRange
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, PatientFacts, Verification
from cds_service.value import Value


class Stated(Enum):
    RELAPSE = "relapse"
    REFRACTORY = "refractory"
    REMISSION = "remission"
    PARTIAL = "partial remission"
    LEUKEMIA_FREE = "morphologic leukaemia-free state"
    NAIVE = "not yet treated"


class Statement(Value, frozen=True):
    """What a clinician stated of the disease. `dated`: by a disease-status Observation; else by a code or a status."""

    stated: Stated
    when: DateRange | None
    fact: Fact
    dated: bool

    @property
    def is_placed(self) -> bool:
        """Whether its day is known well enough to tell what came before and after it."""
        return self.when is not None and not self.when.is_year_only()

    @property
    def is_over(self) -> bool:
        """By a diagnosis that has ended since."""
        return isinstance(self.fact, Diagnosis) and self.fact.is_resolved()


_BY_CODE = {
    "aml_in_relapse": Stated.RELAPSE,
    "aml_refractory": Stated.REFRACTORY,
    "aml_in_remission": Stated.REMISSION,
    "bpdcn_in_remission": Stated.REMISSION,
}
_BY_STATUS = {
    ClinicalStatus.RELAPSE: Stated.RELAPSE,
    ClinicalStatus.RECURRENCE: Stated.RELAPSE,
    ClinicalStatus.REMISSION: Stated.REMISSION,
}
_BY_ANSWER = {
    "response_relapse": Stated.RELAPSE,
    "response_none": Stated.REFRACTORY,
    "response_complete": Stated.REMISSION,
    "response_partial": Stated.PARTIAL,
    "response_leukemia_free": Stated.LEUKEMIA_FREE,
    "treatment_naive": Stated.NAIVE,
}


def statements(facts: PatientFacts) -> tuple[Statement, ...]:
    """All of them, each with the days for which it stands."""
    return (*_by_observation(facts), *_by_diagnosis(facts))


def stated_by(diagnosis: Diagnosis) -> frozenset[Stated]:
    """What a diagnosis says of the course by its code and its clinical status."""
    coded = {stated for value_set, stated in _BY_CODE.items() if diagnosis.is_in(value_set)}
    status = _BY_STATUS.get(diagnosis.status) if diagnosis.status is not None else None
    return frozenset(coded | ({status} if status is not None else set()))


def _by_observation(facts: PatientFacts) -> Iterator[Statement]:
    for result in facts.results_in("disease_status"):
        answers = {stated for name, stated in _BY_ANSWER.items() if result.value is not None and result.value.is_in(name)}
        when = result.when or _since_birth(facts)
        if len(answers) == 1 and when.first <= facts.as_of:
            yield Statement(answers.pop(), when, result, dated=not when.is_year_only())


def _by_diagnosis(facts: PatientFacts) -> Iterator[Statement]:
    diagnoses = (one for name in ("aml", "myeloid_sarcoma", "bpdcn", "aml_in_relapse") for one in facts.diagnoses_in(name))
    first_treatment = min(
        (start.first for drug in facts.therapies_in("antileukemic") if (start := drug.started) is not None), default=None
    )
    for diagnosis in dict.fromkeys(diagnoses):
        if diagnosis.verification is Verification.CONFIRMED:
            coded = {stated for value_set, stated in _BY_CODE.items() if diagnosis.is_in(value_set)}
            for stated in sorted(stated_by(diagnosis), key=lambda one: one.value):
                when = _stands_for(diagnosis, facts, first_treatment, by_status=stated not in coded)
                yield Statement(stated, when, diagnosis, dated=False)


def _stands_for(
    diagnosis: Diagnosis, facts: PatientFacts, first_treatment: date | None, *, by_status: bool
) -> DateRange | None:
    """A code: the record's date. A status, and a code on the entry of the first diagnosis: some day since then, up to today."""
    as_of, when = facts.as_of, diagnosis.recorded or diagnosis.onset
    if when is None:
        return _since_birth(facts)
    if when.first > as_of:
        return None
    first_entry = diagnosis.onset is not None and first_treatment is not None and when.first <= first_treatment
    return DateRange(when.first, as_of) if by_status or first_entry else when.until(as_of)


def _since_birth(facts: PatientFacts) -> DateRange:
    """Where a statement has no date."""
    birth = facts.person.birth
    return DateRange(birth.first if birth is not None else EARLIEST, facts.as_of)
