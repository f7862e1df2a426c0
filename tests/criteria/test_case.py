"""A case asks equal words once for each course of the disease, and never takes one word for another."""

import gc
from dataclasses import dataclass, replace

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.combinations import Settled
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.verdict import Answer, Verdict
from cds_service.facts.concepts import Recogniser
from cds_service.facts.extract import facts
from cds_service.fhir.bundle import read_bundle
from tests.conftest import ZONE
from tests.records import AS_OF, relapsed_aml

ASKED: list[str] = []


@dataclass(frozen=True)
class Noted(Word):
    """A word that notes that it was asked."""

    name: str

    def evaluate(self, case: Case) -> Verdict:
        ASKED.append(self.name)
        return Verdict(Answer.MET)


def case_of(knowledge: Knowledge) -> Case:
    return knowledge.case(facts(read_bundle(relapsed_aml().body()), Recogniser(knowledge.terminology), AS_OF, ZONE))


def knowing(knowledge: Knowledge, **readings: Word) -> Knowledge:
    return replace(knowledge, readings={**knowledge.readings, **readings})


def test_equal_words_of_the_files_are_asked_once(knowledge: Knowledge) -> None:
    one, other, third = Noted("a"), Noted("a"), Noted("b")
    case = case_of(knowing(knowledge, one=one, other=other, third=third))
    ASKED.clear()
    assert {case.ask(word).answer for word in (one, other, one, third)} == {Answer.MET}
    assert ASKED == ["a", "b"]


def test_a_word_of_the_files_is_asked_anew_for_another_course(knowledge: Knowledge) -> None:
    word = Noted("a")
    case = case_of(knowing(knowledge, word=word))
    other = replace(case, course=replace(case.course))
    ASKED.clear()
    for asked in (case, other, case, other):
        asked.ask(word)
    assert ASKED == ["a", "a"]


def test_a_word_of_no_file_is_asked_each_time(knowledge: Knowledge) -> None:
    case, word = case_of(knowledge), Noted("a")
    ASKED.clear()
    case.ask(word)
    case.ask(word)
    assert ASKED == ["a", "a"]


@pytest.mark.parametrize("answer", [Answer.MET, Answer.NOT_MET])
def test_a_word_made_after_the_files_were_forgotten_gets_its_own_answer(knowledge: Knowledge, answer: Answer) -> None:
    opposite = Answer.NOT_MET if answer is Answer.MET else Answer.MET
    apart = knowing(knowledge, **{f"word{number}": Settled(opposite, f"{number}") for number in range(500)})
    case = case_of(apart)
    for word in apart.readings.values():
        case.ask(word)
    del apart, word
    gc.collect()
    assert {case.ask(Settled(answer, f"{number}")).answer for number in range(5_000)} == {answer}
