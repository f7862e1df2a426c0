"""age, sex, ask: what is asked of the patient's person, or of a person."""

from dataclasses import dataclass
from decimal import Decimal

from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import (
    AgeCompared,
    AgeUnclear,
    Born,
    Detail,
    Gender,
    ListNotKnown,
    Question,
    SexIs,
    Wanted,
)
from cds_service.criteria.verdict import Answer, Evidence, Missing, Verdict, met, not_met, unknown
from cds_service.dates import completed_years
from cds_service.facts.model import Fact
from cds_service.terminology.value_set import NOTHING


def person_evidence(case: Case, detail: Detail) -> Evidence:
    """The Patient resource as evidence."""
    person = case.facts.person
    return Evidence(Fact(person.reference, "Patient", NOTHING, None), detail=detail)


@dataclass(frozen=True)
class Age(Word):
    """Age in completed years, both limits inside."""

    at_least: int | None = None
    at_most: int | None = None

    def evaluate(self, case: Case) -> Verdict:
        birth, missing = case.facts.person.birth, [Missing(Wanted.BIRTH_DATE)]
        if birth is None:
            return unknown(AgeUnclear(), missing=missing)
        evidence = [person_evidence(case, Born(birth))]
        low, high = completed_years(birth, case.facts.as_of)
        plausible = case.assumptions.plausible.get("age")
        if birth.first > case.facts.as_of or (plausible is not None and not plausible.holds(Decimal(low))):
            return unknown(AgeUnclear(), evidence=evidence, missing=missing)
        answers = {self._holds(years) for years in range(low, high + 1)}
        if len(answers) > 1:
            return unknown(AgeUnclear((low, high), self.at_least, self.at_most), evidence=evidence, missing=missing)
        holds = answers.pop()
        return (met if holds else not_met)(AgeCompared(low, self.at_least, self.at_most, holds), evidence=evidence)

    def _holds(self, years: int) -> bool:
        above = self.at_least is None or years >= self.at_least
        return above and (self.at_most is None or years <= self.at_most)


@dataclass(frozen=True)
class Sex(Word):
    """Administrative gender. `any` has no restriction and is always met."""

    sex: str

    def evaluate(self, case: Case) -> Verdict:
        sex = case.facts.person.sex
        if self.sex == "any":
            return met(SexIs(sex, any=True))
        if sex not in ("male", "female"):
            return unknown(SexIs(sex), missing=[Missing(Wanted.SEX)])
        answer = met if sex == self.sex else not_met
        return answer(SexIs(sex), evidence=[person_evidence(case, Gender(sex))])


@dataclass(frozen=True)
class Ask(Word):
    """What no record can answer: unknown, and the question goes to a person."""

    question: str

    def evaluate(self, case: Case) -> Verdict:
        return Verdict(Answer.UNKNOWN, (Question(self.question),), asked=True)


@dataclass(frozen=True)
class AskList(Word):
    """A list of criteria that the protocol has and we do not know."""

    def evaluate(self, case: Case) -> Verdict:
        return Verdict(Answer.UNKNOWN, (ListNotKnown(),), asked=True)
