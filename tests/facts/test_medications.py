"""What proves that a medicine was given, and from when to when (ruling 16)."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.dates import DateRange
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import Giving, Route, Therapy
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.value_set import NOTHING
from tests.records import AS_OF, Record

CYTARABINE = {"medicationCodeableConcept": {"text": "Cytarabine"}}
PERIOD = {"effectivePeriod": {"start": "2026-10-01", "end": "2026-10-07"}}
STATEMENT, ORDER = "MedicationStatement", "MedicationRequest"
ADMINISTRATION, DISPENSE = "MedicationAdministration", "MedicationDispense"


def read(knowledge: Knowledge, resource_type: str, **content: Any) -> list[Therapy]:
    record = Record().add(resource_type, **(CYTARABINE | content))
    facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, ZoneInfo("UTC"))
    return list(facts.therapies)


GIVEN, COMPLETED, ORDERED = Giving.GIVEN, Giving.ORDER_COMPLETED, Giving.ORDERED
# resource, its status, what that shows (None: nothing at all), and whether it is not clear that it was taken
STATUSES = [
    *((STATEMENT, status, GIVEN, False) for status in ("active", "completed", "stopped", "on-hold")),
    *((STATEMENT, status, ORDERED, True) for status in ("unknown", None)),
    *((STATEMENT, status, None, False) for status in ("entered-in-error", "intended", "not-taken")),
    *((ADMINISTRATION, status, GIVEN, False) for status in ("completed", "in-progress", "stopped", "on-hold")),
    *((ADMINISTRATION, status, ORDERED, True) for status in ("unknown", None)),
    *((ADMINISTRATION, status, None, False) for status in ("not-done", "entered-in-error")),
    *((DISPENSE, status, GIVEN, False) for status in ("completed", "in-progress", "stopped", "on-hold")),
    *((DISPENSE, status, ORDERED, True) for status in ("unknown", None)),
    *((DISPENSE, status, None, False) for status in ("preparation", "cancelled", "declined", "entered-in-error")),
    (ORDER, "completed", COMPLETED, False),
    *((ORDER, status, ORDERED, False) for status in ("active", "on-hold", "stopped")),
    *((ORDER, status, ORDERED, True) for status in ("unknown", None)),
    *((ORDER, status, None, False) for status in ("draft", "cancelled", "entered-in-error")),
]


@pytest.mark.parametrize(("resource_type", "status", "giving", "is_unclear"), STATUSES)
def test_a_status_proves_a_giving_an_order_or_nothing(
    resource_type: str, status: str | None, giving: Giving | None, is_unclear: bool, knowledge: Knowledge
) -> None:
    found = read(knowledge, resource_type, status=status)
    assert [(one.giving, one.is_unclear) for one in found] == ([] if giving is None else [(giving, is_unclear)])


@pytest.mark.parametrize(
    ("intent", "counts"),
    [
        ("order", True),
        ("original-order", True),
        ("reflex-order", True),
        ("filler-order", True),
        ("instance-order", True),
        ("proposal", False),
        ("plan", False),
        ("option", False),
        (None, True),
    ],
)
def test_what_is_only_proposed_or_planned_is_no_order(intent: str | None, counts: bool, knowledge: Knowledge) -> None:
    assert bool(read(knowledge, ORDER, status="active", intent=intent)) is counts


def test_an_order_not_to_give_it_is_none(knowledge: Knowledge) -> None:
    assert read(knowledge, ORDER, status="active", intent="order", doNotPerform=True) == []
    assert read(knowledge, ORDER, status="active", intent="order", doNotPerform=False) != []


def bounds(**period: str) -> list[dict[str, Any]]:
    return [{"timing": {"repeat": {"boundsPeriod": period}}}]


# resource and content; its start, its end and whether it goes on
TIMES = [
    (STATEMENT, {"status": "active", "effectiveDateTime": "2026-10-01"}, "2026-10-01", None, True),
    (STATEMENT, {"status": "active", "effectivePeriod": {"start": "2026-10-01"}}, "2026-10-01", None, True),
    (STATEMENT, {"status": "active", **PERIOD}, "2026-10-01", "2026-10-07", False),
    (STATEMENT, {"status": "completed", **PERIOD}, "2026-10-01", "2026-10-07", False),
    (STATEMENT, {"status": "completed", "effectivePeriod": {"end": "2026-10-07"}}, None, "2026-10-07", False),
    (STATEMENT, {"status": "stopped", "effectivePeriod": {"start": "2026-10-01"}}, "2026-10-01", None, False),
    (STATEMENT, {"status": "active"}, None, None, True),
    (ADMINISTRATION, {"status": "completed", "effectiveDateTime": "2026-10-01"}, "2026-10-01", "2026-10-01", False),
    (ADMINISTRATION, {"status": "completed", **PERIOD}, "2026-10-01", "2026-10-07", False),
    (ADMINISTRATION, {"status": "in-progress", "effectivePeriod": {"start": "2026-10-01"}}, "2026-10-01", None, True),
    (ADMINISTRATION, {"status": "in-progress", **PERIOD}, "2026-10-01", "2026-10-07", False),
    (ADMINISTRATION, {"status": "stopped", "effectivePeriod": {"start": "2026-10-01"}}, "2026-10-01", None, False),
    (ORDER, {"status": "active", "authoredOn": "2026-10-01"}, "2026-10-01", None, True),
    (ORDER, {"status": "completed", "authoredOn": "2026-10-01"}, "2026-10-01", None, False),
    (
        ORDER,
        {"status": "active", "authoredOn": "2026-09-01", "dosageInstruction": bounds(start="2026-10-01")},
        "2026-10-01",
        None,
        True,
    ),
    (
        ORDER,
        {"status": "active", "authoredOn": "2026-10-01", "dosageInstruction": bounds(end="2026-10-07")},
        "2026-10-01",
        "2026-10-07",
        False,
    ),
    # Stopped before its planned end: on a day that is not told.
    (
        ORDER,
        {"status": "stopped", "authoredOn": "2026-10-01", "dosageInstruction": bounds(end="2026-11-23")},
        "2026-10-01",
        None,
        False,
    ),
    (
        ORDER,
        {"status": "stopped", "authoredOn": "2026-10-01", "dosageInstruction": bounds(end="2026-11-22")},
        "2026-10-01",
        "2026-11-22",
        False,
    ),
    (DISPENSE, {"status": "completed", "whenHandedOver": "2026-10-01"}, "2026-10-01", None, False),
    (DISPENSE, {"status": "completed", "whenPrepared": "2026-10-01"}, "2026-10-01", None, False),
    (
        DISPENSE,
        {"status": "completed", "whenPrepared": "2026-09-30", "whenHandedOver": "2026-10-01", "daysSupply": {"value": 30}},
        "2026-10-01",
        "2026-10-31",
        False,
    ),
    *(
        (
            DISPENSE,
            {"status": "completed", "whenHandedOver": "2026-10-01", "daysSupply": {"value": days}},
            "2026-10-01",
            None,
            False,
        )
        for days in (0, -1, 1000)
    ),
    (DISPENSE, {"status": "completed", "daysSupply": {"value": 30}}, None, None, False),
]


@pytest.mark.parametrize(("resource_type", "content", "start", "end", "ongoing"), TIMES, ids=range(len(TIMES)))
def test_from_when_to_when_it_was_taken(
    resource_type: str, content: dict[str, Any], start: str | None, end: str | None, ongoing: bool, knowledge: Knowledge
) -> None:
    (found,) = read(knowledge, resource_type, **content)
    days = tuple(None if day is None else str(day) for day in (found.started, found.ended))
    assert (*days, found.ongoing) == (start, end, ongoing)


def day(text: str) -> DateRange:
    return DateRange(date.fromisoformat(text), date.fromisoformat(text))


YEAR = DateRange(date(2026, 1, 1), date(2026, 12, 31))
# start, end, whether it goes on; when the last dose may have been taken
LAST_DOSES = [
    (day("2026-10-01"), None, True, "2026-11-22"),
    (day("2026-11-22"), None, True, "2026-11-22"),
    (day("2026-11-23"), None, True, None),
    (None, None, True, "2026-11-22"),
    (day("2026-10-01"), day("2026-10-07"), False, "2026-10-07"),
    (day("2026-10-01"), day("2026-11-23"), False, "2026-11-22"),
    (None, day("2026-10-07"), False, "2026-10-07"),
    (day("2026-10-01"), None, False, "2026-10-01 to 2026-11-22"),
    (day("2026-10-01"), YEAR, False, "2026-01-01 to 2026-11-22"),
    (None, None, False, None),
]


@pytest.mark.parametrize(("start", "end", "ongoing", "expected"), LAST_DOSES, ids=range(len(LAST_DOSES)))
def test_the_last_dose_may_have_been_taken_on_any_day_that_the_record_leaves_open(
    start: DateRange | None, end: DateRange | None, ongoing: bool, expected: str | None
) -> None:
    therapy = Therapy("MedicationStatement/d", "a drug", NOTHING, None, started=start, ended=end, ongoing=ongoing)
    found = last_exposure(therapy, AS_OF)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(("name", "route"), [("Cytarabine", Route.ORAL), ("Lisinopril", None)])
def test_how_it_is_given_is_read_only_of_a_medicine_that_is_asked_for(
    knowledge: Knowledge, name: str, route: Route | None
) -> None:
    dosage = [{"route": {"text": "Oral"}}]
    (therapy,) = read(knowledge, STATEMENT, medicationCodeableConcept={"text": name}, dosage=dosage, status="active")
    assert therapy.route is route


def test_what_it_is_given_for_is_read_of_every_medicine(knowledge: Knowledge) -> None:
    lisinopril = {"medicationCodeableConcept": {"text": "Lisinopril"}, "status": "active"}
    (therapy,) = read(knowledge, STATEMENT, **lisinopril, reasonCode=[{"text": "Breast cancer"}])
    assert therapy.reasons is not None
    assert therapy.reasons.is_in("other_malignancy")
