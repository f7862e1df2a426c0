"""The sentences, of which each kind of reason has one."""

from inspect import signature
from typing import Any, get_args

import pytest

from cds_service.criteria.course_reasons import NotCounted
from cds_service.criteria.reasons import LongAgo, Reason, Recorded
from cds_service.facts.model import Therapy
from cds_service.sentences import SENTENCES
from cds_service.terminology.value_set import NOTHING


def test_every_kind_of_reason_has_a_sentence() -> None:
    assert {*SENTENCES, Recorded} == {*get_args(Reason)}


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_sentence_is_made_by_the_function_of_its_kind(kind: type[Any]) -> None:
    (parameter,) = signature(SENTENCES[kind]).parameters.values()
    assert kind in (get_args(parameter.annotation) or (parameter.annotation,))


@pytest.mark.parametrize("told", [NotCounted, LongAgo])
def test_nothing_that_steers_a_screen_comes_from_a_records_words_into_a_sentence(told: type[Any]) -> None:
    therapy = Therapy("MedicationStatement/1", "\x1b[31mcyta\nrabine", NOTHING, None)
    sentence = SENTENCES[told](told((therapy,) if told is NotCounted else therapy))
    assert sentence.isprintable()
    assert "rabine" in sentence
