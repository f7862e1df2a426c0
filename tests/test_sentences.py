"""The sentences, of which each kind of reason has one."""

from inspect import signature
from typing import Any, get_args

import pytest

from cds_service.criteria.reasons import Reason, Recorded
from cds_service.sentences import SENTENCES


def test_every_kind_of_reason_has_a_sentence() -> None:
    assert {*SENTENCES, Recorded} == {*get_args(Reason)}


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_sentence_is_made_by_the_function_of_its_kind(kind: type[Any]) -> None:
    (parameter,) = signature(SENTENCES[kind]).parameters.values()
    assert kind in (get_args(parameter.annotation) or (parameter.annotation,))
