"""Of the results that came along only those are read that somebody may ask for, and nothing is judged otherwise for it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import WrongPatient
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign
from cds_service.facts.observations import may_be_asked_for
from cds_service.fhir import prefetch
from cds_service.fhir.record import GapReason, PatientRecord
from cds_service.protocol import HookRequest
from tests.conftest import ZONE
from tests.records import AS_OF

LOINC = "http://loinc.org"
KEYS = {
    "patient": "Patient/{{context.patientId}}",
    "laboratory": "Observation?patient={{context.patientId}}&category=laboratory",
    "marrowBlasts": f"Observation?patient={{{{context.patientId}}}}&code={LOINC}|11150-0",
}
MINE, ANOTHERS = {"reference": "Patient/p"}, {"reference": "Patient/q"}


def concept(code: str, text: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code}], "text": text}


SODIUM, BLASTS = concept("2951-2", "Sodium"), concept("11150-0", "Marrow blasts")


def observation(number: str | None, code: Any, **more: Any) -> dict[str, Any]:
    """What is None is not said."""
    named = {"resourceType": "Observation", "id": number, "status": "final", "subject": MINE, "code": code}
    result = {**named, "effectiveDateTime": "2026-09-01", "valueQuantity": {"value": 30, "unit": "%"}, **more}
    return {element: value for element, value in result.items() if value is not None}


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    entries = [one if "resource" in one else {"resource": one} for one in resources]
    return {"resourceType": "Bundle", "entry": entries, **more}


def read(knowledge: Knowledge, laboratory: Any, marrows: Any = None, *, choose: bool = True, **others: Any) -> PatientRecord:
    patient = {"resourceType": "Patient", "id": "p"}
    sent = {"patient": patient, "laboratory": laboratory, "marrowBlasts": marrows or bundle(), **others}
    held = {key: json.dumps(value).encode() for key, value in sent.items() if value != "not sent"}
    call = HookRequest(hook="patient-view", hook_instance="i", patient_id="p", user_id="Practitioner/x", prefetch=held)
    begun = prefetch.begin(call, KEYS, None)
    begun.read_results(may_be_asked_for(Recogniser(knowledge.terminology)) if choose else None)
    return prefetch.complete(begun, None, AS_OF)


def references(record: PatientRecord) -> list[str]:
    return [entry.reference for entry in record.of_type("Observation")]


def test_a_result_that_nobody_asks_for_is_not_read(knowledge: Knowledge) -> None:
    record = read(knowledge, bundle(observation("1", SODIUM), observation("2", BLASTS), total=2))
    assert references(record) == ["Observation/2"]
    assert "Observation" in record.searched


def test_null_is_how_some_say_that_there_are_no_results(knowledge: Knowledge) -> None:
    record = read(knowledge, None)
    assert not references(record)
    assert "Observation" in record.searched


ASKED_FOR_ALL_THE_SAME = {
    "a value in words": {"valueString": "CD123 positive"},
    "a coded value": {"valueCodeableConcept": {"text": "CD123 positive"}},
    "a component": {"component": [{"code": BLASTS, "valueQuantity": {"value": 30, "unit": "%"}}]},
    "words beside a code of another test": {"code": {**SODIUM, "text": "Blasts in bone marrow"}},
    "a code of the hospital's, with words": {"code": {"coding": {"system": "urn:x", "code": "7"}, "text": "Marrow blasts"}},
}


@pytest.mark.parametrize("more", ASKED_FOR_ALL_THE_SAME.values(), ids=ASKED_FOR_ALL_THE_SAME)
def test_what_may_tell_more_than_its_code_is_read(knowledge: Knowledge, more: dict[str, Any]) -> None:
    assert references(read(knowledge, bundle({**observation("1", SODIUM), **more}))) == ["Observation/1"]


def test_the_newest_version_counts_even_where_it_is_of_a_test_that_nobody_asks_for(knowledge: Knowledge) -> None:
    older = observation("1", BLASTS, meta={"lastUpdated": "2026-09-01T10:00:00Z"})
    newer = observation("1", SODIUM, meta={"lastUpdated": "2026-09-02T10:00:00Z"})
    for laboratory, marrows in ((newer, older), (older, newer)):
        record = read(knowledge, bundle(laboratory), bundle(marrows))
        assert not disease_sign(record, Recogniser(knowledge.terminology))
        assert references(record) == ["Observation/1"]


def test_a_version_under_a_name_of_the_hospitals_own_counts_too(knowledge: Knowledge) -> None:
    older = observation("1", BLASTS, meta={"versionId": "1"})
    newer = observation("1", SODIUM, meta={"versionId": "2"})
    assert not disease_sign(read(knowledge, bundle(newer), ours=bundle(older)), Recogniser(knowledge.terminology))


def test_another_patients_result_is_refused_though_nobody_asks_for_it(knowledge: Knowledge) -> None:
    with pytest.raises(WrongPatient):
        read(knowledge, bundle(observation("1", SODIUM, subject=ANOTHERS)))


def test_what_cannot_be_read_is_a_gap_where_somebody_may_ask_for_it(knowledge: Knowledge) -> None:
    odd = {"valueQuantity": {"value": "many"}}
    asked_for = read(knowledge, bundle(observation("1", BLASTS, **odd), observation("2", SODIUM)))
    assert [gap.reason for gap in asked_for.gaps] == [GapReason.UNREADABLE_ENTRY]
    assert "Observation" not in asked_for.searched
    not_asked_for = read(knowledge, bundle(observation("1", SODIUM, **odd)))
    assert not not_asked_for.gaps
    assert "Observation" in not_asked_for.searched


NOT_SAYING_WHAT_IT_IS = {
    "no code": None,
    "an empty code": {},
    "a code without a system": {"coding": [{"code": "11150-0"}]},
    "a code of the hospital's alone": {"coding": [{"system": "urn:x", "code": "7"}]},
}


@pytest.mark.parametrize("code", NOT_SAYING_WHAT_IT_IS.values(), ids=NOT_SAYING_WHAT_IT_IS)
def test_what_cannot_be_read_is_a_gap_where_nobody_knows_what_it_is(knowledge: Knowledge, code: Any) -> None:
    """It may be a blast count: to pass it over would be to take what was not understood for absent."""
    record = read(knowledge, bundle(observation("1", code, valueQuantity="30 %"), observation("2", SODIUM)))
    assert [gap.reason for gap in record.gaps] == [GapReason.UNREADABLE_ENTRY]
    assert "Observation" not in record.searched


INCLUDED = {"resource": observation("2", SODIUM), "search": {"mode": "include"}}
READ_AS_A_WHOLE = {
    "more pages": {"laboratory": bundle(observation("1", SODIUM), link=[{"relation": "next", "url": "https://ehr.example/2"}])},
    "fewer than there are": {"laboratory": bundle(observation("1", SODIUM), total=2)},
    "fewer than there are, and one included": {"laboratory": bundle(observation("1", SODIUM), INCLUDED, total=2)},
    "a key that was not sent": {"marrowBlasts": "not sent"},
    "an unknown patient": {"patient": "not sent"},
    "an outcome": {"marrowBlasts": bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]})},
    "a result without an id": {"laboratory": bundle(observation("1", SODIUM), observation("", SODIUM))},
    "a lone result": {"laboratory": observation("1", SODIUM)},
    "a test that cannot be read": {"laboratory": bundle(observation("1", SODIUM), observation("2", 5))},
    "a subject by address": {"laboratory": bundle(observation("1", SODIUM, subject={"reference": "https://x/Patient/p"}))},
}


@pytest.mark.parametrize("sent", READ_AS_A_WHOLE.values(), ids=READ_AS_A_WHOLE)
def test_where_something_lacks_or_is_odd_all_is_read(knowledge: Knowledge, sent: dict[str, Any]) -> None:
    given = {"laboratory": bundle(observation("1", SODIUM)), **sent}
    laboratory, marrows = given.pop("laboratory"), given.pop("marrowBlasts", None)
    chosen = read(knowledge, laboratory, marrows, **given)
    whole = read(knowledge, laboratory, marrows, choose=False, **given)
    assert "Observation/1" in references(chosen)
    assert (references(chosen), chosen.gaps, chosen.searched) == (references(whole), whole.gaps, whole.searched)


def mostly(usual: list[Any], *others: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([*usual * 16, *others])


TESTS = [SODIUM, BLASTS, concept("26446-5"), concept("2823-3", "Blasts in bone marrow"), {"text": "CD123"}, {"text": "Sodium"}]
RESULTS = st.builds(
    observation,
    mostly(["1", "2", "3", "4", "5"], None),
    mostly(TESTS, {}, None, [SODIUM]),
    status=mostly(["final"], "preliminary", None),
    subject=mostly([MINE, None, {}], ANOTHERS),
    meta=st.sampled_from([{"versionId": "1"}, {"versionId": "2"}, None]),
    component=mostly([None], [{"code": SODIUM}], [{"code": BLASTS}], {"code": BLASTS}),
    valueString=mostly([None], "positive"),
)
BUNDLES = st.builds(
    lambda results, more: bundle(*results, **more),
    st.lists(RESULTS, max_size=4),
    mostly([{}], {"total": 2}, {"link": [{"relation": "next"}]}),
)


@settings(max_examples=500, deadline=None)
@given(laboratory=BUNDLES, marrows=BUNDLES)
def test_what_is_not_read_would_have_changed_nothing(knowledge: Knowledge, laboratory: Any, marrows: Any) -> None:
    try:
        whole = read(knowledge, laboratory, marrows, choose=False)
    except WrongPatient:
        with pytest.raises(WrongPatient):
            read(knowledge, laboratory, marrows)
        return
    chosen = read(knowledge, laboratory, marrows)
    assert disease_sign(chosen, Recogniser(knowledge.terminology)) == disease_sign(whole, Recogniser(knowledge.terminology))
    as_facts = [extract.facts(one, Recogniser(knowledge.terminology), AS_OF, ZONE) for one in (chosen, whole)]
    assert as_facts[0].results == as_facts[1].results
    if not whole.gaps:
        assert (chosen.gaps, chosen.searched) == (whole.gaps, whole.searched)
