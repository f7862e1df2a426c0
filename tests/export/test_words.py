"""What each word of the trial files becomes in an EvidenceVariable."""

import importlib
import inspect
import json
import pkgutil
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.assumptions import Length, Limit
from cds_service.criteria import predicates
from cds_service.criteria.comparison import Operator
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates import finding
from cds_service.criteria.predicates.antigen import Antigen
from cds_service.criteria.predicates.course import RelapseWhich
from cds_service.criteria.predicates.medicine import Medicine, SingleDose, TreatedFor
from cds_service.criteria.predicates.observation import Observation
from cds_service.criteria.predicates.performance import Derivation, Performance
from cds_service.criteria.predicates.person import Age, Sex
from cds_service.criteria.predicates.recorded import Condition, ProcedureDone
from cds_service.criteria.predicates.silence import Authority
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.read_words import WordReader
from cds_service.criteria.verdict import Answer, Verdict
from cds_service.errors import KnowledgeFault
from cds_service.export.evidence_variable import shared_reading
from cds_service.export.words import form
from cds_service.facts.outcomes import Outcome
from cds_service.strict_yaml import Document
from tests.nobody import NOBODY


def word_of(text: str, knowledge: Knowledge) -> Word:
    faults: list[KnowledgeFault] = []
    word = WordReader(Document("test", None, {}), knowledge.assumptions, faults).read(yaml.load(text, yaml.BaseLoader), "test")
    assert faults == []
    return word


def exported(word: Word, knowledge: Knowledge) -> Any:
    """The word as the one characteristic of an EvidenceVariable."""
    told = shared_reading("asked", replace(knowledge, readings={**knowledge.readings, "asked": word}))
    return json.loads(told.model_dump_json())["characteristic"][0]


def concrete_words() -> set[type[Word]]:
    """Every word class that a trial file can hold."""
    for module in pkgutil.iter_modules(predicates.__path__, f"{predicates.__name__}."):
        importlib.import_module(module.name)
    found, left = set(), [Word]
    while left:
        subclasses = left.pop().__subclasses__()
        found |= {one for one in subclasses if one.__module__.startswith(predicates.__name__)}
        left += subclasses
    return {one for one in found if not inspect.isabstract(one)}


def test_every_word_of_the_vocabulary_has_its_own_line_in_the_export() -> None:
    assert {one.__name__ for one in concrete_words() - form.registry.keys()} == set()
    assert len(concrete_words()) >= 20


SPOKEN_OUT: list[Word] = [
    Age(2, 75),
    Condition(("gvhd",), "medication", Authority("it would be listed"), "active"),
    ProcedureDone(("dialysis",), "medication", Authority("it would be listed")),
    Medicine(
        ("systemic_glucocorticoid",),
        "medication",
        Authority("it would be listed"),
        ("glucocorticoid_indication",),
        ("antiemetic_or_premedication",),
        "antiemetic_course",
        "intravenous",
        SingleDose(Operator.AT_MOST, (Limit(Decimal(30), "mg"),)),
    ),
    TreatedFor(("gvhd",), "medication"),
    finding.TestFinding("pregnancy_test", "positive", "pregnancy_positive", "pregnancy"),
    Observation(("lvef",), Operator.ABOVE, Limit(Decimal(5), "%"), "marrow", "flow", "lvef_echo", True, True),
    Performance(
        "ecog",
        Operator.AT_MOST,
        Decimal(2),
        (Derivation("karnofsky", (Operator.AT_LEAST, Decimal(60)), (Operator.AT_MOST, Decimal(40)), child=False),),
    ),
    Antigen("cd123", flow_only=True, any_detected=True),
    RelapseWhich(True, Length(months=12), Length(months=6), Outcome.NO_REMISSION, by_chemotherapy=True),
    joined.Agree((Age(1), Sex("male")), "they contradict each other"),
]
"""Words with all their optional operands."""


def with_defaults(one: type[Word]) -> set[str]:
    return {field.name for field in fields(one) if field.default is not MISSING}  # type: ignore[arg-type]


def test_no_optional_operand_of_a_word_is_passed_over_in_silence(knowledge: Knowledge) -> None:
    assert {one for one in concrete_words() if with_defaults(one)} == {type(word) for word in SPOKEN_OUT}
    for word in SPOKEN_OUT:
        for field in (field for field in fields(word) if field.name in with_defaults(type(word))):  # type: ignore[arg-type]
            assert getattr(word, field.name) != field.default, f"{type(word).__name__}.{field.name} is not spoken out above"
            without = form(replace(word, **{field.name: field.default}), knowledge)  # type: ignore[type-var]
            assert without.phrase != form(word, knowledge).phrase, f"{type(word).__name__}.{field.name}"


@pytest.mark.parametrize("when", sorted(joined.WHEN))
@pytest.mark.parametrize("answer", list(Answer))
def test_a_ruling_tells_how_it_asks_what_it_answers_and_why(knowledge: Knowledge, when: str, answer: Answer) -> None:
    steps = [
        joined.Step(Sex("male"), answer, when, because, confirm) for because in (None, "a man") for confirm in (False, True)
    ]
    phrases = {form(joined.Cases((step,), Sex("female")), knowledge).phrase for step in steps}
    assert len(phrases) == 4
    assert all(answer.value.replace("_", " ") in phrase for phrase in phrases)


def test_the_ways_in_which_a_ruling_asks_are_told_apart(knowledge: Knowledge) -> None:
    asked = {
        form(joined.Cases((joined.Step(Sex("male"), Answer.MET, when),), Sex("female")), knowledge).phrase
        for when in joined.WHEN
    }
    assert len(asked) == len(joined.WHEN)


@dataclass(frozen=True)
class NewWord(Word):
    """A word that the export has never heard of."""

    value_set: str
    at_least: int
    negated: bool = False
    note: str | None = None

    def evaluate(self, case: Case) -> Verdict:
        raise NotImplementedError


def test_a_word_that_the_export_does_not_know_is_told_in_text_with_its_operands(knowledge: Knowledge) -> None:
    told = exported(NewWord("spleen_size", 0), knowledge)
    assert told == {"definitionCodeableConcept": {"text": "newword: value set spleen size, at least 0"}}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


TYPED = [
    # a limit that is inside is a Range; one that is not is a Quantity with a comparator
    ("{age: completed years, at_least: 18, at_most: 70}", "valueRange", {"low": quantity(18, "a"), "high": quantity(70, "a")}),
    ("{age: completed years, at_least: 18}", "valueRange", {"low": quantity(18, "a")}),
    ("{observation: lvef, at_least: 50 %, window: ever}", "valueRange", {"low": quantity(50, "%")}),
    ("{observation: bilirubin_total, at_most: 34.2 umol/L, window: ever}", "valueRange", {"high": quantity(34.2, "umol/L")}),
    (
        "{observation: creatinine, below: 220 umol/L, window: ever}",
        "valueQuantity",
        quantity(220, "umol/L") | {"comparator": "<"},
    ),
    ("{observation: marrow_blasts, above: 5 %, window: ever}", "valueQuantity", quantity(5, "%") | {"comparator": ">"}),
    ("{oxygen_saturation: on room air, above: 92 %, window: ever}", "valueQuantity", quantity(92, "%") | {"comparator": ">"}),
    ("{performance: ecog, at_most: 2}", "valueRange", {"high": {"value": 2}}),
    ("{course: lines, at_least: 2}", "valueRange", {"low": {"value": 2}}),
    ("{share: bilirubin_direct, of: bilirubin_total, below: 20 %}", "valueQuantity", quantity(20, "%") | {"comparator": "<"}),
    # what the standard cannot say is said in text
    ("{observation: alt, below: 5 x ULN, window: ever}", "valueCodeableConcept", {"text": "below 5 x ULN"}),
    (
        "{observation: qtc, above: qtc_normal, window: ever}",
        "valueCodeableConcept",
        {"text": "above 450 ms in men, 460 ms in women"},
    ),
]


@pytest.mark.parametrize(("text", "element", "value"), TYPED, ids=[text for text, _, _ in TYPED])
def test_a_limit_keeps_its_number_its_unit_and_whether_it_is_inside(
    knowledge: Knowledge, text: str, element: str, value: Any
) -> None:
    defined = exported(word_of(text, knowledge), knowledge)["definitionByTypeAndValue"]
    assert {key: told for key, told in defined.items() if key.startswith("value")} == {element: value}


def value_sets(concept: Any) -> list[str]:
    """The value sets that a CodeableConcept is constrained to."""
    return [
        extension["valueUri"].removeprefix("https://cds-service.example/ValueSet/")
        for coding in concept.get("coding", [])
        for extension in coding.get("extension", [])
        if extension["url"] == "http://hl7.org/fhir/StructureDefinition/valueset-reference"
    ]


CODED = [
    (
        "{observation: [marrow_blasts_flow, marrow_blasts], above: 1 %, window: ever}",
        ["marrow_blasts_flow", "marrow_blasts"],
        [],
    ),
    ("{condition: gvhd_chronic, status: unresolved}", [], ["gvhd_chronic"]),
    ("{condition: [myocardial_infarction, unstable_angina]}", [], ["myocardial_infarction", "unstable_angina"]),
    ("{procedure: dialysis, within: medication_unclear}", [], ["dialysis"]),
    ("{therapy: systemic_glucocorticoid, within: medication}", [], ["systemic_glucocorticoid"]),
    ("{finding: hiv_screen, is: negative, window: serology_negative}", ["hiv_screen"], ["negative"]),
    ("{antigen: cd123, by: flow cytometry}", ["cd123"], []),
]


@pytest.mark.parametrize(("text", "kind", "value"), CODED, ids=[text for text, _, _ in CODED])
def test_a_test_disease_or_drug_names_its_value_set(knowledge: Knowledge, text: str, kind: list[str], value: list[str]) -> None:
    defined = exported(word_of(text, knowledge), knowledge)["definitionByTypeAndValue"]
    assert value_sets(defined["type"]) == kind
    assert value_sets(defined.get("valueCodeableConcept", {})) == value
    assert defined["type"]["text"]


def test_a_sex_is_its_code(knowledge: Knowledge) -> None:
    told = exported(word_of("{sex: female}", knowledge), knowledge)["definitionByTypeAndValue"]["valueCodeableConcept"]
    assert told["coding"] == [{"system": "http://hl7.org/fhir/administrative-gender", "code": "female"}]


TIMED = [
    ("{observation: alt, below: 5 x ULN, window: chemistry}", {"low": quantity(-28, "d"), "high": quantity(0, "d")}),
    ("{condition: unstable_angina, within: heart_event}", {"low": quantity(-6, "mo"), "high": quantity(0, "mo")}),
    ("{therapy: systemic_glucocorticoid, within: medication}", {"low": quantity(-14, "d"), "high": quantity(0, "d")}),
    ("{finding: hiv_screen, is: positive, window: ever}", None),
    ("{condition: epilepsy}", None),
]


@pytest.mark.parametrize(("text", "span"), TIMED, ids=[text for text, _ in TIMED])
def test_how_long_a_fact_counts_is_a_time_before_the_day_of_judging(knowledge: Knowledge, text: str, span: Any) -> None:
    timing = exported(word_of(text, knowledge), knowledge).get("timeFromEvent", [])
    assert [time["range"] for time in timing] == ([span] if span else [])


SAID = [
    (
        "{condition: gvhd, if_absent: not_met, because: it would be listed, history: needed}",
        ["none found", "it would be listed"],
    ),
    ("{therapy: systemic_glucocorticoid, for: glucocorticoid_indication}", ["given for"]),
    ("{therapy: systemic_glucocorticoid, but_not_for: antiemetic_or_premedication, briefly: antiemetic_course}", ["5 days"]),
    ("{therapy: anti_infective_intravenous, route: intravenous}", ["intravenous"]),
    (
        "{observation: marrow_blasts, above: 5 %, window: marrow, by: morphology, since: last treatment}",
        ["by morphology", "since the last treatment", "up to 56 days"],
    ),
    (
        "{observation: lvef, at_least: 50 %, window: echocardiography, preferring: lvef_echo}",
        ["another method to be confirmed"],
    ),
    ("{observation: lvef, at_least: 50 %, window: echocardiography}", ["outdated by anthracycline or heart failure"]),
    (
        "{performance: ecog, at_most: 2, derived: [{scale: karnofsky, met: {at_least: 60}, not_met: {at_most: 40}}]}",
        ["Karnofsky performance status: met where at least 60, not met where at most 40"],
    ),
    ("{antigen: cd123, by: flow cytometry, positive: if detected}", ["by flow cytometry", "any detection counts"]),
    ("{finding: hiv_screen, is: positive, window: ever}", ["any result at any time"]),
    ('{ask: "Is it so?"}', ["a person is asked: Is it so?"]),
    ("{ask_list: exclusion criteria}", ["list is not known"]),
    ("{answer: unknown, because: the sentence is cut off}", ["unknown: the sentence is cut off"]),
    ("{course: active}", ["active disease now"]),
    ("{course: relapses, at_least: 2}", ["number of relapses at least 2"]),
    ("{course: persistent_extramedullary_disease}", ["persistent extramedullary disease"]),
    ("{course: response_to_last_line, is: no remission}", ["the last line", "no remission"]),
    ("{course: relapse, after_remission_of: {at_most: 12 months}}", ["a relapse at most 12 months after the remission"]),
    (
        "{course: last_relapse, after_remission_of: {above: 6 months}, then: no remission}",
        ["the last relapse more than 6 months after the remission", "with no remission after its treatment"],
    ),
    ("{course: relapse, then: no remission, treated_with: chemotherapy}", ["no remission after chemotherapy"]),
    ("{sex: any}", ["any sex"]),
    ("agree: [{age: completed years, at_least: 1}, {sex: male}]", ["unknown where they differ", "at least 1", "sex male"]),
    (
        "cases: [{found: {sex: male}, answer: not_met, confirm: true, because: a man}, {otherwise: {sex: female}}]",
        ["if surely sex male: not met, to be confirmed (a man)", "otherwise as sex female"],
    ),
]


@pytest.mark.parametrize(("text", "said"), SAID, ids=[text for text, _ in SAID])
def test_what_the_standard_cannot_say_stands_in_the_phrase(knowledge: Knowledge, text: str, said: list[str]) -> None:
    phrase = form(word_of(text, knowledge), knowledge).phrase
    assert [part for part in said if part not in phrase] == []
    assert phrase in json.dumps(exported(word_of(text, knowledge), knowledge), ensure_ascii=False)


leaves = st.builds(joined.Settled, st.sampled_from([Answer.MET, Answer.NOT_MET]), st.text("abc", min_size=1, max_size=3))
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(joined.Not, inner)
        | st.lists(inner, min_size=1, max_size=3).map(lambda words: joined.All(tuple(words)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda words: joined.Any(tuple(words)))
        | st.lists(inner, min_size=2, max_size=3).map(lambda words: joined.Count(2, tuple(words)))
    ),
    max_leaves=8,
)


def holds(characteristic: Any) -> bool:
    """A characteristic read as the standard says, where each leaf tells in text whether it is met."""
    if "definitionByCombination" in characteristic:
        combination = characteristic["definitionByCombination"]
        parts = [holds(part) for part in combination["characteristic"]]
        threshold = {"all-of": len(parts), "any-of": 1, "at-least": combination.get("threshold")}[combination["code"]]
        assert (combination["code"] == "at-least") is ("threshold" in combination)
        met = sum(parts) >= threshold
    else:
        met = characteristic["definitionCodeableConcept"]["text"].startswith("met:")
    return met is not characteristic.get("exclude", False)


@given(word=trees)
@settings(max_examples=60, deadline=None)
def test_a_tree_of_all_any_not_and_count_reads_the_same_in_the_export(knowledge: Knowledge, word: Word) -> None:
    answer = word.evaluate(NOBODY).answer  # no leaf asks for the patient
    assert holds(exported(word, knowledge)) is (answer is Answer.MET)
