"""What a diagnosis in words says of the patient: negation, doubt and other people never read as "has it"."""

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.assertion import Assertion
from cds_service.terminology.codes import ICD_10_CM, Coding
from cds_service.terminology.value_set import AskedOf
from tests.conftest import Ask
from tests.records import Record

PRESENT, ABSENT, POSSIBLE, UNNAMED = Assertion.PRESENT, Assertion.ABSENT, Assertion.POSSIBLE, None

AML = [
    ("AML", PRESENT),
    ("AML-M2", PRESENT),
    ("AML M4", PRESENT),
    ("AML with NPM1, FLT3-ITD negative", PRESENT),
    ("AML (FLT3 negative)", PRESENT),
    ("AML negative for FLT3-ITD", PRESENT),
    ("AML s/p 7+3", PRESENT),
    ("AML s/p allo HSCT", PRESENT),
    ("AML risk group: adverse", PRESENT),
    ("AML, not in remission", PRESENT),
    ("AML, chronic kidney disease", PRESENT),
    ("AML, family informed", PRESENT),
    ("AML (non-APL)", PRESENT),
    ("non-M3 AML", PRESENT),
    ("R/R AML", PRESENT),
    ("History of AML", PRESENT),
    ("No remission of AML", PRESENT),
    ("No response to induction; AML", PRESENT),
    ("No known allergies. AML", PRESENT),
    ("Not CML but AML", PRESENT),
    ("GVHD after allo-SCT for AML", PRESENT),
    ("Leukemia, acute myeloid", PRESENT),
    ("Myeloid leukemia, acute", PRESENT),
    ("Acute erythroleukemia", PRESENT),
    ("Acute monoblastic and monocytic leukemia", PRESENT),
    ("Acute myeloblastic leukemia, not having achieved remission", PRESENT),
    ("Acute myeloid leukemia without maturation", PRESENT),
    ("Akute myeloische Leukämie", PRESENT),
    ("No AML", ABSENT),
    ("not AML", ABSENT),
    ("no evidence of AML", ABSENT),
    ("No current or previous AML", ABSENT),
    ("without AML", ABSENT),
    ("negative for acute myeloid leukemia", ABSENT),
    ("denies AML", ABSENT),
    ("AML ruled out", ABSENT),
    ("AML has been ruled out", ABSENT),
    ("ruled out AML", ABSENT),
    ("AML excluded", ABSENT),
    ("AML: no", ABSENT),
    ("AML not detected", ABSENT),
    ("ALL rather than AML", ABSENT),
    ("family history of AML", ABSENT),
    ("FHx AML", ABSENT),
    ("Mother had AML", ABSENT),
    ("AML in father", ABSENT),
    ("AML (sister)", ABSENT),
    ("maternal aunt with AML", ABSENT),
    ("Paternal grandfather died of AML", ABSENT),
    ("AML of the marrow in his brother", ABSENT),
    ("Family history of AML", ABSENT),
    ("Stem cell graft from his sister for AML", POSSIBLE),
    ("suspected relapse of AML", PRESENT),
    ("no evidence of AML relapse", PRESENT),
    ("planned for AML", POSSIBLE),
    ("未行AML", ABSENT),
    ("screening for AML", ABSENT),
    ("AML screening", ABSENT),
    ("?AML", POSSIBLE),
    ("? AML", POSSIBLE),
    ("AML?", POSSIBLE),
    ("AML (M2)?", POSSIBLE),
    ("rule out AML", POSSIBLE),
    ("r/o AML", POSSIBLE),
    ("R/O acute myeloid leukemia", POSSIBLE),
    ("cannot rule out AML", POSSIBLE),
    ("AML not ruled out", POSSIBLE),
    ("AML cannot be excluded", POSSIBLE),
    ("suspected AML", POSSIBLE),
    ("AML suspected", POSSIBLE),
    ("possible AML", POSSIBLE),
    ("AML (probable)", POSSIBLE),
    ("AML unlikely", POSSIBLE),
    ("concern for AML", POSSIBLE),
    ("favor AML", POSSIBLE),
    ("work-up for AML", POSSIBLE),
    ("AML vs MDS", POSSIBLE),
    ("MDS vs. AML", POSSIBLE),
    ("AML or ALL", POSSIBLE),
    ("MDS/AML", POSSIBLE),
    ("s/p AML", POSSIBLE),
    ("status post acute myeloid leukemia", POSSIBLE),
    ("AML not confirmed", POSSIBLE),
    ("No fever, AML", POSSIBLE),
    ("Not eligible for transplant in AML", POSSIBLE),
    ("AML-free", POSSIBLE),
    ("AML-M3", UNNAMED),
    ("AML, APL variant", UNNAMED),
    ("CML", UNNAMED),
    ("amlodipine", UNNAMED),
    ("急性髓系白血病", PRESENT),
    ("急性髓系白血病(M2型)", PRESENT),
    ("急性髓系白血病(非M3)", PRESENT),
    ("急性髓细胞白血病", PRESENT),
    ("急性髓性白血病", PRESENT),
    ("急性骨髓性白血病", PRESENT),
    ("急性粒细胞白血病", PRESENT),
    ("急性粒-单核细胞白血病", PRESENT),
    ("急性单核细胞性白血病", PRESENT),
    ("急性非淋巴细胞白血病", PRESENT),
    ("急性红白血病", PRESENT),
    ("急性巨核细胞白血病", PRESENT),
    ("诊断AML复发", PRESENT),
    ("AML－M2a，复发", PRESENT),
    ("急性髓系白血病未缓解", PRESENT),
    ("无发热，不伴感染。急性髓系白血病", PRESENT),
    ("排除急性髓系白血病", ABSENT),
    ("急性髓系白血病已排除", ABSENT),
    ("未见急性髓系白血病", ABSENT),
    ("否认急性髓系白血病", ABSENT),
    ("否认高血压、糖尿病、急性髓系白血病", ABSENT),
    ("无急性髓系白血病病史", ABSENT),
    ("不支持急性髓系白血病", ABSENT),
    ("急性髓系白血病家族史", ABSENT),
    ("家族史：父亲急性髓系白血病", ABSENT),
    ("急性髓系白血病？", POSSIBLE),
    ("？急性髓系白血病", POSSIBLE),
    ("疑似急性髓系白血病", POSSIBLE),
    ("考虑急性髓系白血病", POSSIBLE),
    ("急性髓系白血病待排", POSSIBLE),
    ("急性髓系白血病可能", POSSIBLE),
    ("急性髓系白血病不除外", POSSIBLE),
    ("不能排除急性髓系白血病", POSSIBLE),
    ("否认肝炎，急性髓系白血病", POSSIBLE),
    ("慢性髓系白血病", UNNAMED),
    ("急性早幼粒细胞白血病", UNNAMED),
    ("急性髓系白血病M3型", UNNAMED),
    ("急性淋巴细胞白血病", UNNAMED),
]
OTHERS = [
    ("apl", "AML-M3", PRESENT),
    ("apl", "急性髓系白血病M3型", PRESENT),
    ("apl", "AML, non-APL", UNNAMED),
    ("apl", "APL ruled out", ABSENT),
    ("aml_in_relapse", "AML, no evidence of relapse", ABSENT),
    ("aml_in_relapse", "AML without relapse", ABSENT),
    ("aml_in_relapse", "AML relapse ruled out", ABSENT),
    ("aml_in_relapse", "急性髓系白血病未复发", ABSENT),
    ("aml_in_relapse", "AML, possible relapse", POSSIBLE),
    ("aml_in_relapse", "AML ?relapse", POSSIBLE),
    ("aml_in_relapse", "AML, high risk of relapse", POSSIBLE),
    ("aml_in_relapse", "AML复发", PRESENT),
    ("aml_in_relapse", "复发难治急性髓系白血病", UNNAMED),
    ("aml_in_remission", "急性髓系白血病完全缓解", PRESENT),
    ("aml_in_remission", "AML, not in remission", UNNAMED),
    ("other_malignancy", "Breast cancer, HER2 negative", PRESENT),
    ("other_malignancy", "Triple negative breast cancer", PRESENT),
    ("other_malignancy", "Breast cancer ER negative", PRESENT),
    ("other_malignancy", "Breast cancer, no evidence of disease", PRESENT),
    ("other_malignancy", "Breast cancer in mother", ABSENT),
    ("other_malignancy", "Lung cancer ruled out", ABSENT),
    ("other_malignancy", "No hypertension, breast cancer 2019", POSSIBLE),
    ("other_malignancy", "No asthma, lymphoma, or melanoma", POSSIBLE),
    ("other_malignancy", "No lymphoma or melanoma", ABSENT),
    ("other_malignancy", "r/o lymphoma", POSSIBLE),
    ("other_malignancy", "未分化癌", PRESENT),
    ("other_malignancy", "无色素性黑色素瘤", PRESENT),
    ("other_malignancy", "非小细胞肺癌", PRESENT),
    ("infection_active", "Gram-negative sepsis", PRESENT),
    ("infection_active", "Sepsis due to Gram-negative rods", PRESENT),
    ("hiv_infection", "HIV感染", PRESENT),
    ("gvhd", "Graft versus host disease", PRESENT),
    ("long_qt", "Familial long QT syndrome", PRESENT),
    ("cardiomyopathy", "No cardiomyopathy", ABSENT),
    ("stem_cell_transplant_status", "S/p allo-HSCT, sibling donor", PRESENT),
    ("stem_cell_transplant_status", "Matched sibling donor HSCT", PRESENT),
    ("lactation", "Lactating mother", PRESENT),
]


@pytest.mark.parametrize(("text", "expected"), AML)
def test_words_of_aml_say_this_of_the_patient(knowledge: Knowledge, text: str, expected: Assertion | None) -> None:
    assert knowledge.terminology["aml"].net is not None
    assert knowledge.terminology["aml"].net.reads(text) is expected


@pytest.mark.parametrize(("name", "text", "expected"), OTHERS)
def test_words_of_other_diagnoses_say_this_of_the_patient(
    knowledge: Knowledge, name: str, text: str, expected: Assertion | None
) -> None:
    net = knowledge.terminology[name].net
    assert net is not None
    assert net.reads(text) is expected


BEFORE = (
    "no {}",
    "not {}",
    "no evidence of {}",
    "negative for {}",
    "denies {}",
    "without {}",
    "absence of {}",
    "family history of {}",
    "mother with {}",
    "rule out {}",
    "r/o {}",
    "?{}",
    "possible {}",
    "ruled out {}",
    "screening for {}",
    "risk of {}",
    "unlikely {}",
    "{} ruled out",
    "{} excluded",
    "{}: negative",
    "{}?",
    "{} not confirmed",
    "{} cannot be excluded",
    "未见{}",
    "否认{}",
    "排除{}",
    "无{}",
    "疑似{}",
    "{}待排",
    "{}？",
    "{}家族史",
)
NAMES = ("AML", "acute myeloid leukemia", "relapsed AML", "急性髓系白血病", "急性粒细胞白血病", "AML-M2")


@pytest.mark.parametrize("said", BEFORE)
def test_no_negation_and_no_doubt_reads_as_present(knowledge: Knowledge, said: str) -> None:
    for name in NAMES:
        recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [], [said.format(name)])
        assert not recognised.is_in("aml"), name
        assert not recognised.is_in("aml_in_relapse"), name


def test_a_doubt_in_words_is_neither_aml_nor_its_absence(ask: Ask) -> None:
    for text in ("?AML", "rule out AML", "急性髓系白血病待排"):
        assert ask("003-D", Record().condition(None, text)).verdict.answer.value == "unknown"
    for text in ("No AML", "AML ruled out", "family history of AML"):
        assert ask("003-D", Record().condition(None, text)).verdict.answer.value == "not_met"


def test_a_suspected_cancer_neither_bars_nor_is_passed_over(ask: Ask) -> None:
    assert ask("001-X1", Record().condition(None, "r/o breast cancer")).verdict.answer.value == "unknown"
    assert ask("001-X1", Record().condition(None, "Breast cancer")).verdict.answer.value == "met"
    assert ask("001-X1", Record().condition(None, "Breast cancer ruled out")).verdict.answer.value == "not_met"


def test_a_code_that_its_own_words_doubt_leaves_the_question_open(ask: Ask) -> None:
    assert ask("003-D", Record().condition("C92.02", "Rule out relapse of AML")).verdict.answer.value == "unknown"
    assert ask("001-X1", Record().condition("C50.911", "?breast cancer")).verdict.answer.value == "unknown"


def test_texts_of_one_entry_that_disagree_leave_it_open(knowledge: Knowledge) -> None:
    texts = ["AML ruled out", "Acute myeloid leukemia"]
    recognised = knowledge.terminology.recognise(AskedOf.CONDITION, [Coding("urn:local", "X")], texts)
    assert "aml" in recognised.doubted
    assert not recognised.is_in("aml")
    assert "aml" in knowledge.terminology.left_open_by(recognised, AskedOf.CONDITION)


def test_a_suspicion_is_a_sign_of_the_disease_and_a_denial_is_none(knowledge: Knowledge) -> None:
    suspected, denied = Record().condition(None, "?AML"), Record().condition(None, "AML ruled out")
    assert disease_sign(read_bundle(suspected.body()), Recogniser(knowledge.terminology))
    assert not disease_sign(read_bundle(denied.body()), Recogniser(knowledge.terminology))


def test_words_alone_are_always_to_be_confirmed(ask: Ask) -> None:
    for text in ("AML in relapse", "AML复发"):
        verdict = ask("003-D", Record().condition(None, text)).verdict
        assert (verdict.answer.value, verdict.confirm) == ("met", True), text


def test_a_narrower_suspicion_does_not_become_the_wider_diagnosis(knowledge: Knowledge) -> None:
    recognised = knowledge.terminology.recognise(
        AskedOf.CONDITION, [Coding(ICD_10_CM, "Z99.9")], ["suspected acute myeloid leukemia"]
    )
    assert recognised.doubted >= {"aml"}
    assert "other_malignancy" not in recognised.named
