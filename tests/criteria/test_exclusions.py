"""Exclusions and antigens from records as they are written: codes, words in two languages, doubts, denials, doses, reasons."""

from typing import Any

import pytest

from cds_service import wording
from tests.conftest import Ask
from tests.records import ICD_10_CM, SNOMED, Record, days_ago, interpretation, relapsed_aml

ICD_10 = "http://hl7.org/fhir/sid/icd-10"
POS, NEG = {"interpretation": interpretation("POS")}, {"interpretation": interpretation("NEG")}


def man() -> Record:
    return Record("1980-05-01", "male")


def woman(born: str = "1990-01-01") -> Record:
    return Record(born, "female")


def problem(text: str, **more: Any) -> Record:
    """A man with one diagnosis that only words name."""
    return man().condition(None, text, **more)


def coded(code: str, system: str = ICD_10_CM, **more: Any) -> Record:
    """A man with one diagnosis that only a code names."""
    return man().condition(code, system=system, **more)


def stated(row: str, answer: str, *texts: str) -> list[tuple[str, Record, str]]:
    """Diagnoses in words that all lead to one answer."""
    return [(row, problem(text), answer) for text in texts]


def given(name: str, ago: int = 3, **more: Any) -> Record:
    return man().medicine("MedicationAdministration", name, ago, **more)


def ordered(name: str, ago: int = 3, **more: Any) -> Record:
    return man().medicine("MedicationRequest", name, ago, **more)


def because_of(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


def dose(value: float, unit: str, route: str = "Intravenous") -> dict[str, Any]:
    return {"dosage": {"route": {"text": route}, "dose": {"value": value, "unit": unit, "code": unit}}}


AML = [
    *stated(
        "003-D",
        "unknown",
        "Suspected AML",
        "AML?",
        "AML vs ALL",
        "急性髓系白血病待排",
        "Leukemia",
        "AML-M3",
        "急性髓系白血病M3",
    ),
    *stated(
        "003-D", "unknown", "AML with PML::RARA", "Mixed phenotype acute leukemia, B-lymphoid/myeloid", "混合表型急性白血病"
    ),
    *stated(
        "003-D",
        "not_met",
        "No evidence of AML",
        "AML ruled out",
        "Mother died of AML",
        "Renal angiomyolipoma (AML)",
        "无急性髓系白血病",
    ),
    *stated("003-D", "not_met", "CML, blast phase", "慢性髓系白血病急变期", "急性淋巴细胞白血病", "Myelodysplastic syndrome"),
    *[
        ("003-D", problem(text, status="relapse"), "met!")
        for text in (
            "AML (non-M3)",
            "AML, FLT3 negative",
            "AML secondary to MDS",
            "AML transformed from CMML",
            "Leukemia, myeloid, acute",
            "Erythroleukemia",
            "急性粒-单核细胞白血病",
            "急性非淋巴细胞白血病",
            "急性骨髓性白血病",
            "红白血病",
            "髓系肉瘤",
        )
    ],
    *[("003-D", coded(code), "unknown") for code in ("C93.90", "C92.90", "C94.80")],
    *[("003-D", coded(code), "not_met") for code in ("C92.10", "C91.00", "E11.9", "D46.9")],
    ("003-D", coded("E11.9", ICD_10), "not_met"),
    ("003-D", man().drug("cytarabine", reason="Acute myeloid leukemia"), "unknown"),
    ("002-I3", problem("母细胞性浆细胞样树突细胞肿瘤"), "unknown"),
]

MALIGNANCY = [
    *stated(
        "001-X1",
        "met!",
        "Breast cancer, HER2 negative",
        "Breast cancer, no recurrence",
        "Breast cancer; benign naevus",
        "IDC of left breast",
    ),
    *stated(
        "001-X1",
        "met!",
        "NHL",
        "Ca. of the breast",
        "Wilms tumor",
        "Acute lymphoblastic leukemia",
        "急性淋巴细胞白血病",
        "左乳浸润性导管癌",
    ),
    *stated(
        "001-X1",
        "met!",
        "No known allergies. Breast cancer 2012",
        "AML, prior breast cancer",
    ),
    *stated(
        "001-X1",
        "unknown",
        "No longer on tamoxifen for breast cancer",
        "Suspected lymphoma",
        "肺癌待排",
        "No fever, breast cancer",
        "Lung metastases",
        "恶性肿瘤",
        "宫颈原位癌",
        "基底细胞癌",
    ),
    *stated("001-X1", "unknown", "Tumor of breast", "Skin cancer", "治疗相关急性髓系白血病", "t-AML"),
    *stated(
        "001-X1",
        "not_met!",
        "Denies history of malignancy",
        "乳腺癌家族史",
        "Breast cancer screening",
        "Benign neoplasm of breast",
        "髓系肉瘤",
    ),
    *stated(
        "001-X1",
        "not_met!",
        "Malignant hypertension",
        "Cancer antigen 125 raised",
        "AML with extramedullary leukemia",
        "慢性粒单核细胞白血病",
    ),
    ("001-X1", coded("I10", ICD_10), "not_met!"),
    ("001-X1", coded("C97", ICD_10), "met"),
    ("001-X1", man().condition("D70.1", "Agranulocytosis secondary to cancer chemotherapy"), "not_met!"),
    ("001-X1", man().condition("D63.0", "Anemia in neoplastic disease"), "not_met!"),
    ("001-X1", man().condition("C92.00", "AML after breast cancer"), "unknown"),
    ("001-X1", man().condition("C50.911", "Breast cancer", verification="refuted"), "not_met!"),
    ("001-X1", man().drug("tamoxifen", reason="breast cancer"), "unknown"),
    ("001-X1", man().procedure(None, "Mastectomy for breast cancer"), "unknown"),
    ("001-X1", man().procedure(None, "Mastectomy", reasonCode=because_of("Breast cancer")), "unknown"),
    (
        "001-X1",
        man().add(
            "Condition",
            code={"coding": [{"system": ICD_10_CM, "code": "C92.00"}, {"system": ICD_10_CM, "code": "C50.911"}]},
        ),
        "met",
    ),
]

ILLNESSES = [
    *stated("001-I9", "unknown", "精神分裂症", "精神病", "Severe depression with psychotic features"),
    *stated("001-I9", "met!", "No schizophrenia", "Family history of schizophrenia", "否认精神病史", "Anxiety"),
    ("001-I9", coded("F23", status="resolved"), "met!"),
    *stated("001-I14", "not_met!", "系统性红斑狼疮", "肾移植术后", "干燥综合征"),
    *stated("001-I14", "unknown", "自身免疫性疾病", "Evaluation for kidney transplant", "白癜风"),
    (
        "001-I14",
        man().condition("M32.9", "Lupus", status="inactive").drug("azathioprine", reason="Lupus"),
        "not_met!",
    ),
    ("001-I14", man().condition("M32.9", "Lupus", status="inactive"), "unknown"),
    ("001-I14", man().drug("methotrexate", reason="Rheumatoid arthritis"), "unknown"),
    *stated("004-X1", "unknown", "抽搐", "TIA", "Hydrocephalus", "Meningioma", "中枢神经系统白血病", "CVA", "Cerebral palsy"),
    *stated("004-X1", "not_met!", "Family history of epilepsy", "否认癫痫病史", "偏头痛"),
    ("004-X1", man().drug("levetiracetam"), "not_met!"),
    ("004-X1", man().drug("levetiracetam", reason="Epilepsy"), "unknown"),
    ("004-X1", man().drug("levetiracetam", reason="Seizure prophylaxis"), "not_met!"),
    *[
        ("004-X2", problem(text).lab("qtc", 430), answer)
        for text, answer in (
            ("长QT综合征", "met!"),
            ("室性心动过速", "met!"),
            ("Heart failure, NYHA class III", "met!"),
            ("心力衰竭", "unknown"),
            ("Family history of myocardial infarction", "not_met!"),
        )
    ],
    ("004-X2", man().lab("qtc", 430).named_test("NYHA class", "III"), "met!"),
    ("004-X2", man().lab("qtc", 430).named_test("NYHA class", "II"), "not_met!"),
    *stated("001-X7c", "met!", "静脉吸毒"),
    *stated("001-X7c", "unknown", "吸毒", "Opioid use"),
    *stated("001-X7c", "not_met!", "Denies intravenous drug use", "否认吸毒史"),
    ("001-X7c", man().named_test("Injection drug use", "Current"), "met!"),
    ("001-X7c", man().named_test("Injection drug use", "Never"), "not_met!"),
    ("001-X7c", man().drug("methadone", reason="Opioid dependence"), "unknown"),
    *stated("004-X5", "met!", "History of CAR-T therapy"),
    *stated("004-X5", "unknown", "Planned for CAR-T", "Cytokine release syndrome"),
    *stated("004-X5", "not_met!", "No prior CAR-T therapy", "未行CAR-T治疗"),
    ("004-X5", coded("Z92.858"), "unknown"),
    ("004-X5", coded("Z92.86"), "met"),
    ("004-X5", man().drug("Kymriah", 300, 300, status="completed"), "met!"),
    ("004-X5", man().drug("Onasemnogene abeparvovec", 300, 300, status="completed"), "met!"),
    ("004-X5", man().procedure(None, "CAR-T细胞回输"), "met!"),
    ("004-X5", man().procedure(None, "Cartilage repair"), "not_met!"),
]

INFECTIONS = [
    *stated("001-X2", "unknown", "肺部感染", "侵袭性肺曲霉病", "Possible invasive aspergillosis"),
    *stated("001-X2", "not_met!", "No active infection", "Infection prophylaxis", "预防感染"),
    ("001-X2", coded("B44.1", status="inactive"), "unknown"),
    ("001-X2", coded("J18.9", status="inactive"), "not_met!"),
    ("004-X3", given("美罗培南"), "unknown"),
    ("004-X3", given("meropenem 1000 MG Injection"), "unknown"),
    ("004-X3", given("levofloxacin", dosage={"route": {"text": "Intravenous"}}), "unknown"),
    ("004-X3", ordered("levofloxacin"), "not_met!"),
    ("004-X3", ordered("voriconazole 200 mg tablet", reasonCode=because_of("Invasive aspergillosis")), "unknown"),
    ("004-X3", ordered("cotrimoxazole tablet", reasonCode=because_of("Pneumocystis prophylaxis")), "not_met!"),
    ("004-X3", given("tobramycin eye drops"), "not_met!"),
    ("001-X7a", problem("人类免疫缺陷病毒感染"), "met!"),
    ("001-X7a", problem("Husband HIV positive"), "unknown"),
    ("001-X7a", man().lab("hiv", "not reactive"), "not_met"),
    ("001-X7a", man().lab("hiv", "阴性(-)"), "not_met"),
    ("001-X7a", man().drug("emtricitabine / tenofovir disoproxil").lab("hiv", "Non-reactive"), "not_met"),
    ("001-X7a", man().drug("emtricitabine / tenofovir disoproxil"), "unknown"),
    ("001-X7b", man().lab("hcv_rna", 100000, 700).lab("hcv_rna", "Not detected", 5), "unknown"),
    (
        "004-X4",
        man()
        .lab("hbsag", None, **POS)
        .lab("hbv_dna", valueQuantity={"value": 20, "comparator": "<", "unit": "[IU]/mL"})
        .lab("hcv_ab", None, **NEG),
        "unknown",
    ),
]


def because_of_condition(reference: str) -> Record:
    return (
        man()
        .condition("M05", "Rheumatoid arthritis", id="ra")
        .add(
            "MedicationRequest",
            status="active",
            intent="order",
            authoredOn=days_ago(3),
            medicationCodeableConcept={"text": "prednisone"},
            reasonReference=[{"reference": reference}],
        )
    )


MEDICINES = [
    ("001-X3", because_of_condition("Condition/ra"), "met!"),
    ("001-X3", because_of_condition("https://ehr.example/fhir/Condition/ra/_history/2"), "met!"),
    ("001-X3", because_of_condition("Condition/another"), "unknown"),
    ("001-X3", given("甲泼尼龙", reasonCode=because_of("急性移植物抗宿主病")), "met!"),
    ("001-X3", given("地塞米松", reasonCode=because_of("止吐")), "not_met!"),
    ("001-X3", given("dexamethasone", reasonCode=because_of("Prophylaxis of chemotherapy-induced nausea")), "not_met!"),
    ("001-X3", given("地塞米松滴眼液"), "not_met!"),
    ("001-X3", ordered("强的松"), "unknown"),
    ("001-X3", ordered("Budesonide 3 mg capsule", reasonCode=because_of("gut GVHD")), "met!"),
    ("001-X3", ordered("Budesonide 3 mg capsule"), "unknown"),
    ("001-X3", ordered("Budesonide inhaler"), "not_met!"),
    ("001-X3", ordered("prednisone", reasonCode=because_of("Suspected GVHD")), "unknown"),
    ("001-X5", ordered("tacrolimus", 30, dosageInstruction=[{"text": "Take it twice daily"}]), "met!"),
    ("001-X5", ordered("Tacrolimus (GVHD prophylaxis)"), "met!"),
    ("001-X5", ordered("环孢霉素A"), "met!"),
    ("001-X5", ordered("Prograf"), "met!"),
    ("001-X5", ordered("他克莫司软膏"), "not_met!"),
    ("001-X5", given("兔抗人胸腺细胞免疫球蛋白", 20), "met!"),
    ("001-X5", ordered("芦可替尼"), "unknown"),
    ("001-X5", man().drug("ruxolitinib", 100, 20, status="completed"), "not_met!"),
    ("001-X5", man().drug("tacrolimus", 100, -30), "met"),
    ("001-X5", man().drug("tacrolimus", 3, status="unknown"), "unknown"),
    ("001-X5", man().medicine("MedicationAdministration", "tacrolimus", 3, status=None), "unknown"),
    ("001-X5", man().medicine("MedicationDispense", "tacrolimus", 10), "met!"),
    ("001-X5", man().medicine("MedicationDispense", "tacrolimus", 60), "unknown"),
    ("001-X5", man().medicine("MedicationDispense", "tacrolimus", 60, daysSupply={"value": 30}), "not_met!"),
    ("001-X5", man().medicine("MedicationDispense", "tacrolimus", 3, status="declined"), "not_met!"),
    ("001-X5", given("methotrexate", **dose(15, "mg")), "met!"),
    ("001-X5", given("methotrexate", **dose(10, "mg/m2")), "met!"),
    ("001-X5", given("methotrexate", **dose(15, "mg", "Subcutaneous route")), "met!"),
    ("001-X5", given("methotrexate", 20, **dose(15, "mg")), "unknown"),
    ("001-X5", given("methotrexate", **dose(100, "mg")), "unknown"),
    ("001-X5", given("methotrexate", **dose(3, "g/m2")), "not_met!"),
    ("001-X5", given("methotrexate", **dose(5000, "mg")), "not_met!"),
    ("001-X5", given("High-dose methotrexate"), "not_met!"),
    ("001-X5", given("methotrexate", 40), "not_met!"),
]

ALLOGENEIC = "Allogeneic hematopoietic stem cell transplantation"
GVHD = [
    ("001-X4", man().procedure(None, ALLOGENEIC), "unknown"),
    ("001-X4", man().procedure(None, "Haploidentical HSCT"), "unknown"),
    ("001-X4", man().procedure(None, "Stem cell transplantation"), "unknown"),
    (
        "001-X4",
        man().drug("cytarabine", 300, 294, status="completed").procedure(None, "Autologous stem cell transplantation"),
        "not_met!",
    ),
    ("001-X4", coded("T86.0", ICD_10), "unknown"),
    ("001-X4", man().procedure(None, ALLOGENEIC).condition(None, "No GVHD"), "not_met!"),
    ("001-X4", man().procedure(None, ALLOGENEIC).condition(None, "No acute GVHD"), "unknown"),
    ("001-X4", man().procedure(None, ALLOGENEIC).condition(None, "无移植物抗宿主病"), "not_met!"),
    ("001-X4", man().procedure(None, ALLOGENEIC).condition(None, "GVHD prophylaxis"), "unknown"),
    ("001-X4", problem("aGVHD of the skin"), "met!"),
    ("001-X4", problem("急性移植物抗宿主病", status="resolved"), "not_met!"),
    ("001-X4", coded("D89.813", status="resolved"), "unknown"),
    ("001-X4", coded("D89.810", status="inactive"), "unknown"),
    ("001-X4", man().drug("prednisone", reason="Chronic GVHD"), "unknown"),
]

PREGNANCY = [
    ("001-X6", woman().condition("Z90.712", "Acquired absence of cervix with remaining uterus"), "unknown"),
    ("001-X6", woman().condition("Z90.710", "Acquired absence of both cervix and uterus"), "not_met"),
    ("001-X6", woman().procedure(None, "子宫切除术"), "not_met!"),
    ("001-X6", woman().procedure("236886002", "Hysterectomy", -30), "unknown"),
    ("001-X6", woman().condition(None, "早孕"), "met!"),
    ("001-X6", woman().condition(None, "Possible pregnancy"), "unknown"),
    ("001-X6", woman().lab("hcg", None, 30, **POS).lab("hcg", None, 2, **NEG), "unknown"),
    ("001-X6", woman().lab("hcg", None, 300, **POS).lab("hcg", None, 2, **NEG), "not_met!"),
]


def flow(conclusion: str) -> Record:
    return relapsed_aml().add(
        "DiagnosticReport",
        status="final",
        code={"text": "Flow cytometry"},
        effectiveDateTime=days_ago(5),
        conclusion=conclusion,
    )


CD123 = relapsed_aml().named_test("CD123 on blasts by flow cytometry", None, 20, **POS)
ANTIGENS = [
    *[("001-I3", flow(text), "met!") for text in ("CD34+CD117+CD123+", "Blasts express CD34, CD117, CD123", "CD123 80 %")],
    *[("001-I3", flow(text), "not_met!") for text in ("absence of CD123 expression", "CD123未表达", "CD117+, CD123-")],
    *[
        ("001-I3", flow(text), "unknown")
        for text in ("CD123 dim", "CD123弱表达", "CD123 12 %", "Candidate for anti-CD123 therapy")
    ],
    *[("002-I2", flow(text), "met!") for text in ("CD123 dim", "CD123 12 %")],
    ("001-I3", relapsed_aml().named_test("Flow cytometry", "CD34+, CD123+, CD19-"), "met!"),
    ("001-I3", flow("CD1234 positive"), "unknown"),
    ("001-I3", CD123, "met!"),
    (
        "001-I3",
        relapsed_aml()
        .named_test("CD123 on blasts by flow cytometry", None, 20, **POS)
        .procedure(None, "Anti-CD123 CAR-T infusion", 5),
        "unknown",
    ),
    (
        "001-I3",
        relapsed_aml().named_test("CD123 on blasts by flow cytometry", None, 20, **POS).drug("tagraxofusp", 60),
        "unknown",
    ),
]

CASES = [*AML, *MALIGNANCY, *ILLNESSES, *INFECTIONS, *MEDICINES, *GVHD, *PREGNANCY, *ANTIGENS]


@pytest.mark.parametrize(
    ("row", "record", "expected"), CASES, ids=[f"{n}:{row}:{answer}" for n, (row, _, answer) in enumerate(CASES)]
)
def test_the_row_is_answered(ask: Ask, row: str, record: Record, expected: str) -> None:
    verdict = ask(row, record).verdict
    assert f"{verdict.answer.value}{'!' if verdict.confirm else ''}" == expected, verdict.reasons


WANTED = [
    ("001-X1", man().condition("X1", system="urn:local"), "names of the entries that are not recognised"),
    ("001-X1", coded("C92.02"), "records of the time before"),
    ("001-X1", problem("Suspected lymphoma", recorded="2026-10-01"), "confirmation of the diagnosis"),
    ("001-X3", man().drug("prednisone"), "indication of the glucocorticoid"),
    ("001-X4", man().procedure(None, ALLOGENEIC), "whether there is graft-versus-host disease"),
    ("001-X5", man().drug("tacrolimus", 3, status="unknown"), "whether, and when, it was taken"),
    ("001-X5", given("methotrexate"), "dose of the medicine"),
    ("001-X2", problem("Pneumonia"), "whether the infection is controlled"),
    ("004-X4", man().lab("hcv_ab", None, **POS).lab("hbsag", None, **NEG), "HCV RNA"),
    ("004-X8", man(), "HIV antigen/antibody"),
]


@pytest.mark.parametrize(("row", "record", "what"), WANTED)
def test_an_open_exclusion_says_what_would_settle_it(ask: Ask, row: str, record: Record, what: str) -> None:
    verdict = ask(row, record).verdict
    assert verdict.answer.value == "unknown"
    assert what in [item.what if isinstance(item.what, str) else item.what.value for item in verdict.missing]


def test_a_suspicion_is_told_with_its_day(ask: Ask) -> None:
    (missing,) = ask("001-X1", problem("Suspected lymphoma", recorded="2026-10-01")).verdict.missing
    assert str(missing.last) == "2026-10-01"


@pytest.mark.parametrize(
    ("record", "documented"),
    [
        (man(), False),
        (problem("Family history of epilepsy"), False),
        (problem("No history of epilepsy"), True),
        (man().condition("G40.909", "Epilepsy", verification="refuted"), True),
        (man().condition("999", system=SNOMED, verification="refuted"), False),
    ],
)
def test_documented_absence_is_another_sentence_than_no_record(ask: Ask, record: Record, documented: bool) -> None:
    verdict = ask("004-X1", record).verdict
    assert verdict.answer.value == "not_met"
    assert ("documented absent" in wording.reason(verdict)) is documented
    assert "no record found" in wording.reason(verdict)
