"""What a first look at the results of a chart may pass over, and what not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import WrongPatient
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign, may_be_blasts
from cds_service.fhir import prefetch
from cds_service.fhir.glance import codes_of
from cds_service.protocol import HookRequest

LOINC = "http://loinc.org"
KEY = {"laboratory": "Observation?patient={{context.patientId}}&category=laboratory"}
MINE, ANOTHERS = {"reference": "Patient/p"}, {"reference": "Patient/q"}


def observation(code: Any, **more: Any) -> dict[str, Any]:
    value = {"value": 30, "unit": "%"}
    return {"resourceType": "Observation", "status": "final", "subject": MINE, "code": code, "valueQuantity": value, **more}


def concept(code: Any, system: Any = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


def begun(value: Any) -> prefetch.Begun:
    sent = {"laboratory": json.dumps(value).encode()}
    call = HookRequest(hook="patient-view", hook_instance="i", patient_id="p", user_id="Practitioner/x", prefetch=sent)
    return prefetch.begin(call, KEY, None)


def seen(value: Any) -> frozenset[str] | None:
    return codes_of(json.dumps(value).encode(), "Patient/p")


BLASTS, SODIUM = concept("26446-5"), concept("2951-2")


def test_the_codes_of_observations_and_of_their_components_are_seen() -> None:
    panel = observation(SODIUM, component=[{"code": BLASTS}, {"code": {"text": "no code"}}, {}])
    assert seen(bundle(panel, observation(concept("17861-6")), observation({}))) == {"2951-2", "26446-5", "17861-6"}


NOT_AT_A_GLANCE = {
    "another patient's": bundle(observation(SODIUM, subject=ANOTHERS)),
    "a patient by address": bundle(observation(SODIUM, subject={"reference": "https://ehr.example/fhir/Patient/p"})),
    "a condition": bundle({"resourceType": "Condition", "code": concept("C92.00"), "subject": MINE}),
    "a patient": bundle({"resourceType": "Patient", "id": "q"}),
    "a lone coding": bundle(observation({"coding": {"system": LOINC, "code": "26446-5"}})),
    "a lone component": bundle(observation(SODIUM, component={"code": BLASTS})),
    "no resource": bundle(None),
    "a lone entry": {"resourceType": "Bundle", "entry": {"resource": observation(BLASTS)}},
    "an outcome": {"resourceType": "OperationOutcome"},
    "no Bundle": observation(BLASTS),
}


@pytest.mark.parametrize("nothing", [None, bundle(), {"resourceType": "Bundle"}], ids=["null", "no entries", "empty"])
def test_where_there_is_nothing_there_is_no_code(nothing: Any) -> None:
    assert seen(nothing) == frozenset()


@pytest.mark.parametrize("value", NOT_AT_A_GLANCE.values(), ids=NOT_AT_A_GLANCE)
def test_anything_else_must_be_read_to_be_known(value: Any) -> None:
    assert seen(value) is None


def test_results_without_a_sign_of_the_disease_are_left_unread(knowledge: Knowledge) -> None:
    chart = begun(bundle(observation(SODIUM)))
    assert not chart.may_hold(may_be_blasts(knowledge.terminology))
    assert not chart.record().of_type("Observation")
    chart.read_results()
    assert len(chart.record().of_type("Observation")) == 1


def test_results_of_another_patient_are_refused_when_they_are_looked_at(knowledge: Knowledge) -> None:
    chart = begun(bundle(observation(SODIUM, subject=ANOTHERS)))
    assert chart.may_hold(may_be_blasts(knowledge.terminology))
    with pytest.raises(WrongPatient):
        chart.read_results()


CODES = st.sampled_from(["26446-5", " 26446-5 ", "11150-0", "709-6", "2951-2", "264465", "", None, 5])
CONCEPTS = st.one_of(
    st.none(),
    st.builds(concept, CODES, st.sampled_from([LOINC, "https://loinc.org/", "urn:oid:2.16.840.1.113883.6.1", None])),
    st.builds(lambda code: {"coding": {"system": LOINC, "code": code}}, CODES),
    st.builds(lambda code: {"coding": [None, {"system": LOINC, "code": code}]}, CODES),
    st.just({"text": "Blasts"}),
)
OTHERS = st.sampled_from(
    [
        None,
        {"resourceType": "Condition", "subject": MINE, "code": {"coding": [{"code": "C92.00"}], "text": "AML"}},
        {"resourceType": "MedicationStatement", "subject": MINE, "medicationCodeableConcept": {"text": "venetoclax"}},
        {"resourceType": "Encounter", "subject": MINE},
        {"resourceType": "Patient", "id": "q"},
        5,
    ]
)
OBSERVATIONS = st.builds(
    observation,
    CONCEPTS,
    subject=st.sampled_from([MINE, ANOTHERS, None, {}, {"reference": None}, {"reference": "urn:uuid:1"}, 5]),
    component=st.one_of(
        st.none(),
        st.lists(st.builds(lambda code: {"code": code, "valueQuantity": {"value": 3}}, CONCEPTS), max_size=2),
        st.builds(lambda code: {"code": code}, CONCEPTS),
    ),
)


@settings(max_examples=1_000, deadline=None)
@given(resources=st.lists(st.one_of(OBSERVATIONS, OTHERS), max_size=3))
def test_nothing_that_shows_the_disease_or_belongs_to_another_is_passed_over_at_a_glance(
    knowledge: Knowledge, resources: list[Any]
) -> None:
    chart = begun(bundle(*resources))
    is_looked_at = chart.may_hold(may_be_blasts(knowledge.terminology))
    try:
        chart.read_results()
    except WrongPatient:
        assert is_looked_at
        return
    assert is_looked_at or not disease_sign(chart.record(), Recogniser(knowledge.terminology))
