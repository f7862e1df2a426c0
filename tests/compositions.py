"""Whole records for property tests: patient stories and parts of the examples, with generated resources between."""

import copy
import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cds_service.checking.examples import SHIPPED
from tests.records import AS_OF, DRUGS, LABS, RXNORM, SNOMED, Record, days_ago, interpretation

Resource = dict[str, Any]
Resources = list[Resource]


def _resources(path: Path) -> Resources:
    return [entry["resource"] for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]]


STORIES = [_resources(path) for path in sorted(Path("fhir_fixtures/patients").glob("*.json"))]
_PARTS = [_resources(path) for path in sorted(SHIPPED.glob("*.json"))]
PERSONS = [part[0] for part in _PARTS if part[0]["resourceType"] == "Patient"]
PARTS = [part for part in _PARTS if part[0]["resourceType"] != "Patient"]

AGO = st.sampled_from([-2, 0, 1, 3, 7, 8, 10, 14, 15, 20, 28, 29, 42, 56, 57, 90, 91, 180, 300, 400, 500, 600, 650])
NUMBERS = st.sampled_from(
    [0, 0.4, 1, 1.9, 2, 3, 4.9, 5, 5.1, 12, 20, 30, 49, 50, 60, 70, 91.9, 92, 97, 100, 119, 121, 180, 200, 450, 501]
)
WORDS = st.sampled_from(
    ["Positive", "Negative", "Non-reactive", "Not detected", "<5", ">1000", "55-60 %", "normal", "see report"]
)
STATEMENTS = ["Complete remission", "Relapse", "Refractory", "Partial remission", "Newly diagnosed, untreated", "Stable"]
DIAGNOSES = [
    ("C92.00", "Acute myeloblastic leukemia", None),
    ("C92.01", "Acute myeloblastic leukemia, in remission", None),
    ("C92.02", "Acute myeloblastic leukemia, in relapse", None),
    ("C92.40", "Acute promyelocytic leukemia", None),
    ("C95.90", "Leukemia, unspecified", None),
    ("C86.40", "Blastic NK-cell lymphoma", None),
    ("404155008", "Granulocytic sarcoma affecting skin", SNOMED),
    ("12291000132102", "Refractory AML", SNOMED),
    ("C50.911", "Malignant neoplasm of right breast", None),
    ("C44.01", "Basal cell carcinoma of skin of lip", None),
    ("D46.9", "Myelodysplastic syndrome", None),
    ("D89.810", "Acute graft-versus-host disease", None),
    ("D89.811", "Chronic graft-versus-host disease", None),
    ("A41.9", "Sepsis, unspecified organism", None),
    ("B20", "HIV disease", None),
    ("B18.2", "Chronic viral hepatitis C", None),
    ("E80.4", "Gilbert syndrome", None),
    ("Z99.2", "Dependence on renal dialysis", None),
    ("G40.909", "Epilepsy, unspecified", None),
    ("I63.9", "Cerebral infarction", None),
    ("I21.9", "Acute myocardial infarction", None),
    ("I50.9", "Heart failure, unspecified", None),
    ("F20.9", "Schizophrenia", None),
    ("M32.9", "Systemic lupus erythematosus", None),
    ("Z33.1", "Pregnant state, incidental", None),
    ("Z94.0", "Kidney transplant status", None),
    ("228388006", "Intravenous drug user", SNOMED),
    ("F11.20", "Opioid dependence, uncomplicated", None),
    ("B44.1", "Other pulmonary aspergillosis", None),
    ("I45.81", "Long QT syndrome", None),
    ("E06.3", "Autoimmune thyroiditis", None),
    (None, "Chronic hepatitis B", None),
    (None, "Donor cell leukemia", None),
    (None, "乳腺癌", None),
]
PROCEDURES = [
    ("425843001", "Allogeneic peripheral blood stem cell transplant"),
    ("1156961008", "Chimeric antigen receptor T-cell immunotherapy"),
    (None, "Hemodialysis"),
    (None, "CAR-NK cell infusion"),
]
IRRELEVANT: Resources = [
    Record().condition("I10", "Essential hypertension").resources[1],
    Record().condition(None, "Seasonal allergic rhinitis", status="resolved").resources[1],
    Record().named_test("Body height", "171 cm").resources[1],
    Record().named_test("Serum sodium", "140 mmol/L").resources[1],
    Record().drug("Paracetamol").resources[1],
    Record().procedure(None, "Appendectomy", 9000).resources[1],
    Record().add("DiagnosticReport", status="final", code={"text": "Chest X-ray"}, conclusion="No consolidation.").resources[1],
    Record().add("Encounter", status="finished").resources[1],
]
"""What no criterion asks about."""


@st.composite
def _laboratory(draw: st.DrawFn) -> Resource:
    name = draw(st.sampled_from(sorted(LABS)))
    kind = draw(st.sampled_from(["number", "number", "number", "words", "positive", "negative"]))
    record = Record()
    if kind == "number":
        ago = draw(AGO)
        moment = draw(st.sampled_from(["", "T08:00:00+08:00", "T23:30:00Z"]))
        record.lab(name, draw(NUMBERS), effectiveDateTime=f"{days_ago(ago)}{moment}")
    elif kind == "words":
        record.lab(name, draw(WORDS), draw(AGO))
    else:
        record.lab(name, None, draw(AGO), interpretation=interpretation("POS" if kind == "positive" else "NEG"))
    return record.resources[1]


@st.composite
def _course(draw: st.DrawFn) -> Resource:
    """What tells of the disease course: marrows, counts, blood blasts, statements."""
    name = draw(st.sampled_from(["marrow_blasts", "marrow_blasts", "neutrophils", "platelets", "blood_blasts", "marrow_flow"]))
    if draw(st.integers(0, 3)) == 0:
        return Record().lab("disease_status", draw(st.sampled_from(STATEMENTS)), draw(AGO)).resources[1]
    return Record().lab(name, draw(st.sampled_from([0, 0.6, 1, 2, 4, 5, 8, 15, 20, 30, 60, 120])), draw(AGO)).resources[1]


@st.composite
def diagnoses(draw: st.DrawFn) -> Resource:
    code, text, system = draw(st.sampled_from(DIAGNOSES))
    more = {"system": system} if system else {}
    onset = draw(st.none() | AGO)
    return (
        Record()
        .condition(
            code,
            text,
            status=draw(st.sampled_from(["active", "active", "resolved", "remission", "inactive", "recurrence", None])),
            verification=draw(st.sampled_from(["confirmed", "confirmed", "confirmed", "provisional", "refuted", None])),
            onset=days_ago(onset) if onset is not None else None,
            recorded=days_ago(draw(AGO)),
            **more,
        )
        .resources[1]
    )


@st.composite
def medicines(draw: st.DrawFn) -> Resource:
    name, start = draw(st.sampled_from(sorted(DRUGS))), draw(AGO)
    length = draw(st.sampled_from([0, 2, 4, 6, 13, 30, 90, None]))
    route = draw(st.sampled_from(["Intravenous", "Intravenous", "Oral", "Intrathecal", None]))
    concept = {"text": name, "coding": [{"system": RXNORM, "code": DRUGS[name], "display": name}]}
    kind = draw(st.sampled_from(["statement", "statement", "request", "administration"]))
    if kind == "request":
        order = {"status": draw(st.sampled_from(["active", "completed", "draft"])), "intent": "order"}
        return (
            Record()
            .add("MedicationRequest", medicationCodeableConcept=concept, authoredOn=days_ago(start), **order)
            .resources[1]
        )
    if kind == "administration":
        given = {"status": draw(st.sampled_from(["completed", "not-done"])), "effectiveDateTime": days_ago(start)}
        return Record().add("MedicationAdministration", medicationCodeableConcept=concept, **given).resources[1]
    end = None if length is None else max(start - length, -2)
    reason = draw(st.sampled_from([None, None, "Graft versus host disease", "Nausea", "Prophylaxis"]))
    status = draw(st.sampled_from(["completed", "completed", "active", "stopped", "not-taken"]))
    return Record().drug(name, start, end, status=status, route=route, reason=reason).resources[1]


@st.composite
def procedures(draw: st.DrawFn) -> Resource:
    code, text = draw(st.sampled_from(PROCEDURES))
    return Record().procedure(code, text, draw(st.none() | AGO)).resources[1]


CONCLUSIONS = [
    "Leukemia cutis.",
    "No evidence of leukemia cutis.",
    "Blasts are CD123 positive and CD117 negative.",
    "CD123阳性, CD117阴性。",
    "Unremarkable.",
]


@st.composite
def _report(draw: st.DrawFn) -> Resource:
    content = {"code": {"text": "Flow cytometry"}, "conclusion": draw(st.sampled_from(CONCLUSIONS))}
    return Record().add("DiagnosticReport", status="final", effectiveDateTime=days_ago(draw(AGO)), **content).resources[1]


@st.composite
def _panel(draw: st.DrawFn) -> Resource:
    """Several results in one resource."""
    names = draw(
        st.lists(st.sampled_from(["alt", "ast", "creatinine", "spo2", "oxygen_flow"]), min_size=1, max_size=3, unique=True)
    )
    parts = [Record().lab(name, draw(NUMBERS)).resources[1] for name in names]
    components = [{key: part[key] for key in ("code", "valueQuantity", "referenceRange") if key in part} for part in parts]
    content = {"code": {"text": "Panel"}, "component": components}
    return Record().add("Observation", status="final", effectiveDateTime=days_ago(draw(AGO)), **content).resources[1]


def generated() -> st.SearchStrategy[Resource]:
    return st.one_of(_laboratory(), _course(), diagnoses(), medicines(), procedures(), _report(), _panel())


@st.composite
def _composed(draw: st.DrawFn) -> Resources:
    """A person and some parts of the examples; where two hold the same resource, the first counts."""
    parts = draw(st.lists(st.sampled_from(PARTS), max_size=9))
    found: dict[tuple[str, str], Resource] = {}
    for resource in (resource for part in parts for resource in part):
        found.setdefault((resource["resourceType"], resource["id"]), resource)
    return [draw(st.sampled_from(PERSONS)), *found.values()]


BLASTS = st.sampled_from([1, 2, 4, 5, 5.1, 8, 15, 30, 35, 60])
DAYS_BETWEEN = st.sampled_from([3, 7, 10, 14, 15, 21, 28, 35, 60, 180, 200, 365, 400])


@st.composite
def _course_told(draw: st.DrawFn) -> Resources:
    """A leukaemia from its diagnosis on: treatment, marrows, statements, as time goes by."""
    record = Record()
    day = date(2024, 1, 10)
    record.condition("C92.00", "Acute myeloblastic leukemia", onset=day.isoformat(), recorded=day.isoformat())
    record.marrow(60, day.isoformat())
    day += timedelta(days=2)
    for _ in range(draw(st.integers(1, 9))):
        _happen(draw, record, min(day, AS_OF))
        day += timedelta(days=draw(DAYS_BETWEEN))
    return [copy.deepcopy(PERSONS[0]), *placed(record.resources[1:], PERSONS, "told")]


def _happen(draw: st.DrawFn, record: Record, day: date) -> None:
    on = day.isoformat()
    match draw(st.sampled_from(EVENTS)):
        case "induction":
            record.induction(on)
        case "salvage":
            record.flag_ida(on)
        case "consolidation":
            record.given("cytarabine", on, dosage=[{"text": "3 g/m2 every 12 hours"}])
        case "hypomethylating":
            record.given("azacitidine", on, (day + timedelta(days=6)).isoformat())
        case "targeted":
            record.given("gilteritinib", on, (day + timedelta(days=draw(st.sampled_from([20, 60, 120])))).isoformat())
        case "remission":
            record.remission(on)
        case "marrow":
            record.marrow(draw(BLASTS), on)
        case "blood":
            record.lab("blood_blasts", draw(st.sampled_from([0, 1, 3])), effectiveDateTime=on)
        case "statement":
            record.lab("disease_status", draw(st.sampled_from(STATEMENTS)), effectiveDateTime=on)
        case "coded":
            code, text, system = draw(st.sampled_from(DIAGNOSES[:8]))
            record.condition(code, text, recorded=on, **({"system": system} if system else {}))
        case "graft":
            record.procedure("425843001", "Allogeneic peripheral blood stem cell transplant", None, performedDateTime=on)


EVENTS = [
    "induction",
    "induction",
    "salvage",
    "consolidation",
    "hypomethylating",
    "targeted",
    "remission",
    "remission",
    "marrow",
    "marrow",
    "marrow",
    "blood",
    "statement",
    "coded",
    "graft",
]


@st.composite
def records(draw: st.DrawFn, *, more: int = 6) -> Resources:
    """A story or a composition, Patient first, and up to so many generated resources."""
    base = copy.deepcopy(draw(st.one_of(st.sampled_from(STORIES), _composed(), _course_told())))
    base.sort(key=lambda resource: resource["resourceType"] != "Patient")
    return [*base, *placed(draw(st.lists(generated(), max_size=more)), base, "generated")]


def placed(resources: Resources, record: Resources, name: str) -> Resources:
    """Copies of resources as this patient's own, with ids of their own."""
    subject = {"reference": f"Patient/{record[0]['id']}"}
    copies = []
    for index, resource in enumerate(resources):
        own = copy.deepcopy(resource) | {"id": f"{name}-{index}"}
        if "subject" in own or own["resourceType"] not in ("AllergyIntolerance", "Medication"):
            own["subject"] = subject
        copies.append(own)
    return copies


def body_of(resources: Resources) -> bytes:
    entries: list[Mapping[str, Any]] = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
