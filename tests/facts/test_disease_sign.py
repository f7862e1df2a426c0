"""A sign of the disease: a wide net, so that nobody who may have it is missed."""

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.codes import Coding
from tests.records import LABS, LOINC, Record

MEDICATIONS = ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense")

SIGNS = [
    Record().condition("C92.00", "Acute myeloblastic leukemia"),
    Record().condition("C92.01", "AML in remission"),
    Record().condition("C92.40", "Acute promyelocytic leukemia"),
    Record().condition("C95.90", "Leukemia, unspecified"),
    Record().condition("C86.40", "BPDCN"),
    Record().condition("C92.30", "Myeloid sarcoma"),
    Record().condition("Z85.6", "Personal history of leukemia"),
    Record().condition(None, "白血病"),
    Record().condition("C92.00", "AML", verification="provisional"),
    Record().drug("gilteritinib"),
    Record().add("MedicationRequest", status="active", medicationReference={"display": "venetoclax 100 mg"}),
    *(Record().medicine(kind, "cytarabine", 3) for kind in MEDICATIONS),
    Record().lab("marrow_blasts", 30),
    Record().lab("marrow_blasts", 0.1),
    Record().lab("blood_blasts", 1),
    Record().add(
        "Observation",
        status="final",
        code={"text": "Bone marrow differential"},
        valueQuantity={"value": 200},
        component=[{"code": {"coding": [{"system": LOINC, "code": LABS["marrow_blasts"][0]}]}}],
    ),
]
NONE = [
    Record(),
    Record().condition("E11.9", "Type 2 diabetes"),
    Record().condition("C50.911", "Breast cancer"),
    Record().condition("C91.10", "Chronic lymphocytic leukemia"),
    Record().condition(None, "No history of leukemia"),
    Record().drug("metformin"),
    *(Record().medicine(kind, "metformin", 3) for kind in MEDICATIONS),
    Record().lab("marrow_blasts", 0),
    Record().lab("marrow_blasts", valueQuantity={"value": "NaN", "unit": "%"}),
    Record().lab("alt", 30),
]


@pytest.mark.parametrize("record", SIGNS)
def test_it_is_a_sign(knowledge: Knowledge, record: Record) -> None:
    assert disease_sign(read_bundle(record.body()), Recogniser(knowledge.terminology))


@pytest.mark.parametrize("record", NONE)
def test_it_is_none(knowledge: Knowledge, record: Record) -> None:
    assert not disease_sign(read_bundle(record.body()), Recogniser(knowledge.terminology))


def test_blasts_under_a_hospitals_own_code_are_a_sign_where_its_map_says_what_the_code_means(knowledge: Knowledge) -> None:
    own = {"coding": [{"system": "urn:lab", "code": " BLA "}]}
    record = read_bundle(Record().add("Observation", code=own, status="final", valueQuantity={"value": 30, "unit": "%"}).body())
    mapped = knowledge.terminology.with_translations({("urn:lab", "BLA"): (Coding(LOINC, "11150-0"),)})
    assert not disease_sign(record, Recogniser(knowledge.terminology))
    assert disease_sign(record, Recogniser(mapped))
