"""Dates known by their month alone must turn no answer into its opposite."""

import copy
from collections.abc import Callable

import pytest

from cds_service.evaluation import Findings
from tests.records import Record

Judge = Callable[[Record], Findings]
Rows = dict[tuple[str, str], str]


def answers(findings: Findings) -> Rows:
    return {(m.trial.id, one.criterion.id): one.verdict.answer.value for m in findings.matches for one in m.answers}


def turned(one: Rows, other: Rows) -> dict[tuple[str, str], tuple[str, str]]:
    """What is answered met by one and not met by the other."""
    return {row: (one[row], other[row]) for row in one if {one[row], other[row]} == {"met", "not_met"}}


def patient() -> Record:
    """AML, found on 10 January 2026 with 60 % blasts."""
    aml = Record().condition("C92.00", "Acute myeloblastic leukemia", onset="2026-01-10", recorded="2026-01-10")
    return aml.marrow(60, "2026-01-10")


def counts(record: Record, on: str) -> Record:
    return record.lab("neutrophils", 1.8, effectiveDateTime=on).lab("platelets", 180, effectiveDateTime=on)


def test_a_course_known_by_its_month_turns_no_answer_into_its_opposite(judge: Judge) -> None:
    def treated(start: str) -> Record:
        record = patient().given("cytarabine", start, "2026-01-18").given("daunorubicin", "2026-01-12", "2026-01-14")
        return record.remission("2026-01-24").marrow(5, "2026-02-14")

    assert turned(answers(judge(treated("2026-01-12"))), answers(judge(treated("2026-01")))) == {}


def test_a_remission_known_by_its_month_turns_no_answer_into_its_opposite(judge: Judge) -> None:
    def treated(marrow: str) -> Record:
        record = counts(patient().induction("2026-01-12").marrow(2, marrow), "2026-01-29")
        return record.induction("2026-02-01").marrow(5, "2026-02-25")

    assert turned(answers(judge(treated("2026-01-29"))), answers(judge(treated("2026-01")))) == {}


def test_blasts_known_by_the_month_of_the_remission_are_no_relapse_after_it(judge: Judge) -> None:
    def treated(marrow: str) -> Record:
        return patient().induction("2026-01-12").marrow(40, marrow).remission("2026-02-12")

    assert turned(answers(judge(treated("2026-02-02"))), answers(judge(treated("2026-02")))) == {}


def test_a_remission_known_by_the_month_of_the_blasts_is_neither_before_nor_after_them(judge: Judge) -> None:
    def treated(remission: str) -> Record:
        record = counts(patient().induction("2026-01-12").marrow(2, remission), remission)
        return record.marrow(40, "2026-02-20")

    coarse = answers(judge(treated("2026-02")))
    assert turned(answers(judge(treated("2026-02-12"))), coarse) == {}
    assert turned(answers(judge(treated("2026-02-27"))), coarse) == {}


def undated(record: Record, place: int) -> Record:
    """The same record, with one of its entries without any date."""
    own = copy.deepcopy(record)
    for key in ("effectiveDateTime", "effectivePeriod", "recordedDate", "onsetDateTime", "performedDateTime"):
        own.resources[place].pop(key, None)
    return own


def of_its_year(record: Record, place: int) -> Record:
    own = copy.deepcopy(record)
    for key, value in own.resources[place].items():
        if key in ("effectiveDateTime", "recordedDate"):
            own.resources[place][key] = value[:4]
        elif key == "effectivePeriod":
            own.resources[place][key] = {end: day[:4] for end, day in value.items()}
    return own


def after_remission() -> Record:
    return patient().induction("2026-01-12").remission("2026-02-12")


COURSES: dict[str, Record] = {
    "relapse in the marrow": after_remission().marrow(40, "2026-08-12"),
    "relapse as stated": after_remission().lab("disease_status", "Relapse", effectiveDateTime="2026-08-12"),
    "relapse by its code": after_remission().condition("C92.02", "AML, in relapse", recorded="2026-10-03"),
    "relapse in the spinal fluid": after_remission().lab("csf_blasts", 12, effectiveDateTime="2026-11-10"),
    "refractory to one course": patient().induction("2026-01-12").marrow(40, "2026-02-12").marrow(42, "2026-03-12"),
    "early relapse after a second course": patient()
    .induction("2026-01-12")
    .marrow(40, "2026-02-12")
    .induction("2026-02-15")
    .marrow(2, "2026-03-20", 1.8, 180)
    .marrow(40, "2026-03-25"),
}


@pytest.mark.parametrize("course", COURSES)
def test_an_entry_without_a_day_turns_no_answer_into_its_opposite(course: str, judge: Judge) -> None:
    record = COURSES[course]
    known = answers(judge(record))
    for place in range(2, len(record.resources)):  # the patient and the diagnosis keep their dates
        for coarse in (undated(record, place), of_its_year(record, place)):
            assert turned(known, answers(judge(coarse))) == {}, record.resources[place]


def test_courses_of_which_a_drug_is_known_by_its_month_are_not_counted_as_one(judge: Judge) -> None:
    def treated(start: str, end: str) -> Record:
        first = patient().given("cytarabine", start, end).given("daunorubicin", "2026-01-12", "2026-01-14")
        return first.induction("2026-01-29").marrow(40, "2026-02-12").induction("2026-02-15").remission("2026-03-10")

    assert turned(answers(judge(treated("2026-01-12", "2026-01-18"))), answers(judge(treated("2026-01", "2026-01")))) == {}


def test_a_clean_marrow_without_a_day_leaves_refractory_disease_open(judge: Judge) -> None:
    record = patient().induction("2026-01-12").marrow(40, "2026-02-12").induction("2026-02-15").marrow(40, "2026-03-20")
    assert answers(judge(record))["NCT06006403", "I3b1"] == "met"
    assert answers(judge(undated(record.marrow(2, "2026-03-10"), -1)))["NCT06006403", "I3b1"] == "unknown"


def test_courses_after_a_clean_marrow_with_unknown_counts_prove_no_refractory_disease(judge: Judge) -> None:
    first = patient().induction("2026-01-12")
    failed = first.marrow(2, "2026-07-10").induction("2026-07-13").induction("2026-08-10").marrow(40, "2026-09-12")
    assert answers(judge(failed))["NCT06006403", "I3b1"] == "unknown"
