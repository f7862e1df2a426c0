"""Seeded `patient-view` calls of an EHR's usual size. The same seed, day and number of Observations give the same bytes.

All patients are invented. Days are counted back from `as_of`, since results grow old.
Source of codes: the value sets and fixtures of this repository; those that no criterion asks for, from published FHIR examples.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from cds_service.terminology.codes import ICD_10_CM, LOINC, RXNORM, UCUM

Json = Mapping[str, object]
PATIENT = "Patient/bench-1"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Test:
    """A test that some Observation reports: LOINC code, name, the laboratory's short name, unit, normal range."""

    code: str
    display: str
    text: str
    category: str
    unit: str = ""
    low: float = 0
    high: float = 0


@dataclass(frozen=True, slots=True)
class Result:
    """A number, or the HL7 code of an interpretation, so many days ago."""

    test: Test
    value: float | str
    days_ago: int


_ALT = Test(
    "1742-6",
    "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
    "ALT",
    "laboratory",
    "U/L",
    7,
    40,
)
_AST = Test(
    "1920-8",
    "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
    "AST",
    "laboratory",
    "U/L",
    8,
    40,
)
_ALP = Test(
    "6768-6",
    "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
    "ALP",
    "laboratory",
    "U/L",
    40,
    120,
)
_BILIRUBIN = Test("14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "Bilirubin", "laboratory", "umol/L", 3, 20)
_CREATININE = Test("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "Creatinine", "laboratory", "umol/L", 60, 100)
_NEUTROPHILS = Test("751-8", "Neutrophils [#/volume] in Blood by Automated count", "Neutrophils", "laboratory", "10*9/L", 2, 7)
_PLATELETS = Test("777-3", "Platelets [#/volume] in Blood by Automated count", "Platelets", "laboratory", "10*9/L", 150, 400)
_MARROW_BLASTS = Test("11150-0", "Blasts/100 cells in Bone marrow", "Marrow blasts", "laboratory", "%")
_BLOOD_BLASTS = Test("709-6", "Blasts/100 leukocytes in Blood by Manual count", "Blood blasts", "laboratory", "%")
_SATURATION = Test(
    "59410-1", "Oxygen saturation in Arterial blood by Pulse oximetry --on room air", "SpO2 on room air", "vital-signs", "%"
)

MATTERING = (
    Result(_ALT, 28, 4),
    Result(_AST, 25, 4),
    Result(_ALP, 88, 4),
    Result(_BILIRUBIN, 11, 4),
    Result(_CREATININE, 77, 4),
    Result(_SATURATION, 97, 2),
    Result(Test("89247-1", "ECOG Performance Status score", "ECOG", "survey", "{score}"), 1, 4),
    Result(Test("89243-0", "Karnofsky Performance Status score", "Karnofsky", "survey", "{score}"), 90, 4),
    Result(Test("8806-2", "Left ventricular Ejection fraction by 2D echo", "LVEF", "imaging", "%"), 62, 12),
    Result(Test("8636-3", "Q-T interval corrected", "QTc", "procedure", "ms"), 418, 9),
    Result(
        Test("56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay", "HIV", "laboratory"), "NEG", 10
    ),
    Result(
        Test("5196-1", "Hepatitis B virus surface Ag [Presence] in Serum or Plasma by Immunoassay", "HBsAg", "laboratory"),
        "NEG",
        10,
    ),
    Result(
        Test("13952-7", "Hepatitis B virus core Ab [Presence] in Serum or Plasma by Immunoassay", "Anti-HBc", "laboratory"),
        "NEG",
        10,
    ),
    Result(
        Test("13955-0", "Hepatitis C virus Ab [Presence] in Serum or Plasma by Immunoassay", "Anti-HCV", "laboratory"),
        "NEG",
        10,
    ),
    Result(Test("51183-2", "CD117 Ag [Presence] in Bone marrow by Immune stain", "CD117", "laboratory"), "POS", 6),
    Result(_MARROW_BLASTS, 42, 6),
    Result(_BLOOD_BLASTS, 18, 6),
    Result(_NEUTROPHILS, 0.6, 6),
    Result(_PLATELETS, 35, 6),
    Result(_MARROW_BLASTS, 2, 460),
    Result(_NEUTROPHILS, 2.4, 460),
    Result(_PLATELETS, 210, 460),
    Result(_ALT, 33, 40),
    Result(_CREATININE, 81, 40),
)
"""What the criteria ask for: organ function, performance, infections, antigen, and marrows of remission and relapse."""

BYSTANDERS = (
    Test("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "Sodium", "laboratory", "mmol/L", 136, 145),
    Test("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "Potassium", "laboratory", "mmol/L", 3.5, 5.1),
    Test("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "Chloride", "laboratory", "mmol/L", 98, 106),
    Test("1963-8", "Bicarbonate [Moles/volume] in Serum or Plasma", "Bicarbonate", "laboratory", "mmol/L", 22, 28),
    Test("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "Urea nitrogen", "laboratory", "mg/dL", 6, 20),
    Test("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "Glucose", "laboratory", "mg/dL", 74, 106),
    Test("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "Calcium", "laboratory", "mg/dL", 8.5, 10.5),
    Test("2885-2", "Protein [Mass/volume] in Serum or Plasma", "Total protein", "laboratory", "g/dL", 6, 8.3),
    Test("1751-7", "Albumin [Mass/volume] in Serum or Plasma", "Albumin", "laboratory", "g/dL", 3.5, 5),
    Test(
        "2324-2", "Gamma glutamyl transferase [Enzymatic activity/volume] in Serum or Plasma", "GGT", "laboratory", "U/L", 5, 60
    ),
    Test(
        "2532-0", "Lactate dehydrogenase [Enzymatic activity/volume] in Serum or Plasma", "LDH", "laboratory", "U/L", 120, 250
    ),
    Test("3084-1", "Urate [Mass/volume] in Serum or Plasma", "Uric acid", "laboratory", "mg/dL", 3.5, 7.2),
    Test("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "White cells", "laboratory", "10*9/L", 4, 11),
    Test("789-8", "Erythrocytes [#/volume] in Blood by Automated count", "Red cells", "laboratory", "10*12/L", 4.2, 5.8),
    Test("718-7", "Hemoglobin [Mass/volume] in Blood", "Haemoglobin", "laboratory", "g/dL", 13.5, 17.5),
    Test("30522-7", "CRP SerPl HS-mCnc", "CRP", "laboratory", "mg/L", 0, 5),
    Test("8867-4", "Heart rate", "Heart rate", "vital-signs", "/min", 50, 100),
    Test("29463-7", "Body Weight", "Weight", "vital-signs", "kg", 50, 100),
)
"""What every chart holds and no criterion asks for. Of each laboratory test a third comes under the hospital's own code."""

_KEYS = {
    "laboratory": "laboratory",
    "vital-signs": "vitalSigns",
    "imaging": "imaging",
    "procedure": "procedureResults",
    "survey": "assessments",
}
_EVERYDAY_CONDITIONS = (
    ("I10", "Essential (primary) hypertension"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("E78.5", "Hyperlipidemia, unspecified"),
    ("K21.9", "Gastro-esophageal reflux disease without esophagitis"),
    ("E03.9", "Hypothyroidism, unspecified"),
)
_EVERYDAY_MEDICINES = (
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    (None, "Atorvastatin 20 mg"),
    (None, "Omeprazole 20 mg"),
    (None, "Levothyroxine 75 micrograms"),
)


def relapsed_aml(observations: int, as_of: date, seed: int = 1) -> bytes:
    """Relapsed AML: three trials' cards result. Of the Observations `MATTERING` matter, the rest are bystanders."""
    chart = _Chart(as_of, Random(seed))
    conditions = [
        chart.condition("C92.00", "Acute myeloblastic leukemia, not having achieved remission", 520),
        chart.condition("C92.02", "Acute myeloblastic leukemia, in relapse", 6),
        *(chart.condition(code, name, 2000) for code, name in _EVERYDAY_CONDITIONS[:3]),
    ]
    medicines = [
        chart.medicine("3041", "Cytarabine", 512, 506),
        chart.medicine("3109", "Daunorubicin", 512, 510),
        *(chart.medicine(code, name, 2000) for code, name in _EVERYDAY_MEDICINES[:3]),
    ]
    mattering = [chart.observation(result) for result in MATTERING]
    return chart.call(conditions, medicines, [*mattering, *chart.bystanders(observations - len(mattering))])


def without_leukaemia(observations: int, as_of: date, seed: int = 1) -> bytes:
    """The common chart: nothing in it is a sign of the disease, and no card results."""
    chart = _Chart(as_of, Random(seed))
    conditions = [chart.condition(code, name, 2000) for code, name in _EVERYDAY_CONDITIONS]
    medicines = [chart.medicine(code, name, 2000) for code, name in _EVERYDAY_MEDICINES]
    return chart.call(conditions, medicines, list(chart.bystanders(observations)))


class _Chart:
    """One patient's chart in the making: resources are numbered, and what varies comes from one seeded source."""

    def __init__(self, as_of: date, random: Random) -> None:
        self._as_of = as_of
        self._random = random
        self._count = 0

    def condition(self, code: str, name: str, days_ago: int) -> Json:
        return {
            **self._resource("Condition"),
            "clinicalStatus": _coded(f"{_TERMINOLOGY}/condition-clinical", "active", "Active"),
            "verificationStatus": _coded(f"{_TERMINOLOGY}/condition-ver-status", "confirmed", "Confirmed"),
            "category": [_coded(f"{_TERMINOLOGY}/condition-category", "problem-list-item", "Problem List Item")],
            "code": _coded(ICD_10_CM, code, name),
            "onsetDateTime": self._day(days_ago),
            "recordedDate": self._day(days_ago),
        }

    def medicine(self, code: str | None, name: str, first: int, last: int | None = None) -> Json:
        """Given from so many days ago to so many days ago, or still taken."""
        period = {"start": self._day(first), **({"end": self._day(last)} if last is not None else {})}
        return {
            **self._resource("MedicationStatement"),
            "status": "active" if last is None else "completed",
            "medicationCodeableConcept": _coded(RXNORM, code, name) if code is not None else {"text": name},
            "effectivePeriod": period,
            "dosage": [{"route": {"text": "Oral" if last is None else "Intravenous"}}],
        }

    def bystanders(self, count: int) -> Iterator[Json]:
        for position in range(count):
            test = BYSTANDERS[position % len(BYSTANDERS)]
            value = round(self._random.uniform(test.low, test.high * 1.1), 1)
            local = position % 3 == 0
            yield self.observation(Result(test, value, self._random.randrange(1, 700)), local=local)

    def observation(self, result: Result, *, local: bool = False) -> Json:
        """`local`: under the hospital's own code, as results of small laboratories come."""
        test = result.test
        taken = f"{self._day(result.days_ago)}T{self._random.randrange(6, 18):02}:{self._random.randrange(60):02}:00+01:00"
        system, code = ("urn:oid:2.999.1.1", f"LAB{test.code[:4]}") if local else (LOINC, test.code)
        return {
            **self._resource("Observation"),
            "status": "final",
            "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": test.category}]}],
            "code": {"coding": [{"system": system, "code": code, "display": test.display}], "text": test.text},
            "effectiveDateTime": taken,
            "issued": taken,
            "performer": [{"display": "Laboratory"}],
            **_value(result),
        }

    def call(self, conditions: Sequence[Json], medicines: Sequence[Json], observations: Sequence[Json]) -> bytes:
        """The whole CDS Hooks request, newest results first, as compact JSON."""
        newest_first = sorted(observations, key=lambda one: str(one["effectiveDateTime"]), reverse=True)
        by_key: dict[str, list[Json]] = {key: [] for key in _KEYS.values()}
        for observation in newest_first:
            by_key[_KEYS[_category(observation)]].append(observation)
        prefetch = {
            "patient": {
                "resourceType": "Patient",
                "id": PATIENT.removeprefix("Patient/"),
                "active": True,
                "gender": "male",
                "birthDate": self._day(47 * 365),
            },
            "conditions": _bundle(conditions),
            **{key: _bundle(resources) for key, resources in by_key.items()},
            "medicationStatements": _bundle(medicines),
            **dict.fromkeys(("medicationRequests", "medicationAdministrations", "procedures"), _bundle(())),
            **dict.fromkeys(("diagnosticReports", "marrowBlasts", "antigens"), _bundle(())),
        }
        request = {
            "hook": "patient-view",
            "hookInstance": str(UUID(int=self._random.getrandbits(128), version=4)),
            "context": {"userId": "Practitioner/bench", "patientId": PATIENT.removeprefix("Patient/")},
            "prefetch": prefetch,
        }
        return json.dumps(request, separators=(",", ":")).encode()

    def _resource(self, resource_type: str) -> dict[str, object]:
        self._count += 1
        return {
            "resourceType": resource_type,
            "id": f"bench-{self._count}",
            "meta": {"versionId": "1", "lastUpdated": f"{self._day(1)}T04:00:00Z"},
            "subject": {"reference": PATIENT},
        }

    def _day(self, days_ago: int) -> str:
        return (self._as_of - timedelta(days=days_ago)).isoformat()


def _value(result: Result) -> Json:
    test = result.test
    if isinstance(result.value, str):
        return {"interpretation": [_coded(f"{_TERMINOLOGY}/v3-ObservationInterpretation", result.value, result.value)]}
    value = {"valueQuantity": _quantity(result.value, test.unit)}
    if not test.high:
        return value
    ends = {"low": _quantity(test.low, test.unit), "high": _quantity(test.high, test.unit)}
    return {**value, "referenceRange": [ends]}


def _quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _coded(system: str, code: str, name: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": name}], "text": name}


def _category(observation: Json) -> str:
    match observation["category"]:
        case [{"coding": [{"code": str(code)}]}]:
            return code
    raise ValueError("an Observation without a category")


def _bundle(resources: Sequence[Json]) -> Json:
    entries = [
        {
            "fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), **({"entry": entries} if entries else {})}
