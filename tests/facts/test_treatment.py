"""How drugs become courses, and courses regimens (rulings 11, 12, 15 and 16)."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.facts.statements import statements
from cds_service.facts.timeline import diagnosed
from cds_service.facts.treatment import HistoryOpen, TreatmentHistory, treatment_history
from cds_service.fhir.bundle import read_bundle
from tests.records import AS_OF, RXNORM, Record

History = Callable[[Record], TreatmentHistory]


@pytest.fixture(scope="module")
def history(knowledge: Knowledge) -> History:
    def told(record: Record) -> TreatmentHistory:
        facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, ZoneInfo("UTC"))
        return treatment_history(facts, diagnosed(facts, knowledge.assumptions), statements(facts), knowledge.assumptions)

    return told


def aml() -> Record:
    return Record().condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10")


def dose(text: str, route: str = "Intravenous") -> list[dict[str, object]]:
    return [{"text": text, "route": {"text": route}}]


REGIMENS = {
    "7+3": (aml().induction("2025-01-12"), "intensive chemotherapy"),
    "CPX-351": (
        aml().drug("CPX-351", None, None, effectivePeriod={"start": "2025-01-12", "end": "2025-01-16"}),
        "intensive chemotherapy",
    ),
    "FLAG-IDA": (aml().flag_ida("2025-01-12"), "intensive chemotherapy"),
    "high-dose cytarabine, 3 g/m2": (
        aml().given("cytarabine", "2025-01-12", "2025-01-16", dosage=dose("3 g/m2 every 12 hours")),
        "intensive chemotherapy",
    ),
    "cytarabine 1,000 mg/m2": (
        aml().given("cytarabine", "2025-01-12", "2025-01-16", dosage=dose("1,000 mg/m²")),
        "intensive chemotherapy",
    ),
    "cytarabine of an unknown dose alone": (
        aml().given("cytarabine", "2025-01-12", "2025-01-16"),
        "chemotherapy of another kind",
    ),
    "cytarabine under the skin": (
        aml().given("cytarabine", "2025-01-12", "2025-01-21", dosage=dose("20 mg", "Subcutaneous")),
        "low-dose cytarabine",
    ),
    "low-dose cytarabine with venetoclax": (
        aml()
        .given("cytarabine", "2025-01-12", "2025-01-21", dosage=dose("20 mg/m2"))
        .given("venetoclax", "2025-01-12", "2025-02-08"),
        "venetoclax with a hypomethylating agent or low-dose cytarabine",
    ),
    "decitabine with venetoclax begun some days later": (
        aml().given("decitabine", "2025-01-12", "2025-01-16").given("venetoclax", "2025-01-18", "2025-02-08"),
        "venetoclax with a hypomethylating agent or low-dose cytarabine",
    ),
    "azacitidine alone": (aml().given("azacitidine", "2025-01-12", "2025-01-18"), "hypomethylating agent"),
    "CAG": (
        aml()
        .given("cytarabine", "2025-01-12", "2025-01-25", dosage=dose("10 mg/m2", "Subcutaneous"))
        .drug("aclarubicin", None, None, effectivePeriod={"start": "2025-01-12", "end": "2025-01-15"}, route="Intravenous")
        .given("filgrastim", "2025-01-12", "2025-01-25"),
        "CAG-type regimen",
    ),
    "7+3 with a growth factor after it": (
        aml().induction("2025-01-12").given("filgrastim", "2025-01-25", "2025-02-01"),
        "intensive chemotherapy",
    ),
    "gilteritinib alone": (aml().given("gilteritinib", "2025-01-12", "2025-03-12"), "targeted drugs"),
}


@pytest.mark.parametrize("regimen", REGIMENS)
def test_a_regimen_is_told_by_its_drugs_and_doses(regimen: str, history: History) -> None:
    record, expected = REGIMENS[regimen]
    assert [one.regimen.value for one in history(record).treatments] == [expected]


def day_by_day(*days: str) -> Record:
    record = aml()
    for day in days:
        record.add(
            "MedicationAdministration",
            status="completed",
            effectiveDateTime=day,
            medicationCodeableConcept={"coding": [{"system": RXNORM, "code": "1251"}]},
            dosage={"route": {"text": "Subcutaneous"}},
        )
    return record


def started(*days: str) -> Record:
    record = aml()
    for day in days:
        record.given("azacitidine", day, effectivePeriod=None, effectiveDateTime=day)
    return record


COURSES = [
    (aml().induction("2025-01-12"), 1),
    (day_by_day("2025-01-13", "2025-01-14", "2025-01-15", "2025-01-16", "2025-01-17", "2025-01-20", "2025-01-21"), 1),
    (day_by_day("2025-01-13", "2025-01-19"), 1),
    (day_by_day("2025-01-13", "2025-01-20"), 2),
    (started("2025-01-13", "2025-01-26"), 1),
    (started("2025-01-13", "2025-01-27"), 2),
    (aml().induction("2025-01-12").given("cytarabine", "2025-02-01", dosage=dose("50 mg", "Intrathecal")), 1),
    (aml().given("azacitidine", "2025-01-12", "2025-01-25", dosage=[{"route": {"text": "Oral"}}]), 0),
    (aml().induction("2025-01-12", status="not-taken"), 0),
    (aml().induction("2025-01-12", status="entered-in-error"), 0),
    (aml().induction("2027-01-12"), 0),
    (aml().given("azacitidine", "2024-06-01", "2024-06-07").induction("2025-01-12"), 1),
    (aml().given("cytarabine", "2025-01-04", "2025-01-06"), 1),
    (
        aml()
        .given("fludarabine", "2025-06-01", "2025-06-03")
        .given("cyclophosphamide", "2025-06-01", "2025-06-03")
        .procedure(None, "CAR-T cell infusion", None, performedDateTime="2025-06-06"),
        0,
    ),
]


@pytest.mark.parametrize(("record", "count"), COURSES, ids=range(len(COURSES)))
def test_drugs_make_as_many_courses(record: Record, count: int, history: History) -> None:
    assert len(history(record).courses) == count


OPEN = [
    (aml().induction("2025-01-12"), set()),
    (aml().induction("2025-02-09"), set()),
    (aml().induction("2025-02-10"), {HistoryOpen.LATE_FIRST_TREATMENT}),
    (aml(), {HistoryOpen.NO_TREATMENT}),
    (Record().condition("C92.00", "AML", onset=None, recorded=None).induction("2025-01-12"), {HistoryOpen.NO_DIAGNOSIS_DATE}),
    (
        aml()
        .induction("2025-01-12")
        .add("MedicationStatement", status="active", medicationCodeableConcept={"coding": [{"code": "X1"}]}),
        {HistoryOpen.NOT_RECOGNISED},
    ),
    (
        aml().given("cytarabine", "2025-01-12", "2025-01-16").given("cladribine", "2025-01-12", "2025-01-16"),
        {HistoryOpen.SALVAGE_FIRST},
    ),
    (
        aml().procedure("425843001", "Allogeneic transplant", None, performedDateTime="2025-01-11").induction("2025-01-12"),
        {HistoryOpen.TRANSPLANT_WITHOUT_INDUCTION},
    ),
    (
        Record().condition("C92.01", "AML in remission", recorded="2025-01-10").induction("2025-01-12"),
        {HistoryOpen.BEGINS_IN_THE_MIDDLE},
    ),
    (
        Record().condition("C92.01", "AML in remission", onset="2025-01-10", recorded="2025-06-10").induction("2025-01-12"),
        set(),
    ),
]


@pytest.mark.parametrize(("record", "reasons"), OPEN, ids=range(len(OPEN)))
def test_the_treatment_on_record_may_not_be_all(record: Record, reasons: set[HistoryOpen], history: History) -> None:
    assert history(record).open == reasons


# begun and ended beside a course of 12 to 18 January 2025; whether it belongs to it, or stands alone
BESIDE = [
    ("venetoclax", "2024-12-29", "2025-01-05", True),
    ("venetoclax", "2024-12-28", "2025-01-05", False),
    ("venetoclax", "2024-12-10", "2025-01-11", False),
    ("venetoclax", "2024-12-10", "2025-01-12", True),
    ("venetoclax", "2025-02-01", "2025-02-10", True),
    ("venetoclax", "2025-02-02", "2025-02-10", False),
    ("gilteritinib", "2025-01-20", "2025-12-31", True),
    ("gilteritinib", "2025-03-20", "2025-12-31", False),
]


@pytest.mark.parametrize(("name", "first", "last", "together"), BESIDE)
def test_targeted_drugs_begun_within_14_days_of_a_course_or_going_on_into_it_belong_to_it(
    name: str, first: str, last: str, together: bool, history: History
) -> None:
    record = Record().condition("C92.00", "AML", onset="2024-12-01", recorded="2024-12-01").induction("2025-01-12")
    found = history(record.given(name, first, last)).treatments
    assert len(found) == (1 if together else 2)
    course = next(one for one in found if one.is_course)
    assert [drug.label for drug in course.beside] == ([name] if together else [])


def test_a_targeted_drug_that_goes_on_from_before_a_course_belongs_to_it(history: History) -> None:
    record = aml().given("gilteritinib", "2025-01-10", status="active", effectivePeriod={"start": "2025-01-10"})
    (course,) = history(record.induction("2025-03-12")).treatments
    assert course.is_course


# entries of gilteritinib; the stretches that they make
STRETCHES = [
    ([("2025-01-12", "2025-02-08")], ["2025-01-12/2025-02-08"]),
    ([("2025-01-12", "2025-02-08"), ("2025-03-08", "2025-04-04")], ["2025-01-12/2025-04-04"]),
    ([("2025-01-12", "2025-02-08"), ("2025-03-09", "2025-04-04")], ["2025-01-12/2025-02-08", "2025-03-09/2025-04-04"]),
    ([("2025-03-08", "2025-04-04"), ("2025-01-12", "2025-02-08")], ["2025-01-12/2025-04-04"]),
    ([("2025-01-12", None)], ["2025-01-12/2026-11-22"]),
    ([("2025-01-12", "2025-02-08"), ("2025-02-20", None)], ["2025-01-12/2026-11-22"]),
]


@pytest.mark.parametrize(("entries", "expected"), STRETCHES, ids=range(len(STRETCHES)))
def test_the_same_targeted_drug_again_within_28_days_is_one_stretch(
    entries: list[tuple[str, str | None]], expected: list[str], history: History
) -> None:
    record = aml()
    for first, last in entries:
        period = {"start": first, **({"end": last} if last else {})}
        record.given("gilteritinib", first, status="completed" if last else "active", effectivePeriod=period)
    found = history(record).treatments
    assert [f"{one.start}/{one.end.last}" for one in found] == expected
    assert [one.ongoing for one in found] == [entries[-1][1] is None] * len(found)
    assert not any(one.is_course or one.confirm for one in found)


def test_two_targeted_drugs_are_two_stretches(history: History) -> None:
    record = aml().given("gilteritinib", "2025-01-12", "2025-02-08").given("venetoclax", "2025-02-10", "2025-03-08")
    assert len(history(record).treatments) == 2


# one entry of azacitidine: its end, its status; whether it may be several courses, and is to be confirmed
ENTRIES = [
    ("2025-02-09", "completed", False, False),
    ("2025-02-10", "completed", True, False),
    (None, "active", True, True),
    (None, "completed", False, True),
]


@pytest.mark.parametrize(("last", "status", "cycles_open", "confirm"), ENTRIES)
def test_an_entry_of_more_than_28_days_may_be_several_courses(
    last: str | None, status: str, cycles_open: bool, confirm: bool, history: History
) -> None:
    period = {"start": "2025-01-12", **({"end": last} if last else {})}
    (course,) = history(aml().given("azacitidine", "2025-01-12", status=status, effectivePeriod=period)).courses
    assert (course.cycles_open, course.confirm, course.ongoing) == (cycles_open, confirm, status == "active")


# cytarabine so long before a transplant with busulfan, or one without; the courses that remain
CONDITIONING = [
    ("2025-03-25", True, 1),
    ("2025-03-24", True, 2),
    ("2025-04-08", True, 1),
    ("2025-04-09", True, 2),
    ("2025-04-01", False, 2),
]


@pytest.mark.parametrize(("on", "conditioned", "count"), CONDITIONING)
def test_cytotoxics_up_to_14_days_before_a_conditioned_graft_are_no_course(
    on: str, conditioned: bool, count: int, history: History
) -> None:
    record = aml().induction("2025-01-12").given("cytarabine", on)
    record.procedure("425843001", "Allogeneic transplant", None, performedDateTime="2025-04-08")
    found = history(record.given("busulfan", "2025-04-02", "2025-04-05") if conditioned else record)
    assert len(found.courses) == count
    assert len(found.preparations) == 2 - count


# fludarabine and cyclophosphamide begun so many days apart; a partner or none
DEPLETION = [
    ("2025-06-01", None, 0),
    ("2025-06-07", None, 0),
    ("2025-06-08", None, 1),
    ("2025-05-26", None, 0),
    ("2025-05-25", None, 1),
    ("2025-06-01", "2025-06-07", 1),
    ("2025-06-01", "2025-06-08", 1),
]


@pytest.mark.parametrize(("cyclophosphamide", "cytarabine", "count"), DEPLETION)
def test_fludarabine_with_cyclophosphamide_alone_is_lymphocyte_depletion(
    cyclophosphamide: str, cytarabine: str | None, count: int, history: History
) -> None:
    record = aml().given("fludarabine", "2025-06-01").given("cyclophosphamide", cyclophosphamide)
    found = history(record.given("cytarabine", cytarabine) if cytarabine else record)
    assert len(found.courses) == count


# days of entries of a transplant; how many transplants they are
GRAFTS = [
    (["2025-04-08"], 1),
    (["2025-04-08", "2025-04-22"], 1),
    (["2025-04-08", "2025-04-23"], 2),
    (["2025-04-23", "2025-04-08"], 2),
    (["2026-11-22"], 1),
    (["2026-11-23"], 0),
]


@pytest.mark.parametrize(("days", "count"), GRAFTS)
def test_entries_of_a_transplant_within_14_days_are_one(days: list[str], count: int, history: History) -> None:
    record = aml().induction("2025-01-12")
    for day in days:
        record.procedure("425843001", "Allogeneic transplant", None, performedDateTime=day)
    grafts = history(record).grafts
    assert len(grafts) == count
    assert [str(one.when) for one in grafts] == sorted(str(one.when) for one in grafts)


@pytest.mark.parametrize(("on", "antecedent"), [("2025-01-03", False), ("2025-01-02", True)])
def test_what_began_more_than_7_days_before_the_diagnosis_was_given_for_something_else(
    on: str, antecedent: bool, history: History
) -> None:
    found = history(aml().given("azacitidine", on, "2025-01-09"))
    assert ([drug.label for drug in found.antecedent], len(found.treatments)) == (
        (["azacitidine"], 0) if antecedent else ([], 1)
    )


def test_a_drug_whose_end_is_only_planned_is_taken_today(history: History) -> None:
    (taken,) = history(aml().given("gilteritinib", "2026-09-01", "2027-03-01", status="active")).treatments
    assert taken.ongoing
    assert taken.end.last == AS_OF
