"""What is known before a patient is asked about is what asking would have told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.recorded import Condition
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.verdict import Answer, Verdict
from cds_service.facts.concepts import Recogniser
from cds_service.facts.extract import facts
from cds_service.facts.model import Diagnosis, Kind, PatientFacts, Person, Procedure, Result, Therapy
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.value_set import NOTHING, Recognition
from tests.compositions import Resources, body_of, records
from tests.conftest import ZONE
from tests.records import AS_OF

ALL = frozenset(Kind)
NOBODY = Person("Patient/1", birth=None, sex=None)
RECOGNITIONS: dict[str, Callable[[str], Recognition]] = {
    "by its code": lambda name: Recognition(by_code=frozenset({name}), has_text=True),
    "by its words": lambda name: Recognition(by_text=frozenset({name}), has_text=True),
    "against its code": lambda name: Recognition(by_text=frozenset({name}), disputed=frozenset({name}), has_text=True),
    "in doubt": lambda name: Recognition(doubted=frozenset({name}), has_text=True),
    "denied": lambda name: Recognition(denied=frozenset({name}), has_text=True),
}


def words_of(case: Case) -> list[Word]:
    return [word for word, _ in case.numbers.values()]


def asking_everything(case: Case) -> Case:
    """The same case, of which nothing is known beforehand."""
    return replace(case, beforehand={}, _readings={}, _by_course={})


def differing(case: Case) -> list[Word]:
    asking = asking_everything(case)
    return [word for word in words_of(case) if case.ask(word) != asking.ask(word)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=records(), searched=st.sets(st.sampled_from(sorted(Kind, key=lambda kind: kind.value)), min_size=2))
def test_every_word_of_the_trial_files_answers_as_if_nothing_had_been_known_beforehand(
    knowledge: Knowledge, record: Resources, searched: set[Kind]
) -> None:
    known = facts(read_bundle(body_of(record)), Recogniser(knowledge.terminology), AS_OF, ZONE)
    for had in (known.searched, frozenset(searched)):
        assert differing(knowledge.case(replace(known, searched=had))) == []


def on_record(recognition: Recognition) -> Iterator[PatientFacts]:
    """One entry of each kind that is recognised so, and a medicine and a procedure for the sake of it."""
    about: Any = ("Condition/1", "an entry", recognition, None)
    drug, done = Therapy("MedicationStatement/1", "x", NOTHING, None), Procedure("Procedure/1", "x", NOTHING, None)
    yield PatientFacts(NOBODY, AS_OF, diagnoses=(Diagnosis(*about),), searched=ALL)
    yield PatientFacts(NOBODY, AS_OF, results=(Result(*about, words="positive"),), searched=ALL)
    yield PatientFacts(NOBODY, AS_OF, therapies=(Therapy(*about),), searched=ALL)
    yield PatientFacts(NOBODY, AS_OF, procedures=(Procedure(*about),), searched=ALL)
    yield PatientFacts(NOBODY, AS_OF, therapies=(_given_for(drug, recognition),), searched=ALL)
    yield PatientFacts(NOBODY, AS_OF, procedures=(_given_for(done, recognition),), searched=ALL)


def _given_for(treatment: Any, reasons: Recognition) -> Any:
    return structs.replace(treatment, reasons=reasons)


@pytest.mark.parametrize("how", RECOGNITIONS)
def test_one_entry_of_any_value_set_is_asked_about_by_all_words_that_it_concerns(knowledge: Knowledge, how: str) -> None:
    names = [one.name for one in knowledge.terminology]
    assert len(names) > 100
    for name in names:
        for one in on_record(RECOGNITIONS[how](name)):
            assert differing(knowledge.case(one)) == [], name


@pytest.mark.parametrize("has_text", [True, False])
def test_an_entry_that_nobody_understands_is_asked_about_by_all_that_it_may_be(knowledge: Knowledge, has_text: bool) -> None:
    for one in on_record(Recognition(systems=frozenset({"urn:local"}), has_text=has_text)):
        assert differing(knowledge.case(one)) == []


@dataclass(frozen=True)
class Watched(PatientFacts):
    """Facts that note which value sets they are asked for."""

    asked: set[str] = field(default_factory=set)

    def results_in(self, value_set: str) -> tuple[Result, ...]:
        self.asked.add(value_set)
        return super().results_in(value_set)

    def results_in_any(self, value_sets: Any) -> Any:
        self.asked.update(value_sets)
        return super().results_in_any(value_sets)

    def results_naming(self, value_sets: Any) -> Any:
        self.asked.update(value_sets)
        return super().results_naming(value_sets)

    def diagnoses_in(self, value_set: str) -> tuple[Diagnosis, ...]:
        self.asked.add(value_set)
        return super().diagnoses_in(value_set)

    def diagnoses_naming(self, value_sets: Any) -> Any:
        self.asked.update(value_sets)
        return super().diagnoses_naming(value_sets)

    def therapies_in(self, value_set: str) -> tuple[Therapy, ...]:
        self.asked.add(value_set)
        return super().therapies_in(value_set)

    def therapies_naming(self, value_sets: Any) -> Any:
        self.asked.update(value_sets)
        return super().therapies_naming(value_sets)

    def procedures_in(self, value_set: str) -> tuple[Procedure, ...]:
        self.asked.add(value_set)
        return super().procedures_in(value_set)

    def procedures_naming(self, value_sets: Any) -> Any:
        self.asked.update(value_sets)
        return super().procedures_naming(value_sets)


def test_a_word_that_is_known_beforehand_looks_for_no_value_set_but_those_that_make_it_be_asked(knowledge: Knowledge) -> None:
    nothing = PatientFacts(NOBODY, AS_OF, searched=ALL)
    beforehand = knowledge._beforehand(ALL)
    case = asking_everything(knowledge.case(nothing))
    for word in words_of(case):
        case.ask(word)  # so that the windows are laid, which look for what would supersede results
    for word, number in case.numbers.values():
        if number in beforehand.answers:
            watched = Watched(NOBODY, AS_OF, searched=ALL)
            replace(case, facts=watched, _readings={}, _by_course={}).ask(word)
            assert watched.asked <= {name for name, numbers in beforehand.asking_for.items() if number in numbers}, word


def test_most_words_need_not_be_asked_of_somebody_of_whom_nothing_is_on_record(knowledge: Knowledge) -> None:
    """Which is what it is done for."""
    case = knowledge.case(PatientFacts(NOBODY, AS_OF, searched=ALL))
    assert len(case.beforehand) > 200


@dataclass(frozen=True)
class ForWomen(Condition):
    """A word of a listed word's kind that asks for more than what is found."""

    def evaluate(self, case: Case) -> Verdict:
        return Verdict(Answer.MET if case.facts.person.sex == "female" else Answer.NOT_MET)


def test_a_new_word_is_asked_until_it_is_listed_whatever_it_is_made_of(knowledge: Knowledge) -> None:
    word = ForWomen(("aml",))
    known = replace(knowledge, readings={**knowledge.readings, "for_women": word})
    woman = PatientFacts(Person("Patient/1", birth=None, sex="female"), AS_OF, searched=ALL)
    assert known.case(woman).ask(word).answer is Answer.MET


def test_what_silence_says_depends_on_what_was_searched(knowledge: Knowledge) -> None:
    told = [
        knowledge.case(PatientFacts(NOBODY, AS_OF, searched=frozenset(searched))).beforehand
        for count in range(len(ALL) + 1)
        for searched in combinations(sorted(ALL, key=lambda kind: kind.value), count)
    ]
    assert all(one.keys() == told[0].keys() for one in told)
    assert len({tuple(one.values()) for one in told}) > 4
