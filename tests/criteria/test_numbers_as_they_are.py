"""Numbers as EHRs and laboratories write them: units, slips, ranges, numbers in words, normal ranges, insults, oxygen, scores.

A case is a row, a record and the answer; "!" behind an answer means that a person should confirm it.
"""

from typing import Any

import pytest

from cds_service import wording
from tests.conftest import Ask
from tests.records import ICD_10_CM, SNOMED, Record, days_ago

UCUM = "http://unitsofmeasure.org"


def man(born: str | None = "1980-05-01") -> Record:
    return Record(born, "male")


def child(born: str = "2018-05-01") -> Record:
    return Record(born, "male")


def quantity(value: Any, unit: str | None, code: str | None = None, system: str | None = UCUM) -> dict[str, Any]:
    content = {"value": value, "unit": unit, "code": code or unit, "system": system}
    return {key: found for key, found in content.items() if found is not None}


def spoken(value: Any, unit: str) -> dict[str, Any]:
    """A quantity whose unit stands in words alone, without a code."""
    return {"value": value, "unit": unit}


def alt(value: dict[str, Any], *ranges: dict[str, Any], of: Record | None = None) -> Record:
    """ALT with this quantity and these reference ranges, and a fine AST."""
    return (of or man()).lab("alt", valueQuantity=value, referenceRange=list(ranges)).lab("ast", 20)


def ranged(value: float, *ranges: dict[str, Any], of: Record | None = None) -> Record:
    return alt(quantity(value, "U/L"), *ranges, of=of)


def high(value: float, unit: str | None = "U/L", **more: Any) -> dict[str, Any]:
    return {"high": quantity(value, unit), **more}


def after_hepatitis_b(dna: str) -> Record:
    """Anti-HBc alone is positive, so that the DNA decides."""
    return man().lab("hbsag", "Negative").lab("anti_hbc", "Positive").lab("hcv_ab", "Negative").lab("hbv_dna", dna)


CD123 = "CD123 on blasts by flow cytometry"
HIGH_40 = high(40)
UNITS = [
    *(("002-I6c", alt(spoken(119, unit), high(40)), "met") for unit in ("IU/L", "u/l", "U/l", "Units/L", "unit/L", "mU/mL")),
    ("002-I6c", alt(quantity(1.9, "µkat/L"), high(0.6, "ukat/L")), "not_met"),
    ("002-I6c", alt(quantity(119, "U/L"), high(0.6, "ukat/L")), "not_met"),
    ("002-I6c", alt(quantity(30, "IU/L", "U/L"), HIGH_40), "met"),
    ("002-I6c", alt(quantity(30, "U/L", "ALT_UNIT", "http://hospital.example/units"), HIGH_40), "met"),
    ("002-I6c", alt(quantity(30, "U/L", "ALT_UNIT"), HIGH_40), "met"),
    ("002-I6c", alt(quantity(30, "U/L", "ukat/L"), HIGH_40), "unknown"),  # the code and the words contradict each other
    ("002-I6c", alt(spoken(30, "furlong"), high(40, "furlong")), "unknown"),
    ("002-I6c", alt(quantity(30, "U/L"), high(40, "mg/dL")), "unknown"),
    *(("002-I6b", man().lab("creatinine_mass", 1.9, unit=u, uln=1), "met") for u in ("mg/dl", "MG/DL", "mg/100 mL", "mg%")),
    *(
        ("002-I6b", man().lab("creatinine", 190, unit=u, uln=100), "met")
        for u in ("µmol/L", "μmol/l", "mcmol/L", "micromole/L")
    ),
    ("001-I11b", man().lab("bilirubin_mass", 21, unit="mg/L"), "not_met"),
    *(
        ("004-I3", man().lab("marrow_blasts", 6, unit=unit), "met")
        for unit in ("%{blasts}", "/100 cells", "/100{cells}", "10*-2")
    ),
    ("004-I3", man().lab("marrow_blasts", 0.06, unit="1"), "met"),
    ("004-I3", man().lab("marrow_blasts", 0.06), "unknown"),  # 0.06 %, and no flow cytometry
    ("004-I3", man().lab("marrow_blasts", valueRatio={"numerator": {"value": 60}, "denominator": {"value": 200}}), "met"),
    ("004-I3", man().lab("marrow_blasts", valueRatio={"numerator": {"value": 60}, "denominator": {"value": 0}}), "unknown"),
    ("004-X2", man().lab("qtc", 0.51, unit="s"), "met"),
    ("001-I13", man().lab("spo2_room_air", 0.91, unit="1"), "not_met"),
]

IMPLAUSIBLE = [
    ("001-I11a", ranged(-5, HIGH_40), "unknown"),
    ("001-I11a", ranged(0, HIGH_40), "unknown"),
    ("001-I11a", ranged(99999, HIGH_40), "unknown"),
    ("001-I11a", ranged(1e-300, HIGH_40), "unknown"),
    ("001-I11b", man().lab("bilirubin", 0), "unknown"),
    ("001-I11b", man().lab("bilirubin_mass", 200), "unknown"),
    ("001-I12", man().lab("creatinine", 0.8), "unknown"),  # mg/dL, with the wrong unit
    ("001-I12", man().lab("creatinine_mass", 70), "unknown"),  # umol/L, with the wrong unit
    ("001-I12", man().lab("creatinine_mass", 15), "not_met!"),
    ("001-I10", man().lab("lvef", 0.55), "unknown"),
    ("001-I10", man().lab("lvef", 60, unit="1"), "unknown"),
    ("001-I10", man().lab("lvef", 120), "unknown"),
    ("002-I6a", man().lab("lvef", 0), "unknown"),
    ("001-I13", man().lab("spo2_room_air", 101), "unknown"),
    ("001-I13", man().lab("spo2_room_air", 0.97), "unknown"),
    ("004-X2", man().lab("qtc", 0.42), "unknown"),
    ("004-X2", man().lab("qtc", 420, unit="s"), "unknown"),
    ("004-I3", man().lab("marrow_blasts", 120), "unknown"),
    ("002-I5", man().lab("ecog", 6), "unknown"),
    ("002-I5", man().lab("ecog", -1), "unknown"),
    ("001-I4", man().lab("karnofsky", 900), "unknown"),
    ("001-I4", man().lab("karnofsky", 1), "unknown"),  # an ECOG grade in the wrong field
    ("002-I5", man().lab("karnofsky", 1), "unknown"),
    ("004-AGE", man("1900-01-01"), "unknown"),
    ("004-AGE", man("0001-01-01"), "unknown"),
    ("004-AGE", man("2027-05-01"), "unknown"),
    ("004-AGE", man("1906-11-22"), "met"),
    ("001-I6", man("2026"), "not_met"),
]

RANGES = [
    ("001-I10", man().lab("lvef", "38-45 %"), "not_met"),
    ("002-I6a", man().lab("lvef", "45-55 %"), "not_met"),
    ("004-I5", man().lab("lvef", "50–55%"), "met"),
    ("004-I5", man().lab("lvef", "50% - 55%"), "met"),
    ("001-I11a", man().lab("alt", "190-210 U/L", referenceRange=[HIGH_40]).lab("ast", 20), "unknown"),
    ("001-I11a", man().lab("alt", "110-130 U/L", referenceRange=[HIGH_40]).lab("ast", 20), "met"),
    (
        "001-I11a",
        man().lab("alt", valueRange={"low": quantity(30, "U/L"), "high": quantity(1, "ukat/L")}).lab("ast", 20),
        "unknown",
    ),
    ("001-I11a", man().lab("alt", "40-30 U/L").lab("ast", 20), "unknown"),
    ("004-X2", man().lab("qtc", "430-440 ms"), "not_met!"),
    ("004-X2", man().lab("qtc", "440-470 ms"), "unknown"),
    ("004-X2", man().lab("qtc", "490-510 ms"), "unknown"),
    ("004-I3", man().lab("marrow_blasts", "4-8 %"), "unknown"),
    ("004-I3", man().lab("marrow_blasts", "10-15 %"), "met"),
    ("004-X4", after_hepatitis_b("0 [IU]/mL"), "not_met!"),
    ("004-X4", after_hepatitis_b("0-5000 [IU]/mL"), "unknown"),
    ("004-X4", after_hepatitis_b("20-5000 [IU]/mL"), "met"),
    ("002-I2", man().named_test(CD123, "0 %"), "not_met!"),
    ("002-I2", man().named_test(CD123, "0-5 %"), "unknown"),
    ("002-I2", man().named_test(CD123, "1-5 %"), "met!"),
    ("001-I3", man().named_test(CD123, "15-25 %"), "unknown"),
    ("001-I3", man().named_test(CD123, "20-25 %"), "met!"),
]
ANTIGEN_UNITS = [
    ("001-I3", man().named_test(CD123, None, valueQuantity=quantity(25, "percent", "%")), "met!"),
    ("001-I3", man().named_test(CD123, None, valueQuantity=quantity(0.25, "1")), "met!"),
    ("001-I3", man().named_test(CD123, None, valueQuantity=quantity(250, "%")), "unknown"),
    ("001-I3", man().named_test(CD123, None, valueQuantity=quantity(25, "U/L")), "unknown"),
]

IN_WORDS = [
    ("001-I11a", man().lab("alt", "30,5 U/L", referenceRange=[HIGH_40]).lab("ast", 20), "met"),
    ("001-I11a", man().lab("alt", "1,200 U/L", referenceRange=[HIGH_40]).lab("ast", 20), "unknown"),
    ("001-I11a", man().lab("alt", "30", referenceRange=[HIGH_40]).lab("ast", 20), "unknown"),
    ("001-I11a", man().lab("alt", "haemolysed").lab("ast", 20), "unknown"),
    ("001-I11a", man().lab("alt", "≤30 U/L", referenceRange=[HIGH_40]).lab("ast", 20), "met"),
    ("001-I11a", man().lab("alt", "1/2", referenceRange=[HIGH_40]).lab("ast", 20), "unknown"),
    ("001-I10", man().lab("lvef", "LVEF 60 %"), "met"),
    ("001-I10", man().lab("lvef", "55-60 % (visual estimate)"), "met"),
    ("001-I10", man().lab("lvef", "60 % last year, now less"), "unknown"),
    ("001-I3", man().named_test("CD123 by flow", "15 % (positive)"), "met!"),  # the laboratory's word, not its number
    ("001-I13", man().lab("spo2", "97% RA"), "met"),
    ("001-I13", man().lab("spo2", "97 % on room air"), "met"),
    ("001-I13", man().lab("spo2", "97 % on 2 L/min"), "unknown"),
]

SEXES = [{"coding": [{"code": sex}]} for sex in ("male", "female")]
NORMAL_RANGES = [
    *(
        ("002-I6c", ranged(121, {"text": text}), "not_met")
        for text in ("9~40", "9～40 U/L", "(9-40)", "9 to 40 U/L", "Normal: 9-40 U/L", "9 U/L - 40 U/L")
    ),
    *(("002-I6c", ranged(121, {"text": text}), "not_met!") for text in ("<40", "≤ 40 U/L", "up to 40")),
    ("002-I6c", ranged(30, {"text": "Male: 9-50; Female: 7-40"}), "met!"),
    ("002-I6c", ranged(130, high(40, appliesTo=[{"text": "Males"}]), high(60, appliesTo=[{"text": "Females"}])), "not_met"),
    ("002-I6c", ranged(130, high(40, appliesTo=[{"text": "男性"}]), high(60, appliesTo=[{"text": "女性"}])), "not_met"),
    ("002-I6c", ranged(130, high(40, appliesTo=SEXES[:1]), high(60, appliesTo=SEXES[1:]), of=Record(sex=None)), "unknown"),
    ("002-I6c", ranged(130, high(40, appliesTo=SEXES), of=Record(sex=None)), "not_met"),
    ("002-I6c", ranged(130, high(40, appliesTo=SEXES[:1]), high(60, appliesTo=SEXES[1:]), of=Record(sex="Female")), "met"),
    ("002-I6c", ranged(30, high(20, appliesTo=SEXES[1:])), "met!"),  # for women only: the site's default stands in
    ("002-I6c", ranged(30, high(20, appliesTo=[{"text": "Pregnant"}])), "met!"),
    ("002-I6c", ranged(130, HIGH_40, high(60, appliesTo=[{"text": "Newborn"}])), "unknown"),
    ("002-I6c", ranged(30, high(40, appliesTo=[{"text": "Adults"}])), "met"),
    ("002-I6c", ranged(30, high(40, appliesTo=[{"text": "Adults"}]), of=child()), "unknown"),
    ("002-I6c", ranged(30, high(40, age={"low": quantity(18, "years", "a")}), of=child()), "unknown"),
    ("002-I6c", ranged(130, HIGH_40, high(60, age={"high": quantity(30, "mo")}), of=child()), "not_met"),
    ("002-I6c", ranged(130, HIGH_40, high(60, age={"high": quantity(30, "months")}), of=child("2024-11-01")), "unknown"),
    ("002-I6c", ranged(130, high(40, age={"low": quantity(18, "a")}), high(60), of=man(None)), "unknown"),
    ("002-I6c", ranged(130, high(40, type={"coding": [{"code": "normal"}, {"code": "N"}]})), "not_met"),
]

LAST_DOSE = {"status": "completed", "medicationCodeableConcept": {"text": "Daunorubicin"}}
CYTARABINE = {"status": "completed", "medicationCodeableConcept": {"text": "Cytarabine"}}
MORNING, NOON, EVENING = (f"{days_ago(5)}T{hour}:00:00+05:45" for hour in ("07", "12", "19"))
INSULTS = [
    ("002-I6b", man().lab("creatinine", 70, 5).add("MedicationAdministration", effectiveDateTime=NOON, **CYTARABINE), "met"),
    (
        "002-I6b",
        man()
        .lab("creatinine", 70, effectiveDateTime=MORNING)
        .add("MedicationAdministration", effectiveDateTime=NOON, **CYTARABINE),
        "unknown",
    ),
    (
        "002-I6b",
        man()
        .lab("creatinine", 70, effectiveDateTime=EVENING)
        .add("MedicationAdministration", effectiveDateTime=NOON, **CYTARABINE),
        "met",
    ),
    (
        "001-I10",
        man().lab("lvef", 60, effectiveDateTime=MORNING).add("MedicationAdministration", effectiveDateTime=NOON, **LAST_DOSE),
        "unknown",
    ),
    ("001-I10", man().lab("lvef", 60).add("MedicationRequest", intent="order", authoredOn=days_ago(600), **LAST_DOSE), "met"),
    ("001-I10", man().lab("lvef", 60).add("MedicationStatement", effectiveDateTime=days_ago(600), **LAST_DOSE), "met"),
    ("001-I4", man().lab("karnofsky", 40, 10).lab("ecog", 1, 2).drug("cytarabine", 5, 5, status="completed"), "met!"),
    ("001-I4", man().lab("karnofsky", 80, 40).lab("ecog", 1, 40), "unknown"),
]

DIALYSIS = "302497006"
CREATININE = [
    ("002-I6b", man().lab("creatinine", 70).procedure(DIALYSIS, "Hemodialysis", 20), "unknown"),
    ("002-I6b", man().lab("creatinine", 70).procedure(DIALYSIS, "Hemodialysis", 400), "met"),
    ("002-I6b", man().lab("creatinine", 70).procedure(DIALYSIS, "Hemodialysis", None), "unknown"),
    (
        "001-I12",
        man().lab("creatinine", 70).procedure(DIALYSIS, "Hemodialysis", None, performedDateTime_="2026"),
        "unknown",
    ),
    ("004-I4c", man().lab("creatinine", 70).condition("Z99.2", "Dialysis", verification="provisional"), "unknown"),
    ("002-I6b", man().lab("creatinine", 600).condition("N18.5", "Chronic kidney disease, stage 5"), "not_met"),
    ("002-I6b", man().lab("creatinine", 70).named_test("eGFR (creatinine)", None, valueQuantity=quantity(90, "mL/min")), "met"),
    ("001-I12", child().lab("creatinine", 130, uln=60), "unknown"),
    ("001-I12", child().lab("creatinine", 230, uln=60), "not_met!"),
    ("001-I12", child().lab("creatinine", 40, referenceRange=None), "met!"),
    ("001-I12", man(None).lab("creatinine", 130, uln=60), "unknown"),  # a child's, or a man's
    ("001-I12", man(None).lab("creatinine", 70), "met!"),
]

BILIRUBIN = [
    (
        "002-I6d1",
        man().lab("bilirubin", 50).lab("alp", 100).condition("E80.4", "Gilbert", verification="provisional"),
        "unknown",
    ),
    ("002-I6d1", man().lab("bilirubin", 30).lab("alp", 100).condition("E80.4", "Gilbert", verification="provisional"), "met"),
    ("002-I6d1", man().lab("bilirubin", 50).lab("alp", 100).condition("E80.4", "Gilbert", verification="refuted"), "not_met"),
    (
        "002-I6d1",
        man().lab("bilirubin", 50).lab("alp", 100).lab("bilirubin_direct", 0.1).lab("bilirubin_direct", 0.2),
        "unknown",
    ),
    ("002-I6d1", man().lab("bilirubin", 50).lab("alp", 100).lab("bilirubin_direct", 0.1).lab("bilirubin_direct", 2), "not_met"),
    ("002-I6d1", man().lab("bilirubin", 50).lab("alp", 100).lab("bilirubin_direct", 0.1, 4), "not_met"),
    ("002-I6d1", man().lab("bilirubin", 50).lab("alp", 100).lab("bilirubin_direct", 9), "not_met"),  # more than the total
    ("002-I6d1", man().lab("bilirubin", 1e-30).lab("alp", 100).lab("bilirubin_direct", 1e11), "unknown"),
]

HEART = [
    ("004-I5", man().lab("lvef_plain", 60), "met!"),
    ("004-I5", man().lab("lvef_plain", 60, method={"text": "Echocardiography"}), "met"),
    ("004-I5", man().lab("lvef_plain", 60, method={"text": "TTE"}), "met"),
    ("004-I5", man().lab("lvef_plain", 60, method={"text": "超声心动图"}), "met"),
    ("004-I5", man().lab("lvef_plain", 60, method={"text": "Cardiac MRI"}), "met!"),
    ("002-I6a", man().lab("lvef_mr", 45), "not_met!"),
]

BY_FLOW = {"method": {"text": "Flow cytometry"}}
MARROW = [
    ("004-I3", man().lab("marrow_blasts", 4, note=[{"text": "flow cytometry pending"}]), "unknown"),
    ("004-I3", man().lab("marrow_blasts", 4, **BY_FLOW), "met"),
    ("004-I3", man().lab("marrow_flow", 4, specimen={"display": "Bone marrow aspirate"}), "met"),
    ("004-I3", man().lab("marrow_flow", 40, specimen={"display": "Peripheral blood"}), "unknown"),
    ("004-I3", man().lab("marrow_blasts", 4, method={"text": "Flow cytometry, % of the blast gate"}), "unknown"),
    ("004-I3", man().lab("marrow_blasts", 5).lab("marrow_blasts", 1, **BY_FLOW), "not_met"),
]


def beside(*components: dict[str, Any], value: float = 97, **more: Any) -> Record:
    """A saturation with what was recorded beside it."""
    return man().lab("spo2", value, component=list(components) or None, **more)


def device(words: str) -> dict[str, Any]:
    return {"code": {"text": "O2 Device"}, "valueString": words}


def fraction(value: float, unit: str) -> dict[str, Any]:
    return {"code": {"text": "FiO2"}, "valueQuantity": quantity(value, unit)}


FLOW_IN_WORDS = {"code": {"text": "Oxygen flow"}, "valueString": "2 L/min NC"}
NASAL = {"text": "Nasal cannula"}
OXYGEN = [
    ("001-I13", beside(device("Nasal cannula")), "unknown"),
    ("001-I13", beside(device("None (Room air)")), "met"),
    ("001-I13", beside(device("Room air")), "met"),
    ("001-I13", beside({"code": {"text": "Oxygen therapy"}, "valueBoolean": False}), "met"),
    ("001-I13", beside({"code": {"text": "Oxygen therapy"}, "valueBoolean": True}), "unknown"),
    ("001-I13", beside(device("Nasal cannula"), value=90), "not_met"),
    ("001-I13", man().lab("spo2", 97).named_test("Oxygen delivery device", None, valueCodeableConcept=NASAL), "unknown"),
    ("001-I13", beside(FLOW_IN_WORDS), "unknown"),
    ("001-I13", beside(fraction(0.4, "%")), "unknown"),  # 40 %, with the wrong unit
    ("001-I13", beside(fraction(20.9, "%")), "met"),
    ("001-I13", beside(fraction(0.21, "1")), "met"),
    ("001-I13", beside(note=[{"text": "on 2 L O2 via nasal cannula"}]), "unknown"),
    ("001-I13", beside(note=[{"text": "no supplemental oxygen"}]), "met!"),
    ("001-I13", beside(method={"text": "on oxygen"}), "unknown"),
    ("001-I13", man().lab("spo2", 97).condition("Z99.81", "Dependence on supplemental oxygen"), "unknown"),
    ("001-I13", man().lab("spo2", 97).condition("371825009", "Patient on oxygen", system=SNOMED), "unknown"),
    ("001-I13", man().lab("spo2", 97).condition("Z99.11", "Dependence on respirator", system=ICD_10_CM), "unknown"),
    ("001-I13", man().lab("spo2", 97).condition("Z99.81", "Dependence on oxygen", status="resolved"), "met!"),
    ("001-I13", man().lab("spo2_room_air", 97).condition("Z99.81", "Dependence on oxygen"), "met"),
    ("001-I13", man().lab("spo2", 97).lab("oxygen_flow", 2, effectiveDateTime="0001-01-01"), "met!"),
]

ECOG_3 = "3 - Capable of only limited selfcare, confined to bed or chair more than 50% of waking hours"
PERFORMANCE = [
    ("002-I5", man().lab("ecog", "1-2"), "met"),
    ("002-I5", man().lab("ecog", "2-3"), "unknown"),
    ("002-I5", man().lab("ecog", "ECOG 1-2"), "met!"),
    ("002-I5", man().lab("ecog", "ECOG 2-3"), "unknown"),
    ("001-I4", man().lab("ecog", "ECOG 1-2"), "unknown"),
    ("002-I5", man().lab("ecog", "ECOG 1, previously 3"), "unknown"),
    ("002-I5", man().lab("ecog", "1/4"), "unknown"),
    ("002-I5", man().lab("ecog", ECOG_3), "not_met!"),
    ("002-I5", man().lab("ecog", valueCodeableConcept={"text": "ECOG performance status - grade 1 (finding)"}), "met!"),
    ("002-I5", man().lab("ecog", valueQuantity={"value": 1, "comparator": "<"}), "unknown"),
    ("002-I5", man().lab("ecog", 1.5), "met"),
    ("002-I5", man().lab("ecog", 2.5), "unknown"),
    ("002-I5", man().lab("ecog", 1.3), "unknown"),
    ("001-I4", man().lab("karnofsky", 85), "met"),
    ("001-I4", man().lab("karnofsky", 65), "unknown"),
    ("001-I4", man().lab("karnofsky", "70-80 %"), "met"),
    ("001-I4", man().lab("karnofsky", "60-70"), "unknown"),
    ("002-I5", man().lab("karnofsky", "60-70"), "met!"),
    ("001-I4", man(None).lab("ecog", 1), "unknown"),  # a child's ECOG does not stand for Karnofsky
    ("001-I4", man("2010").lab("ecog", 1), "unknown"),
    ("001-I4", man("2009").lab("ecog", 1), "met!"),
    ("002-I5", man(None).lab("ecog", 1), "met"),
]

CASES = [
    *(*UNITS, *ANTIGEN_UNITS, *IMPLAUSIBLE, *RANGES, *IN_WORDS, *NORMAL_RANGES, *INSULTS),
    *(*CREATININE, *BILIRUBIN, *HEART, *MARROW, *OXYGEN, *PERFORMANCE),
]


@pytest.mark.parametrize(
    ("row", "record", "expected"), CASES, ids=[f"{n}:{row}:{answer}" for n, (row, _, answer) in enumerate(CASES)]
)
def test_the_row_is_answered(ask: Ask, row: str, record: Record, expected: str) -> None:
    verdict = ask(row, record).verdict
    assert f"{verdict.answer.value}{'!' if verdict.confirm else ''}" == expected, verdict.reasons
    assert verdict.evidence or expected == "unknown"


REASONS = [
    ("004-AGE", man(), "46 years old, at least 18"),
    ("004-AGE", man("2010-01-01"), "16 years old, younger than 18"),
    ("000-I2", man("1955"), "between 70 and 71 years old, which does not tell whether 18 to 70"),
    ("001-I6", man("2026"), "0 years old, outside 2 to 75"),
    ("004-AGE", man("1900-01-01"), "no birth date that tells the age"),
    ("001-I12", man().lab("creatinine_mass", 2.49), "Serum creatinine 2.49 mg/dL (220.12 umol/L) is not below 220 umol/L"),
    ("001-I12", man().lab("creatinine", 70), "read as serum creatinine"),
    ("001-I10", man().lab("lvef", 0.55, unit="1"), "LVEF 0.55 (55 %) is at least 40 %"),
    ("001-I10", man().lab("lvef", 0.55), f"LVEF 0.55 % ({days_ago(3)}): an implausible value"),
    ("001-I11a", alt(spoken(30, "furlong"), HIGH_40), "ALT 30 furlong"),
    ("001-I11a", ranged(30, high(40, "mg/dL")), "an upper limit of normal in a unit that does not fit"),
    ("001-I11a", man().lab("alt", 30).lab("alt", 900).lab("ast", 20), "ALT: results of one day do not agree"),
    ("001-I11a", man().lab("alt", 30).lab("alt", 900, effectiveDateTime=None), "whose order in time is not known do not agree"),
    ("002-I6d1", man().lab("bilirubin", 50).lab("alp", 9).lab("bilirubin_direct", 0.57), "is 19.494 % of total bilirubin"),
    ("001-I4", man().lab("ecog", 1), "Karnofsky performance status is above 60, read from ECOG performance status 1"),
    ("001-I4", man().lab("ecog", 2), "does not tell whether Karnofsky performance status is above 60"),
    ("001-I4", man(None).lab("ecog", 1), "no birth date that tells the age"),
    ("004-I3", man().lab("marrow_blasts", 5), "Marrow blasts 5 % is not above 5 %; Marrow blasts by flow cytometry: no result"),
    ("004-I4a", man().lab("bilirubin", 40), "the two printed limits contradict each other here: a person has to judge"),
    ("004-I4c", man().lab("creatinine", 160), "the two printed limits contradict each other here: a person has to judge"),
    ("004-X2", man().lab("qtc", 430, 40), "last value passing"),
    ("004-X2", man().lab("qtc", 520, 40), "last value failing"),
    ("002-I6a", man().lab("lvef", 30, 60), "last value failing"),
    ("002-I6b", man().lab("creatinine", 300, 9).drug("cytarabine", 5, 5, status="completed"), "300 umol/L is above 2 x ULN"),
    (
        "002-I6b",
        man().lab("creatinine", 70).procedure(DIALYSIS, "Hemodialysis", None),
        "under dialysis creatinine does not tell",
    ),
]


@pytest.mark.parametrize(("row", "record", "said"), REASONS, ids=[f"{n}:{row}" for n, (row, _, _) in enumerate(REASONS)])
def test_the_reason_names_value_unit_date_and_limit(ask: Ask, row: str, record: Record, said: str) -> None:
    assert said in wording.reason(ask(row, record).verdict)


def test_what_is_missing_is_named_once_with_what_to_order(ask: Ask) -> None:
    (missing,) = ask("001-I12", man()).verdict.missing
    assert missing.order == "Serum creatinine [LOINC 14682-9]"
