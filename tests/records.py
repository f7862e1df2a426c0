"""Patients' records for tests, built fact by fact as FHIR R4."""

import json
from datetime import date, timedelta
from typing import Any

AS_OF = date(2026, 11, 22)

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

LABS = {
    "alt": ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L"),
    "ast": ("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L"),
    "alp": ("6768-6", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma", "U/L"),
    "bilirubin": ("14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "umol/L"),
    "bilirubin_mass": ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL"),
    "bilirubin_direct": ("1968-7", "Bilirubin.direct [Mass/volume] in Serum or Plasma", "mg/dL"),
    "creatinine": ("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L"),
    "creatinine_mass": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL"),
    "lvef": ("8806-2", "Left ventricular Ejection fraction by 2D echo", "%"),
    "lvef_plain": ("10230-1", "Left ventricular Ejection fraction", "%"),
    "lvef_mr": ("8811-2", "Left ventricular Ejection fraction by MR", "%"),
    "spo2": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%"),
    "spo2_room_air": ("59410-1", "Oxygen saturation in Arterial blood by Pulse oximetry --on room air", "%"),
    "oxygen_flow": ("3151-8", "Inhaled oxygen flow rate", "L/min"),
    "ecog": ("89247-1", "ECOG Performance Status score", "{score}"),
    "karnofsky": ("89243-0", "Karnofsky Performance Status score", "{score}"),
    "marrow_blasts": ("11150-0", "Blasts/100 cells in Bone marrow", "%"),
    "marrow_flow": ("67128-9", "Abnormal leukocytes/Leukocytes in Specimen by Flow cytometry (FC)", "%"),
    "qtc": ("8636-3", "Q-T interval corrected", "ms"),
    "cd117_cells": ("42866-4", "CD117 cells/100 cells in Bone marrow", "%"),
    "cd117_stain": ("51183-2", "CD117 Ag [Presence] in Bone marrow by Immune stain", None),
    "hiv": ("56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay", None),
    "hiv_rna": ("25835-0", "HIV 1 RNA [Presence] in Serum or Plasma by NAA with probe detection", None),
    "hbsag": ("5196-1", "Hepatitis B virus surface Ag [Presence] in Serum or Plasma by Immunoassay", None),
    "hbv_dna": ("42595-9", "Hepatitis B virus DNA [Units/volume] in Serum or Plasma by NAA", "[IU]/mL"),
    "anti_hbc": ("13952-7", "Hepatitis B virus core Ab [Presence] in Serum or Plasma by Immunoassay", None),
    "hcv_ab": ("13955-0", "Hepatitis C virus Ab [Presence] in Serum or Plasma by Immunoassay", None),
    "hcv_rna": ("11011-4", "Hepatitis C virus RNA [Units/volume] in Serum or Plasma by NAA", "[IU]/mL"),
    "hcg": ("2118-8", "Choriogonadotropin (pregnancy test) [Presence] in Serum or Plasma", None),
    "neutrophils": ("751-8", "Neutrophils [#/volume] in Blood by Automated count", "10*9/L"),
    "platelets": ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*9/L"),
    "blood_blasts": ("709-6", "Blasts/100 leukocytes in Blood by Manual count", "%"),
    "csf_blasts": ("26447-3", "Blasts/100 leukocytes in Cerebral spinal fluid", "%"),
    "disease_status": ("97509-4", "Cancer Disease Progression", None),
}
DRUGS = {
    "tacrolimus": "42316",
    "prednisone": "8640",
    "dexamethasone": "3264",
    "cytarabine": "3041",
    "daunorubicin": "3109",
    "meropenem": "29561",
    "idarubicin": "5650",
    "mitoxantrone": "7005",
    "fludarabine": "24698",
    "cladribine": "44157",
    "etoposide": "4179",
    "azacitidine": "1251",
    "decitabine": "15657",
    "venetoclax": "1747556",
    "gilteritinib": "2105806",
    "filgrastim": "68442",
    "busulfan": "1828",
    "cyclophosphamide": "3002",
    "hydroxyurea": "5552",
}
ULN = {"alt": 40, "ast": 40, "alp": 120, "bilirubin": 20, "creatinine": 100}


def days_ago(count: int) -> str:
    return (AS_OF - timedelta(days=count)).isoformat()


class Record:
    """A Bundle in the making. Each method adds one resource and returns the record."""

    def __init__(self, born: str | None = "1980-05-01", sex: str | None = "male", **more: Any) -> None:
        patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Example", "given": ["Invented"]}], **more}
        patient |= {key: value for key, value in (("birthDate", born), ("gender", sex)) if value}
        self.resources: list[dict[str, Any]] = [patient]

    def add(self, resource_type: str, **content: Any) -> "Record":
        resource = {"resourceType": resource_type, "id": f"r{len(self.resources)}", "subject": {"reference": "Patient/p"}}
        resource |= {key.rstrip("_"): value for key, value in content.items() if value is not None}
        self.resources.append(resource)
        return self

    def condition(
        self,
        code: str | None = None,
        text: str | None = None,
        *,
        system: str = ICD_10_CM,
        status: str | None = "active",
        verification: str | None = "confirmed",
        onset: str | None = None,
        recorded: str | None = "2026-10-01",
        display: str | None = None,
        **more: Any,
    ) -> "Record":
        coding = {"system": system, "code": code, **({"display": display} if display else {})}
        concept = {**({"coding": [coding]} if code else {}), **({"text": text} if text else {})}
        return self.add(
            "Condition",
            code=concept,
            clinicalStatus=_coded("condition-clinical", status),
            verificationStatus=_coded("condition-ver-status", verification),
            onsetDateTime=onset,
            recordedDate=recorded,
            **more,
        )

    def lab(
        self, name: str, value: Any = None, ago: int = 3, *, unit: str | None = "", uln: Any = None, **more: Any
    ) -> "Record":
        """A result: a number with the test's usual unit, or words."""
        code, display, usual = LABS[name]
        content: dict[str, Any] = {"status": "final", "effectiveDateTime": days_ago(ago)}
        if isinstance(value, str):
            content["valueString"] = value
        elif value is not None:
            used = usual if unit == "" else unit
            quantity = {"value": value, **({"unit": used, "system": "http://unitsofmeasure.org", "code": used} if used else {})}
            content["valueQuantity"] = quantity
            high = uln if uln is not None else ULN.get(name)
            if high:
                content["referenceRange"] = [{"high": {**quantity, "value": high}}]
        concept = {"coding": [{"system": LOINC, "code": code, "display": display}]}
        return self.add("Observation", code=concept, **(content | more))

    def named_test(self, text: str, words: str | None = None, ago: int = 3, **more: Any) -> "Record":
        """A test that only words name."""
        content = {"status": "final", "effectiveDateTime": days_ago(ago), "valueString": words} | more
        return self.add("Observation", code={"text": text}, **content)

    def drug(
        self,
        name: str,
        start: int | None = 30,
        end: int | None = None,
        *,
        status: str = "active",
        reason: str | None = None,
        route: str | None = "Oral",
        **more: Any,
    ) -> "Record":
        """A MedicationStatement from so many days ago to so many days ago."""
        concept: dict[str, Any] = {"text": name}
        if name in DRUGS:
            concept["coding"] = [{"system": RXNORM, "code": DRUGS[name], "display": name}]
        period = {key: days_ago(ago) for key, ago in (("start", start), ("end", end)) if ago is not None}
        content = {
            "status": status,
            "effectivePeriod": period or None,
            "reasonCode": [{"text": reason}] if reason else None,
            "dosage": [{"route": {"text": route}}] if route else None,
        } | more
        return self.add("MedicationStatement", medicationCodeableConcept=concept, **content)

    def given(self, name: str, first: str, last: str | None = None, *, status: str = "completed", **more: Any) -> "Record":
        """A MedicationStatement of an infusion from day to day."""
        period = {"start": first, "end": last or first}
        concept = {"text": name, "coding": [{"system": RXNORM, "code": DRUGS[name], "display": name}]}
        content = {"effectivePeriod": period, "dosage": [{"route": {"text": "Intravenous"}}]} | more
        return self.add("MedicationStatement", status=status, medicationCodeableConcept=concept, **content)

    def induction(self, on: str, **more: Any) -> "Record":
        """7+3: cytarabine for seven days, daunorubicin for three."""
        first = date.fromisoformat(on)
        week, three = (first + timedelta(days=6)).isoformat(), (first + timedelta(days=2)).isoformat()
        return self.given("cytarabine", on, week, **more).given("daunorubicin", on, three, **more)

    def flag_ida(self, on: str) -> "Record":
        last = (date.fromisoformat(on) + timedelta(days=4)).isoformat()
        return self.given("fludarabine", on, last).given("cytarabine", on, last).given("idarubicin", on, last)

    def marrow(self, blasts: Any, on: str, neutrophils: Any = None, platelets: Any = None, **more: Any) -> "Record":
        """A marrow, and the blood counts of its day."""
        self.lab("marrow_blasts", blasts, effectiveDateTime=on, **more)
        for name, value in (("neutrophils", neutrophils), ("platelets", platelets)):
            if value is not None:
                self.lab(name, value, effectiveDateTime=on)
        return self

    def remission(self, on: str) -> "Record":
        """A marrow in complete remission."""
        return self.marrow(2, on, 1.8, 180)

    def medicine(self, resource_type: str, name: str, ago: int, *, status: str | None = "", **more: Any) -> "Record":
        """A medicine that only words name, given, ordered or handed over so many days ago."""
        dates = {"MedicationRequest": "authoredOn", "MedicationDispense": "whenHandedOver"}
        usual = "active" if resource_type == "MedicationRequest" else "completed"
        content: dict[str, Any] = {"status": usual if status == "" else status, "medicationCodeableConcept": {"text": name}}
        content[dates.get(resource_type, "effectiveDateTime")] = days_ago(ago)
        return self.add(
            resource_type, **({"intent": "order"} if resource_type == "MedicationRequest" else {}), **content, **more
        )

    def procedure(self, code: str | None, text: str, ago: int | None = 100, *, system: str = SNOMED, **more: Any) -> "Record":
        concept = {"text": text, **({"coding": [{"system": system, "code": code}]} if code else {})}
        content = {"status": "completed", "performedDateTime": days_ago(ago) if ago is not None else None} | more
        return self.add("Procedure", code=concept, **content)

    def bundle(self) -> dict[str, Any]:
        return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in self.resources]}

    def body(self) -> bytes:
        return json.dumps(self.bundle()).encode()


def _coded(system: str, code: str | None) -> dict[str, Any] | None:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]} if code else None


def relapsed_aml(born: str = "1980-05-01", sex: str = "male") -> Record:
    """AML diagnosed and treated here, in relapse by code."""
    return (
        Record(born, sex)
        .condition("C92.00", "Acute myeloblastic leukemia", onset="2025-01-10", recorded="2025-01-10")
        .drug("cytarabine", 660, 654, status="completed", route="Intravenous")
        .condition("C92.02", "Acute myeloblastic leukemia, in relapse", recorded="2026-10-01")
    )


def interpretation(code: str) -> list[dict[str, Any]]:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    return [{"coding": [{"system": system, "code": code}]}]
