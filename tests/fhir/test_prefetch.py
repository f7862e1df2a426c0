"""Each state of a prefetch key, and what is read for it where the FHIR server may be read."""

import json
import threading
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
import responses

from cds_service.errors import DataUnavailable, WrongPatient
from cds_service.fhir import prefetch
from cds_service.fhir.client import Access, FhirClient, Means
from cds_service.fhir.record import GapReason, PatientRecord
from cds_service.outbound.door import Door, Limits
from cds_service.protocol import HookRequest

BASE = "https://ehr.example/fhir"
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "laboratory": "Observation?patient={{context.patientId}}&category=laboratory&_sort=-date",
    "imaging": "Observation?patient={{context.patientId}}&category=imaging&_sort=-date",
    "marrowBlasts": "Observation?patient={{context.patientId}}&code=11150-0&_sort=-date",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
}
EARLIEST = date(2026, 8, 24)
"""Where the longest window of a measurement begins."""
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
LACKING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
WITHHOLDING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "suppressed"}]}
ALL = {"patient": PATIENT} | dict.fromkeys(TEMPLATES.keys() - {"patient"}, EMPTY)
WITHOUT_LABORATORY = {key: value for key, value in ALL.items() if key != "laboratory"}


def procedure(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "id": f"x{number}", "subject": {"reference": "Patient/p"}, **more}


def observation(day: str, category: str = "laboratory", code: str = "1742-6") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{day}-{category}-{code}",
        "effectiveDateTime": day,
        "subject": {"reference": "Patient/p"},
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
    }


def condition(number: int = 1) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/p"}}


def bundle(*resources: Any, following: str | None = None, total: int | None = None) -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    count = {} if total is None else {"total": total}
    return {"resourceType": "Bundle", "link": link, "entry": [{"resource": resource} for resource in resources], **count}


def request(sent: Mapping[str, Any]) -> HookRequest:
    raw = {key: json.dumps(value).encode() for key, value in sent.items()}
    return HookRequest(hook="patient-view", hook_instance="i", patient_id="p", user_id="Practitioner/x", prefetch=raw)


def fhir() -> FhirClient:
    return FhirClient(Access(BASE, "token", "p"), Door(Limits()), Means(8))


def completed(sent: Mapping[str, Any], client: FhirClient | None = None) -> PatientRecord:
    begun = prefetch.begin(request(sent), TEMPLATES, client)
    prefetch.require_the_basis(begun)
    return prefetch.complete(begun, client, EARLIEST)


def completed_without_basis(sent: Mapping[str, Any]) -> PatientRecord:
    """As if a sign of the disease had been found."""
    return prefetch.complete(prefetch.begin(request(sent), TEMPLATES, None), None, EARLIEST)


STATES = [
    (None, frozenset({"Procedure"}), None),
    (EMPTY, frozenset({"Procedure"}), None),
    (bundle(procedure()), frozenset({"Procedure"}), None),
    (bundle(REMARK), frozenset({"Procedure"}), None),
    (REMARK, frozenset({"Procedure"}), None),
    (ERROR, frozenset(), GapReason.OPERATION_OUTCOME),
    (bundle(ERROR), frozenset(), GapReason.OPERATION_OUTCOME),
    (bundle(procedure(), ERROR), frozenset(), GapReason.NOT_WHOLE),
    (bundle(procedure(), LACKING), frozenset(), GapReason.NOT_WHOLE),
    (bundle(LACKING), frozenset(), GapReason.NOT_WHOLE),
    (LACKING, frozenset(), GapReason.NOT_WHOLE),
    (bundle(procedure(), WITHHOLDING), frozenset(), GapReason.WITHHELD),
    ({**bundle(procedure()), "link": {"relation": "next"}}, frozenset(), GapReason.INCOMPLETE),
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


def capabilities(*types: str) -> dict[str, Any]:
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": [{"type": one} for one in types]}]}


REFUSED = [
    (capabilities("Patient", "Condition"), 200, GapReason.NOT_OFFERED),
    (capabilities("Patient", "Procedure"), 200, GapReason.SERVER_ERROR),  # it has them, and this is a failure like any other
    (capabilities(), 200, GapReason.SERVER_ERROR),
    ({"resourceType": "OperationOutcome"}, 200, GapReason.SERVER_ERROR),
    (capabilities("Patient"), 500, GapReason.SERVER_ERROR),
    ("nonsense", 200, GapReason.SERVER_ERROR),
]


@responses.activate
@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(("statement", "said", "reason"), REFUSED)
def test_a_type_is_passed_over_in_silence_only_if_the_server_says_that_it_has_none(
    statement: Any, said: int, reason: GapReason, status: int
) -> None:
    responses.get(f"{BASE}/Procedure", status=status)
    responses.get(f"{BASE}/metadata", json=statement, status=said)
    sent = {key: value for key, value in ALL.items() if key != "procedures"}
    client = fhir()
    for _ in range(2):
        record = completed(sent, client)
        assert "Procedure" not in record.searched
        assert [gap.reason for gap in record.gaps] == [reason]
    asked = [call.request for call in responses.calls if call.request.url == f"{BASE}/metadata"]
    assert len(asked) == 1, "what a server offers is kept apart, and longer"
    assert "Authorization" not in asked[0].headers


@responses.activate
def test_the_patient_and_conditions_are_read_side_by_side_and_then_all_the_rest() -> None:
    basis, rest = threading.Barrier(2, timeout=10), threading.Barrier(len(TEMPLATES) - 2, timeout=10)

    def together(barrier: threading.Barrier, body: Any) -> Any:
        def answer(_: Any) -> Any:
            barrier.wait()  # breaks, unless all are under way at the same time
            return 200, {}, json.dumps(body)

        return answer

    responses.add_callback("GET", f"{BASE}/Patient/p", together(basis, PATIENT))
    responses.add_callback("GET", f"{BASE}/Condition", together(basis, bundle(condition())))
    for kind in ("Observation", "MedicationRequest", "Procedure"):
        responses.add_callback("GET", f"{BASE}/{kind}", together(rest, EMPTY))
    record = completed({}, fhir())
    assert record.gaps == ()
    assert record.searched >= {"Condition", "Observation", "MedicationRequest", "Procedure"}


@responses.activate
def test_a_part_that_comes_too_late_is_named_and_what_was_sent_of_it_is_kept() -> None:
    held = threading.Event()

    def hang(_: Any) -> Any:
        held.wait(10)
        return 200, {}, json.dumps(EMPTY)

    responses.add_callback("GET", f"{BASE}/Procedure", hang)
    responses.add_callback("GET", f"{BASE}/Observation", hang)
    sent = {key: value for key, value in ALL.items() if key != "procedures"}
    means = Means(2)
    client = FhirClient(Access(BASE, "token", "p"), Door(Limits()).within(0.2), means)
    record = completed({**sent, "marrowBlasts": bundle(observation("2026-11-20", code="11150-0"), total=9)}, client)
    held.set()
    means.readers._pool.shutdown()
    assert len(record.of_type("Observation")) == 1
    assert {(gap.key, gap.reason) for gap in record.gaps} == {
        ("procedures", GapReason.TIMEOUT),
        ("marrowBlasts", GapReason.INCOMPLETE),
    }
    assert not record.searched & {"Procedure", "Observation"}


CUT_OFF = [
    ("laboratory", ["2026-11-20", "2026-08-01"], 0),
    ("laboratory", ["2026-11-20", "2026-11-01"], 1),
    ("laboratory", ["2026-08-01", "2026-11-20"], 1),  # not newest first: nobody knows what else is missing
    ("laboratory", ["2026-11-20", "2026"], 1),  # may be of any day of the year
    ("marrowBlasts", ["2026-11-20", "2026-08-01"], 1),  # the course is read from marrows of any age
    ("procedures", ["2026-11-20", "2026-08-01"], 1),
]


@pytest.mark.parametrize(("key", "days", "gaps"), CUT_OFF)
def test_cut_off_measurements_are_a_gap_only_if_they_end_within_the_windows(key: str, days: list[str], gaps: int) -> None:
    record = completed({**ALL, key: bundle(*map(observation, days), total=500)})
    assert [gap.key for gap in record.gaps] == [key] * gaps
    assert "Observation" not in record.searched or key == "procedures"


@responses.activate
def test_what_reaches_back_far_enough_is_not_read_again() -> None:
    long_ago = bundle(observation("2026-11-20"), observation("2026-01-01"), following=f"{BASE}?page=2")
    assert completed({**ALL, "laboratory": long_ago}, fhir()).gaps == ()
    assert len(responses.calls) == 0


def test_what_is_included_with_the_answers_does_not_make_a_search_whole() -> None:
    cut_off = bundle(procedure(), total=2)
    cut_off["entry"].append({"resource": condition(), "search": {"mode": "include"}})
    (gap,) = completed({**ALL, "procedures": cut_off}).gaps
    assert gap.reason is GapReason.INCOMPLETE


LONG_AGO = (observation("2026-11-20"), observation("2026-01-01"))


@pytest.mark.parametrize(("said", "reason"), [(LACKING, GapReason.NOT_WHOLE), (WITHHOLDING, GapReason.WITHHELD)])
def test_what_is_said_to_lack_something_is_not_forgiven_for_reaching_back_far(said: Any, reason: GapReason) -> None:
    for sent in (bundle(*LONG_AGO, said), bundle(*LONG_AGO, said, total=500)):
        (gap,) = completed({**ALL, "laboratory": sent}).gaps
        assert (gap.key, gap.reason) == ("laboratory", reason)
    (gap,) = completed({**WITHOUT_LABORATORY, "labs": bundle(*LONG_AGO, total=500), "laboratory-2": said}).gaps
    assert (gap.key, gap.reason) == ("laboratory", reason)


@responses.activate
def test_what_is_withheld_from_a_second_reading_is_named_beside_what_was_sent() -> None:
    responses.get(f"{BASE}/Observation", json=bundle(*LONG_AGO, WITHHOLDING))
    (gap,) = completed({**ALL, "laboratory": bundle(observation("2026-11-20"), total=500)}, fhir()).gaps
    assert (gap.key, gap.reason) == ("laboratory", GapReason.WITHHELD)


@responses.activate
@pytest.mark.parametrize("said", [ERROR, LACKING])
def test_further_pages_do_not_make_whole_what_was_said_to_lack_something(said: Any) -> None:
    responses.get(BASE, json=bundle(procedure(2)))
    responses.get(f"{BASE}/Procedure", status=500)
    record = completed({**ALL, "procedures": bundle(procedure(), said, following=f"{BASE}?page=2")}, fhir())
    assert [gap.reason for gap in record.gaps] == [GapReason.NOT_WHOLE]


@pytest.mark.parametrize("said", [LACKING, WITHHOLDING])
def test_conditions_that_are_said_to_lack_something_show_nobody_to_be_without_leukaemia(said: Any) -> None:
    with pytest.raises(DataUnavailable, match="conditions"):
        completed({**ALL, "conditions": bundle(condition(), said)})


@responses.activate
def test_the_part_that_was_sent_is_kept_when_the_rest_cannot_be_read() -> None:
    responses.get(f"{BASE}/Procedure", status=404)
    record = completed({**ALL, "procedures": bundle(procedure(), total=9)}, fhir())
    assert len(record.of_type("Procedure")) == 1
    assert [gap.reason for gap in record.gaps] == [GapReason.INCOMPLETE]


@responses.activate
def test_a_failed_read_of_the_conditions_is_not_tried_twice() -> None:
    responses.get(f"{BASE}/Condition", status=503)
    sent = {key: value for key, value in ALL.items() if key != "conditions"}
    prefetch.complete(prefetch.begin(request(sent), TEMPLATES, fhir()), fhir(), EARLIEST)
    assert len(responses.calls) == 1


def test_conditions_of_which_one_cannot_be_read_show_nobody_to_be_without_leukaemia() -> None:
    begun = prefetch.begin(request({**ALL, "conditions": bundle(condition(), {**condition(2), "code": 5})}), TEMPLATES, None)
    with pytest.raises(DataUnavailable, match="an entry cannot be read"):
        prefetch.require_the_basis(begun)


def test_the_subject_may_be_named_by_the_patients_uuid() -> None:
    patient = {"fullUrl": "urn:uuid:1", "resource": PATIENT}
    his = {"fullUrl": "urn:uuid:2", "resource": {**procedure(), "subject": {"reference": "urn:uuid:1"}}}
    record = completed({**ALL, "procedures": {"resourceType": "Bundle", "entry": [patient, his]}})
    assert len(record.of_type("Procedure")) == 1


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
@pytest.mark.parametrize("other", ["q", None])
def test_a_server_that_answers_with_another_patient_has_not_answered(other: str | None) -> None:
    responses.get(f"{BASE}/Patient/p", json={**PATIENT, "id": other})
    begun = prefetch.begin(request({"conditions": EMPTY}), TEMPLATES, fhir())
    assert begun.record().patient.birth_date is None
    assert [(gap.key, gap.reason) for gap in begun.record().gaps] == [("patient", GapReason.OTHER_PATIENT)]
    with pytest.raises(DataUnavailable, match="patient"):
        prefetch.require_the_basis(begun)


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


FOREIGN: list[tuple[dict[str, Any], set[str]]] = [
    ({"problems": bundle(condition()), "ops": bundle(procedure())}, {"conditions", "procedures"}),
    ({"problem-conditions": EMPTY, "procedures-user": bundle(REMARK)}, {"conditions", "procedures"}),
    ({"labs": bundle(observation("2026-11-20"))}, {"laboratory"}),
    ({"echo": bundle(observation("2026-11-20", "imaging"))}, {"imaging"}),
    ({"labs": bundle(observation("2026-11-20", code="11150-0"))}, {"laboratory", "marrowBlasts"}),
    ({"observations": bundle(observation("2026-11-20"))}, {"laboratory", "imaging", "marrowBlasts"}),
    ({"observations": EMPTY}, {"laboratory", "imaging", "marrowBlasts"}),
    ({"medications": EMPTY}, {"medicationRequests"}),
    ({"conditions": EMPTY, "procedures": EMPTY, "drugs": bundle({"resourceType": "MedicationRequest", "id": "m"})}, {
        "conditions", "procedures", "medicationRequests",
    }),
    ({"user": {"resourceType": "Practitioner", "id": "x"}, "results": EMPTY}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "answered"), FOREIGN)
def test_foreign_names_are_told_by_what_they_hold_or_speak_of(sent: dict[str, Any], answered: set[str]) -> None:
    begun = prefetch.begin(request({"pat": PATIENT, **sent}), TEMPLATES, None)
    gaps = {gap.key for gap in prefetch.complete(begun, None, EARLIEST).gaps}
    assert TEMPLATES.keys() - gaps == answered | {"patient"}


@pytest.mark.parametrize(
    ("second", "reason"),
    [(bundle(condition(2), total=9), GapReason.INCOMPLETE), (bundle(condition(2), ERROR), GapReason.NOT_WHOLE)],
)
def test_one_key_may_be_answered_by_several_foreign_parts_of_which_none_may_fail(second: Any, reason: GapReason) -> None:
    sent = {key: value for key, value in ALL.items() if key != "conditions"}
    record = completed_without_basis({**sent, "problems": bundle(condition(1)), "diagnoses": second})
    assert len(record.of_type("Condition")) == 2
    assert [(gap.key, gap.reason) for gap in record.gaps] == [("conditions", reason)]


def ordered(reference: str) -> dict[str, Any]:
    order = {"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}}
    return bundle({**order, "medicationReference": {"reference": reference}})


@responses.activate
@pytest.mark.parametrize("reference", ["Medication/tac", f"{BASE}/Medication/tac", "Medication/tac/_history/3"])
def test_a_medicine_that_is_only_referred_to_is_read(reference: str) -> None:
    responses.get(f"{BASE}/Medication/tac", json={"resourceType": "Medication", "id": "tac", "code": {"text": "tacrolimus"}})
    record = completed({**ALL, "medicationRequests": ordered(reference)}, fhir())
    assert "Medication/tac" in record.by_reference


@responses.activate
@pytest.mark.parametrize("reference", ["https://other.example/fhir/Medication/tac", "urn:uuid:1", "#tac", "Substance/tac"])
def test_a_medicine_of_another_server_is_never_taken_for_one_of_this(reference: str) -> None:
    completed({**ALL, "medicationRequests": ordered(reference)}, fhir())
    assert len(responses.calls) == 0


@responses.activate
def test_a_medicine_that_cannot_be_read_is_a_gap() -> None:
    responses.get(f"{BASE}/Medication/tac", status=503)
    (gap,) = completed({**ALL, "medicationRequests": ordered("Medication/tac")}, fhir()).gaps
    assert (gap.resource_type, gap.reason) == ("Medication", GapReason.SERVER_ERROR)


@responses.activate
@pytest.mark.parametrize(("more", "whole"), [(3, True), (0, False)])
def test_what_was_sent_in_part_is_whole_when_as_many_came_as_were_told(more: int, whole: bool) -> None:
    responses.get(f"{BASE}/Procedure", status=500)
    responses.get(BASE, json=bundle(*(procedure() | {"id": f"more-{number}"} for number in range(more))))
    record = completed({**ALL, "procedures": bundle(procedure(), following=f"{BASE}?page=2", total=4)}, fhir())
    assert ("Procedure" in record.searched) is whole


@responses.activate
def test_nothing_is_asked_of_the_server_where_what_came_along_is_another_patients() -> None:
    anothers = {**observation("2026-11-20"), "subject": {"reference": "Patient/q"}}
    with pytest.raises(WrongPatient):
        prefetch.begin(request({"laboratory": bundle(anothers)}), TEMPLATES, fhir())
    assert not responses.calls
