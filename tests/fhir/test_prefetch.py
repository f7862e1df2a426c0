"""Each state of a prefetch key, and what is read for it where the FHIR server may be read."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
import responses

from cds_service.errors import DataUnavailable, WrongPatient
from cds_service.fhir import prefetch
from cds_service.fhir.client import Cache, FhirClient
from cds_service.fhir.record import GapReason, PatientRecord
from cds_service.outbound.door import Door, Limits
from cds_service.protocol import HookRequest

BASE = "https://ehr.example/fhir"
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "laboratory": "Observation?patient={{context.patientId}}&category=laboratory&_sort=-date",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
}
AS_OF = date(2026, 11, 22)
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
ALL = {"patient": PATIENT, "conditions": EMPTY, "laboratory": EMPTY, "medicationRequests": EMPTY, "procedures": EMPTY}


def procedure(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "id": f"x{number}", "subject": {"reference": "Patient/p"}, **more}


def observation(day: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"o-{day}", "effectiveDateTime": day, "subject": {"reference": "Patient/p"}}


def bundle(*resources: Any, following: str | None = None, total: int | None = None) -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    count = {} if total is None else {"total": total}
    return {"resourceType": "Bundle", "link": link, "entry": [{"resource": resource} for resource in resources], **count}


def request(sent: Mapping[str, Any]) -> HookRequest:
    raw = {key: json.dumps(value).encode() for key, value in sent.items()}
    return HookRequest(hook="patient-view", hook_instance="i", patient_id="p", user_id="Practitioner/x", prefetch=raw)


def fhir() -> FhirClient:
    return FhirClient(BASE, "token", Door(Limits()), Cache(0))


def completed(sent: Mapping[str, Any], client: FhirClient | None = None) -> PatientRecord:
    begun = prefetch.begin(request(sent), TEMPLATES, client)
    prefetch.require_the_basis(begun)
    return prefetch.complete(begun, client, AS_OF)


STATES = [
    (None, frozenset({"Procedure"}), None),
    (EMPTY, frozenset({"Procedure"}), None),
    (bundle(procedure()), frozenset({"Procedure"}), None),
    (bundle(REMARK), frozenset({"Procedure"}), None),
    (REMARK, frozenset({"Procedure"}), None),
    (ERROR, frozenset(), GapReason.OPERATION_OUTCOME),
    (bundle(ERROR), frozenset(), GapReason.OPERATION_OUTCOME),
    (bundle(procedure(), following=f"{BASE}?x=1"), frozenset(), GapReason.INCOMPLETE),
    (bundle(procedure(), total=40), frozenset(), GapReason.INCOMPLETE),
    ("nonsense", frozenset(), GapReason.UNREADABLE_ENTRY),
    ({"resourceType": "Bundle", "entry": 7}, frozenset(), GapReason.UNREADABLE_ENTRY),
    (bundle(procedure(), 7), frozenset(), GapReason.UNREADABLE_ENTRY),
]


@pytest.mark.parametrize(("value", "searched", "reason"), STATES)
def test_what_was_sent_is_an_answer_or_a_gap(value: Any, searched: frozenset[str], reason: GapReason | None) -> None:
    record = completed({**ALL, "procedures": value})
    assert record.searched & {"Procedure"} == searched
    assert {gap.reason for gap in record.gaps} == ({reason} if reason else set())


def test_an_absent_key_without_access_is_a_gap() -> None:
    sent = {key: value for key, value in ALL.items() if key != "procedures"}
    (gap,) = completed(sent).gaps
    assert (gap.key, gap.reason) == ("procedures", GapReason.NOT_SENT)


@responses.activate
@pytest.mark.parametrize("value", ["absent", ERROR, bundle(ERROR)])
def test_what_is_absent_or_failed_is_read_and_nothing_else(value: Any) -> None:
    responses.get(f"{BASE}/Procedure", json=bundle(procedure()))
    sent = {key: value_ for key, value_ in ALL.items() if key != "procedures"}
    record = completed(sent if value == "absent" else {**sent, "procedures": value}, fhir())
    assert [entry.reference for entry in record.of_type("Procedure")] == ["Procedure/x1"]
    assert record.gaps == ()
    assert len(responses.calls) == 1


@responses.activate
def test_the_pages_behind_what_was_sent_are_followed() -> None:
    responses.get(BASE, json=bundle(procedure(2)))
    record = completed({**ALL, "procedures": bundle(procedure(1), following=f"{BASE}?_getpages=x")}, fhir())
    assert [entry.reference for entry in record.of_type("Procedure")] == ["Procedure/x1", "Procedure/x2"]
    assert "Procedure" in record.searched


@responses.activate
def test_a_page_that_leads_elsewhere_is_read_anew_from_the_start() -> None:
    responses.get(f"{BASE}/Procedure", json=bundle(procedure(1), procedure(2)))
    record = completed({**ALL, "procedures": bundle(procedure(1), following="https://attacker.example/x?y=1")}, fhir())
    assert len(record.of_type("Procedure")) == 2
    assert "Procedure" in record.searched


@responses.activate
def test_a_type_that_the_server_does_not_offer_is_no_search() -> None:
    responses.get(f"{BASE}/Procedure", status=404)
    sent = {key: value for key, value in ALL.items() if key != "procedures"}
    record = completed(sent, fhir())
    assert "Procedure" not in record.searched
    assert [gap.reason for gap in record.gaps] == [GapReason.NOT_OFFERED]


@pytest.mark.parametrize(("oldest", "gaps"), [("2026-08-01", 0), ("2026-11-01", 1)])
def test_cut_off_measurements_are_a_gap_only_if_they_end_within_the_windows(oldest: str, gaps: int) -> None:
    cut_off = bundle(observation("2026-11-20"), observation(oldest), total=500)
    assert len(completed({**ALL, "laboratory": cut_off}).gaps) == gaps


@responses.activate
def test_patient_and_conditions_are_read_if_need_be() -> None:
    responses.get(f"{BASE}/Patient/p", json=PATIENT)
    responses.get(f"{BASE}/Condition", json=EMPTY)
    begun = prefetch.begin(request({}), TEMPLATES, fhir())
    prefetch.require_the_basis(begun)
    assert begun.record().patient.birth_date == "1980-01-01"
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize("body", [b"<html>", json.dumps(ERROR).encode()])
def test_a_patient_that_cannot_be_read_fails_the_precondition(body: bytes) -> None:
    responses.get(f"{BASE}/Patient/p", body=body)
    responses.get(f"{BASE}/Condition", json=EMPTY)
    with pytest.raises(DataUnavailable, match="patient"):
        prefetch.require_the_basis(prefetch.begin(request({}), TEMPLATES, fhir()))


@responses.activate
def test_a_server_that_answers_with_another_patient_is_refused() -> None:
    responses.get(f"{BASE}/Patient/p", json={**PATIENT, "id": "q"})
    with pytest.raises(WrongPatient):
        prefetch.begin(request({"conditions": EMPTY}), TEMPLATES, fhir())


@responses.activate
def test_another_patients_resource_in_a_search_is_dropped_and_named() -> None:
    responses.get(f"{BASE}/Procedure", json=bundle(procedure(1), procedure(2, subject={"reference": "Patient/q"})))
    sent = {key: value for key, value in ALL.items() if key != "procedures"}
    record = completed(sent, fhir())
    assert [entry.reference for entry in record.of_type("Procedure")] == ["Procedure/x1"]
    assert [gap.reason for gap in record.gaps] == [GapReason.OTHER_PATIENT]


@pytest.mark.parametrize("value", [None, EMPTY, ERROR])
def test_no_data_is_no_answer_to_who_the_patient_is(value: Any) -> None:
    with pytest.raises(DataUnavailable, match="patient"):
        completed({**ALL, "patient": value})


def test_foreign_names_are_told_by_what_they_hold() -> None:
    sent = {"pat": PATIENT, "problems": bundle({"resourceType": "Condition", "id": "c"}), "ops": bundle(procedure())}
    record = completed(sent)
    assert "Procedure" in record.searched
    assert len(record.of_type("Condition")) == 1


def test_an_empty_part_under_a_foreign_name_is_told_by_its_name() -> None:
    sent = {"patient": PATIENT, "problem-conditions": EMPTY, "procedures-user": bundle(REMARK)}
    assert {"Condition", "Procedure"} <= completed(sent).searched


@responses.activate
def test_a_medicine_that_is_only_referred_to_is_read() -> None:
    order = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": "Medication/tac"},
    }
    responses.get(f"{BASE}/Medication/tac", json={"resourceType": "Medication", "id": "tac", "code": {"text": "tacrolimus"}})
    record = completed({**ALL, "medicationRequests": bundle(order)}, fhir())
    assert "Medication/tac" in record.by_reference
