"""Recognising a concept costs little the second time, and leaves nothing of a patient behind."""

import gc
import json
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts.concepts import Recogniser
from cds_service.fhir import resources as fhir
from cds_service.terminology.codes import LOINC
from cds_service.terminology.text_net import AllWords, TextNet, normalised
from cds_service.terminology.value_set import LONGEST_REMEMBERED, REMEMBERED, AskedOf


class Words(str):
    """A text of which can be seen whether anybody still holds it."""

    __slots__ = ("__weakref__",)


def test_a_patients_own_words_are_forgotten_with_the_record(knowledge: Knowledge) -> None:
    words = Words("Sodium of Zzyzx, taken at home")
    concept = fhir.CodeableConcept((fhir.Coding(LOINC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma"),), words)
    recogniser = Recogniser(knowledge.terminology)
    recogniser.recognise(AskedOf.OBSERVATION, (concept,), [words])
    held = weakref.ref(words)
    del words, concept, recogniser
    gc.collect()
    assert held() is None


@pytest.mark.parametrize("system", [None, LOINC])
def test_a_display_without_a_code_is_a_patients_own_words_too(knowledge: Knowledge, system: str | None) -> None:
    words = Words("Zzyzx")
    concept = fhir.CodeableConcept((fhir.Coding(system, None, words),))
    Recogniser(knowledge.terminology).recognise(AskedOf.OBSERVATION, (concept,))
    held = weakref.ref(words)
    del words, concept
    gc.collect()
    assert held() is None


SODIUM = "Sodium [Moles/volume] in Serum or Plasma"


@pytest.mark.parametrize(
    "coding",
    [
        lambda: (fhir.Coding(None, Words("Jane Zzyzx, 2 Elm Street")),),
        lambda: (fhir.Coding(LOINC, "2951-2"), fhir.Coding(None, Words("Zzyzx"))),
        lambda: (fhir.Coding(Words(LOINC + "/" * LONGEST_REMEMBERED), "2951-2", SODIUM),),
        lambda: tuple(fhir.Coding(LOINC, Words("2951-2"), SODIUM) for _ in range(LONGEST_REMEMBERED // len(SODIUM))),
        lambda: (fhir.Coding("urn:local", Words("1" * (LONGEST_REMEMBERED + 1)), "Acute myeloid leukemia"),),
    ],
    ids=["code without a system", "beside a good one", "a padded system", "very many", "a long code with words"],
)
@pytest.mark.parametrize("asked_of", [AskedOf.OBSERVATION, AskedOf.CONDITION])
def test_what_is_no_code_of_a_system_or_would_fill_the_memory_is_forgotten_too(
    knowledge: Knowledge, coding: Callable[[], tuple[fhir.Coding, ...]], asked_of: AskedOf
) -> None:
    coded = coding()
    Recogniser(knowledge.terminology).recognise(asked_of, (fhir.CodeableConcept(coded),))
    held = [weakref.ref(part) for one in coded for part in (one.system, one.code, one.display) if isinstance(part, Words)]
    assert held
    del coded
    gc.collect()
    assert not [one for one in held if one() is not None]


def test_of_what_codes_mean_in_other_charts_no_more_is_remembered_than_a_bound(knowledge: Knowledge) -> None:
    code = Words("first-of-many")
    held = weakref.ref(code)
    Recogniser(knowledge.terminology).recognise(AskedOf.OBSERVATION, (fhir.CodeableConcept((fhir.Coding(LOINC, code),)),))
    del code
    assert held() is not None
    for number in range(REMEMBERED):
        other = fhir.CodeableConcept((fhir.Coding("urn:local", f"{number}"),))
        Recogniser(knowledge.terminology).recognise(AskedOf.OBSERVATION, (other,))
    gc.collect()
    assert held() is None


def test_the_same_concept_means_the_same_in_the_next_chart(knowledge: Knowledge) -> None:
    concept = fhir.CodeableConcept((fhir.Coding(LOINC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma"),))
    first, second = (Recogniser(knowledge.terminology).recognise(AskedOf.OBSERVATION, (concept,)) for _ in range(2))
    assert first is second


def test_words_beside_a_code_that_was_seen_before_are_read_nevertheless(knowledge: Knowledge) -> None:
    coded = fhir.CodeableConcept((fhir.Coding("urn:local", "17", "Result"),))
    worded = fhir.CodeableConcept(coded.coding, "Blasts in bone marrow")
    recogniser = Recogniser(knowledge.terminology)
    assert not recogniser.recognise(AskedOf.OBSERVATION, (coded,)).by_text
    assert recogniser.recognise(AskedOf.OBSERVATION, (worded,)).by_text == {"marrow_blasts"}
    assert recogniser.recognise(AskedOf.OBSERVATION, (coded,), ["Blasts in bone marrow"]).by_text == {"marrow_blasts"}


def test_a_test_that_a_chart_repeats_is_looked_at_once_and_one_of_other_words_again(knowledge: Knowledge) -> None:
    local = (fhir.Coding("urn:local", "17", "Result"),)
    recogniser = Recogniser(knowledge.terminology)
    worded = [recogniser.test(fhir.CodeableConcept(local, "Blasts in bone marrow")) for _ in range(2)]
    assert worded[0] is worded[1]
    assert worded[0].named == {"marrow_blasts"}
    assert not recogniser.test(fhir.CodeableConcept(local, "Sodium")).named
    assert not recogniser.test(None).named


def texts_in(value: Any) -> Iterator[str]:
    """The displays and texts of a JSON document."""
    if isinstance(value, dict):
        yield from (text for key in ("display", "text", "conclusion") if isinstance(text := value.get(key), str))
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(part)


@cache
def texts_in_value_sets() -> frozenset[str]:
    files = Path("cds_service/terminology/value_sets").glob("*.json")
    return frozenset(text for file in files for text in texts_in(json.loads(file.read_text(encoding="utf-8"))))


def test_no_net_finds_anything_in_a_text_in_which_all_words_together_find_nothing(knowledge: Knowledge) -> None:
    files = [*Path("fhir_fixtures/patients").glob("*.json"), *Path("cds_service/terminology/value_sets").glob("*.json")]
    texts = {normalised(text) for file in files for text in texts_in(json.loads(file.read_text(encoding="utf-8")))}
    found = 0
    for kind in AskedOf:
        nets = [one.net for one in knowledge.terminology if one.asked_of is kind and one.net is not None]
        words = AllWords(nets)
        for text in {*texts, *(text.upper() for text in texts)}:
            mentioned = any(net.places(text) for net in nets)
            assert words.occur_in(text) is mentioned, text
            found += mentioned
    assert found > 1_000


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("单倍|半相合", "半相合移植"),
        ("h?aemodialysis", "on aemodialysis"),
        ("a{1,2}naemia", "Aanaemia"),
        ("[粘黏]菌素", "黏菌素"),
        ("(?:allo|auto)-?sct|graft", "a graft"),
        ("x(?:ray|-ray)", "X-ray"),
        (r"\bMMF\b", "mmf 500 mg"),
        ("é?toposide", "toposide"),
    ],
)
def test_a_word_is_found_with_whatever_letter_it_may_begin(word: str, text: str) -> None:
    others = TextNet(("zoster", "白血病", "graves", "mmr"))
    assert AllWords([others, TextNet((word,))]).occur_in(text)


LIKE = {"i": "\u0130\u0131\uff49", "s": "\u017f\uff33", "k": "\u212a", "\u03b1": "\u0391", "\u03bc": "\u00b5"}
"""Letters that are the same to a comparison in either case, though the one is not the other's small letter."""


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_letters_of_other_scripts_and_cases_hide_no_word_from_all_words_together(
    knowledge: Knowledge, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from([AskedOf.CONDITION, AskedOf.MEDICATION, AskedOf.OBSERVATION]))
    nets = [one.net for one in knowledge.terminology if one.asked_of is kind and one.net is not None]
    text = data.draw(st.sampled_from(sorted(texts_in_value_sets())))
    changed = "".join(
        data.draw(st.sampled_from((letter, letter, letter.upper(), *LIKE.get(letter.lower(), "")))) for letter in text[:40]
    )
    text = f"{data.draw(st.text(max_size=3))}{changed}{data.draw(st.text(max_size=3))}"
    assert AllWords(nets).occur_in(text) is any(net.places(normalised(text)) for net in nets)


@pytest.mark.parametrize("text", ["leukem\u0131a", "LEUKEM\u0130A", "acute mye\u017floid leu\u212aemia"])
def test_a_leukaemia_is_recognised_in_letters_of_other_alphabets(knowledge: Knowledge, text: str) -> None:
    assert knowledge.terminology.recognise(AskedOf.CONDITION, [], [text]).named


def test_a_display_that_is_no_name_is_not_remembered(knowledge: Knowledge) -> None:
    words = Words("a" * (LONGEST_REMEMBERED + 1))
    concept = fhir.CodeableConcept((fhir.Coding(LOINC, "2951-2", words),))
    Recogniser(knowledge.terminology).recognise(AskedOf.CONDITION, (concept,))
    held = weakref.ref(words)
    del words, concept
    gc.collect()
    assert held() is None


def test_a_net_without_words_finds_nothing() -> None:
    assert TextNet(()).places("AML") == []
    assert not AllWords([]).occur_in("AML")
    assert not AllWords([]).occur_in("白血病")
