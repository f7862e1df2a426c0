"""Dates known by their month alone must turn no answer into its opposite."""

from collections.abc import Callable

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
