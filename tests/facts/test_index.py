"""Facts are found by what they are, or may be, in the order of the record."""

from dataclasses import dataclass

import pytest

from cds_service.facts.index import Index
from cds_service.terminology.value_set import Recognition


@dataclass(frozen=True)
class Fact:
    name: str
    recognition: Recognition


CODED = Fact("coded", Recognition(by_code=frozenset({"aml", "leukemia"})))
WORDED = Fact("worded", Recognition(by_text=frozenset({"aml"})))
DOUBTED = Fact("doubted", Recognition(by_text=frozenset({"aml"}), doubted=frozenset({"aml"})))
DENIED = Fact("denied", Recognition(denied=frozenset({"aml"})))
OTHER = Fact("other", Recognition(by_code=frozenset({"diabetes"})))
INDEX = Index((DENIED, DOUBTED, OTHER, WORDED, CODED))


@pytest.mark.parametrize(
    ("name", "found"), [("aml", [WORDED, CODED]), ("leukemia", [CODED]), ("diabetes", [OTHER]), ("gvhd", [])]
)
def test_what_is_in_a_value_set_is_what_a_code_or_words_say_without_a_doubt(name: str, found: list[Fact]) -> None:
    assert list(INDEX.within(name)) == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("aml",), [DOUBTED, WORDED, CODED]),
        (("leukemia", "diabetes"), [OTHER, CODED]),
        (("aml", "leukemia"), [DOUBTED, WORDED, CODED]),
        (("gvhd",), []),
        ((), []),
    ],
)
def test_what_may_be_one_of_several_is_found_once_and_a_denial_is_not(names: tuple[str, ...], found: list[Fact]) -> None:
    assert list(INDEX.naming(names)) == found
