"""How drugs become courses, and courses regimens (rulings 11, 12, 15 and 16)."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts import extract
from cds_service.facts.statements import statements
from cds_service.facts.timeline import diagnosed
from cds_service.facts.treatment import HistoryOpen, TreatmentHistory, treatment_history
from cds_service.fhir.bundle import read_bundle
from tests.records import AS_OF, RXNORM, Record

History = Callable[[Record], TreatmentHistory]


@pytest.fixture(scope="module")
def history(knowledge: Knowledge) -> History:
    def told(record: Record) -> TreatmentHistory:
        facts = extract.facts(read_bundle(record.body()), knowledge.terminology, AS_OF, ZoneInfo("UTC"))
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
