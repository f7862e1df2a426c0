"""Which codes and words mean what: above all, what must never read as "no other malignancy"."""

import json
from pathlib import Path

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import KnowledgeErrors
from cds_service.terminology import value_set_files
from cds_service.terminology.assertion import Assertion
from cds_service.terminology.codes import ICD_10, ICD_10_CM, LOINC, SNOMED_CT, Coding, canonical_system
from cds_service.terminology.text_net import TextNet
from cds_service.terminology.value_set import AskedOf
from cds_service.terminology.value_set_files import DIRECTORY

CODES = [
    (ICD_10_CM, "C50.911", "other_malignancy"),
    (ICD_10_CM, "C50911", "other_malignancy"),
    (ICD_10_CM, "c50.911", "other_malignancy"),
    (ICD_10, "C50.9", "other_malignancy"),
    (SNOMED_CT, "865954003", "other_malignancy"),
    (ICD_10_CM, "Z85.3", "other_malignancy"),
    (ICD_10_CM, "C91.00", "other_malignancy"),
    (ICD_10_CM, "C83.30", "other_malignancy"),
    (ICD_10_CM, "C44.01", "malignancy_unclear"),
    (ICD_10_CM, "D05.10", "malignancy_unclear"),
    (ICD_10, "D05.1", "malignancy_unclear"),
    (ICD_10, "C80", "malignancy_unclear"),
    (ICD_10_CM, "C79.51", "malignancy_unclear"),
    (ICD_10_CM, "C92.02", "aml"),
    (ICD_10_CM, "C92.02", "aml_in_relapse"),
    (ICD_10_CM, "C92.01", "aml_in_remission"),
    (ICD_10_CM, "C93.02", "aml_in_relapse"),
    (ICD_10, "C92.0", "aml"),
    (ICD_10_CM, "C92.42", "apl"),
    (ICD_10_CM, "C95.90", "acute_leukemia_unspecified"),
    (ICD_10_CM, "C92.90", "acute_leukemia_unspecified"),
    (ICD_10_CM, "C92.10", "leukemia_precursor"),
    (ICD_10_CM, "D46.9", "leukemia_precursor"),
    (ICD_10_CM, "Z85.6", "history_of_leukemia"),
    (ICD_10_CM, "C86.40", "bpdcn"),
]
NOT = [
    ("C92.00", "other_malignancy"),
    ("C92.42", "aml"),
    ("C92.10", "other_malignancy"),
    ("C44.01", "other_malignancy"),
    ("Z85.6", "malignancy_unclear"),
    ("E11.9", "other_malignancy"),
    ("R94.31", "long_qt"),
    ("R75", "hiv_infection"),
    ("Z39.1", "pregnancy"),
    ("I25.2", "myocardial_infarction"),
    ("R56.9", "epilepsy"),
    ("D81.810", "immunodeficiency_primary"),
]


@pytest.mark.parametrize(("system", "code", "name"), CODES)
def test_the_code_is_in_the_set(knowledge: Knowledge, system: str, code: str, name: str) -> None:
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [Coding(system, code)], [])
    assert name in recognised.by_code


@pytest.mark.parametrize(("code", "name"), NOT)
def test_the_code_is_not_in_the_set(knowledge: Knowledge, code: str, name: str) -> None:
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [Coding(ICD_10_CM, code)], [])
    assert not recognised.is_in(name)


TEXTS = [
    ("Breast cancer", "other_malignancy"),
    ("Ca breast", "other_malignancy"),
    ("Invasive ductal carcinoma, left breast", "other_malignancy"),
    ("Mammakarzinom", "other_malignancy"),
    ("Cáncer de mama", "other_malignancy"),
    ("Cancer du sein", "other_malignancy"),
    ("乳腺癌", "other_malignancy"),
    ("Metastatic breast cancer", "other_malignancy"),
    ("Hodgkin lymphoma", "other_malignancy"),
    ("NSCLC", "other_malignancy"),
    ("Basal cell carcinoma of nose", "malignancy_unclear"),
    ("DCIS left", "malignancy_unclear"),
    ("Cancer", "malignancy_unclear"),
    ("AML", "aml"),
    ("Acute myeloid leukemia", "aml"),
    ("急性髓系白血病", "aml"),
    ("Relapsed acute myeloid leukemia", "aml_in_relapse"),
    ("Acute leukemia", "acute_leukemia_unspecified"),
    ("Acute promyelocytic leukemia", "apl"),
    ("CML", "leukemia_precursor"),
]
SILENT = [
    ("No history of breast cancer", "other_malignancy"),
    ("Family history of breast cancer", "other_malignancy"),
    ("Screening for malignant neoplasm of breast", "other_malignancy"),
    ("Tumor lysis syndrome", "other_malignancy"),
    ("Acute myeloid leukemia", "other_malignancy"),
    ("Acute promyelocytic leukemia", "aml"),
    ("Acute lymphoblastic leukemia", "acute_leukemia_unspecified"),
    ("AML, not in remission", "aml_in_remission"),
    ("AML ruled out", "aml"),
    ("HIV negative", "hiv_infection"),
    ("Latent tuberculosis", "tuberculosis"),
    ("Type 2 diabetes", "other_malignancy"),
]


@pytest.mark.parametrize(("text", "name"), TEXTS)
def test_the_words_name_it(knowledge: Knowledge, text: str, name: str) -> None:
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [], [text])
    assert name in recognised.by_text
    assert recognised.rests_on_text(name)


@pytest.mark.parametrize(("text", "name"), SILENT)
def test_the_words_do_not_say_it_of_this_patient(knowledge: Knowledge, text: str, name: str) -> None:
    assert name not in knowledge.terminology.recognise(AskedOf.CONDITION, [], [text]).by_text


def test_a_code_and_words_that_disagree_are_disputed(knowledge: Knowledge) -> None:
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [Coding(ICD_10_CM, "R69")], ["breast cancer"])
    assert "other_malignancy" in recognised.disputed
    assert "other_malignancy" in knowledge.terminology.left_open_by(recognised, AskedOf.CONDITION)


@pytest.mark.parametrize(
    ("system", "code", "texts", "understood"),
    [
        (ICD_10_CM, "E11.9", [], True),
        (SNOMED_CT, "44054006", [], False),
        (SNOMED_CT, "44054006", ["Type 2 diabetes"], True),
        (SNOMED_CT, "91861009", [], True),
        ("urn:local", "X", [], False),
        (None, None, [], False),
    ],
)
def test_silence_counts_only_where_the_entry_was_understood(
    knowledge: Knowledge, system: str | None, code: str | None, texts: list[str], understood: bool
) -> None:
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [Coding(system, code)], texts)
    assert ("other_malignancy" not in knowledge.terminology.left_open_by(recognised, AskedOf.CONDITION)) is understood


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("https://loinc.org/", LOINC),
        ("http://snomed.info/sct", SNOMED_CT),
        (None, None),
        ("urn:local", "urn:local"),
    ],
)
def test_old_names_of_code_systems_are_known(url: str | None, known: str | None) -> None:
    assert canonical_system(url) == known


def test_a_test_for_what_is_not_there_is_another_test(knowledge: Knowledge) -> None:
    def named(name: str) -> frozenset[str]:
        return knowledge.terminology.recognise(AskedOf.OBSERVATION, [], [name]).by_text

    assert named("CD123 on blasts") == {"cd123"}
    for name in (
        "CD123 negative blasts",
        "CD34+CD123- cells",
        "CD123 (-)",
        "blasts without CD123",
        "CD123+ basophils",
        "CD123阴性",
    ):
        assert named(name) == frozenset(), name


def test_a_net_lets_go_of_its_exceptions() -> None:
    net = TextNet(("creatinine",), ("clearance",))
    assert net.reads("Serum creatinine") is Assertion.PRESENT
    assert net.reads("Creatinine clearance") is None
    assert net.names_test("Serum creatinine")
    assert not net.names_test("Creatinine clearance")


def test_an_exception_that_is_itself_denied_is_none() -> None:
    net = TextNet(("AML",), ("M3",))
    assert net.reads("AML, M3") is None
    assert net.reads("AML, non-M3") is Assertion.PRESENT


def test_a_word_of_doubt_makes_a_mention_a_possibility() -> None:
    net = TextNet(("AML",), in_doubt=("s/p AML",))
    assert net.reads("AML s/p HSCT") is Assertion.PRESENT
    assert net.reads("s/p AML") is Assertion.POSSIBLE


def test_the_name_that_a_code_has_never_denies_it(knowledge: Knowledge) -> None:
    for one in knowledge.terminology:
        for coding in one.concepts:
            named = knowledge.terminology.recognise(one.asked_of, [coding], [coding.display or ""])
            assert one.name not in named.doubted, (one.name, coding.display)


def test_loinc_content_carries_its_notice() -> None:
    for path in DIRECTORY.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        systems = {include["system"] for include in content.get("compose", {}).get("include", [])}
        assert (LOINC in systems) == ("copyright" in content), path.name


GOOD = json.loads((DIRECTORY / "gilbert.json").read_text(encoding="utf-8"))
BROKEN = [
    ({"name": "other"}, "is named other"),
    ({"extension": []}, "does not say of what it is asked"),
    ({"extension": [*GOOD["extension"], {"url": "urn:x", "valueCode": "y"}]}, "unknown extensions"),
    ({"status": 7}, "is not a FHIR ValueSet"),
    (
        {"compose": {"include": [{"system": SNOMED_CT, "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}]}},
        "is-a",
    ),
    ({"compose": {**GOOD["compose"], "exclude": [{"valueSet": ["https://cds-service.example/ValueSet/none"]}]}}, "names none"),
]


@pytest.mark.parametrize(("change", "problem"), BROKEN)
def test_a_broken_value_set_is_reported_with_its_file(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    (tmp_path / "gilbert.json").write_text(json.dumps({**GOOD, **change}), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=problem):
        value_set_files.load(tmp_path)


def test_an_empty_value_set_is_a_fault(tmp_path: Path) -> None:
    extension = [item for item in GOOD["extension"] if "asked-of" in item["url"]]
    empty = {**{key: value for key, value in GOOD.items() if key != "compose"}, "extension": extension}
    (tmp_path / "gilbert.json").write_text(json.dumps(empty), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match="is empty"):
        value_set_files.load(tmp_path)


def test_a_doubled_key_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gilbert.json").write_text('{"name": "gilbert", "name": "gilbert"}', encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match="has the key name twice"):
        value_set_files.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"resourceType": "ValueSet",\n"name": }', r"gilbert\.json:2: is not JSON"),
        (b"", r"gilbert\.json:1: is not JSON"),
        (b"\xff", r"gilbert\.json: cannot be read"),
        (json.dumps({**GOOD, "status": 7}).encode(), r"gilbert\.json: status: is not a FHIR ValueSet: "),
    ],
)
def test_a_file_that_is_no_value_set_is_told_with_its_line_or_element(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "gilbert.json").write_bytes(content)
    with pytest.raises(KnowledgeErrors, match=said):
        value_set_files.load(tmp_path)


def test_a_folder_in_place_of_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gilbert.json").mkdir()
    with pytest.raises(KnowledgeErrors, match="cannot be read"):
        value_set_files.load(tmp_path)


def test_one_broken_file_is_not_held_against_those_that_name_it(tmp_path: Path) -> None:
    for name in ("aml.json", "malignancy_unclear.json"):
        (tmp_path / name).write_bytes((DIRECTORY / name).read_bytes())
    (tmp_path / "aml.json").write_text("{", encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        value_set_files.load(tmp_path)
    assert [fault.file for fault in caught.value.faults if "names aml" in fault.problem] == []


def test_a_folder_without_value_sets_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeErrors, match="there is no value set"):
        value_set_files.load(tmp_path)
