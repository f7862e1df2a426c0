"""On what an answer rests, what it says is missing, and when a person has to look: all part of the answer."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from cds_service import wording
from cds_service.criteria.match import cited, in_reading_order, mark_invalid
from cds_service.criteria.reasons import Problem, Unusable
from cds_service.evaluation import Findings
from tests.conftest import Ask
from tests.records import Record, days_ago, interpretation, relapsed_aml

POS = {"interpretation": interpretation("POS")}
NEG = {"interpretation": interpretation("NEG")}
ABSENT = {"dataAbsentReason": {"coding": [{"code": "unknown"}]}}
NO_VALUE, UNCLEAR, NO_UNIT, COMPARATOR = Problem.NO_VALUE, Problem.UNCLEAR, Problem.NO_UNIT, Problem.COMPARATOR


def man() -> Record:
    return Record("1980-05-01", "male")


def cd123(words: Any = None, ago: int = 3, **more: Any) -> Record:
    return relapsed_aml().named_test("CD123 on blasts by flow cytometry", words, ago, **more)


# row, record, why the result cannot be used, the day that is shown
UNUSABLE = [
    ("001-X7a", man().lab("hiv", None, **ABSENT), NO_VALUE, days_ago(3)),
    ("001-X7a", man().lab("hiv", "pending"), UNCLEAR, days_ago(3)),
    ("001-X7a", man().lab("hiv", None, **POS, valueString="Negative"), UNCLEAR, days_ago(3)),
    ("002-I2", cd123(**ABSENT), NO_VALUE, days_ago(3)),
    ("002-I2", cd123(valueInteger=30), NO_UNIT, days_ago(3)),
    ("002-I2", cd123("equivocal"), UNCLEAR, days_ago(3)),
    ("002-I5", man().lab("ecog", None, **ABSENT), NO_VALUE, days_ago(3)),
    ("002-I5", man().lab("ecog", valueQuantity={"value": 1, "comparator": "<"}), COMPARATOR, days_ago(3)),
    ("002-I5", man().lab("ecog", "2-3"), Problem.RANGE, days_ago(3)),
    ("002-I5", man().lab("ecog", 6), Problem.NOT_A_GRADE, days_ago(3)),
    ("001-I10", man().lab("lvef", 60, effectiveDateTime="2026"), Problem.YEAR_ONLY, "2026"),
    ("001-I10", man().lab("lvef", valueQuantity={"value": 55, "comparator": "<", "unit": "%"}), COMPARATOR, days_ago(3)),
    ("001-I10", man().lab("lvef", 60, -1), Problem.FUTURE, days_ago(-1)),
    ("001-I10", man().lab("lvef", 60, effectiveDateTime=None), Problem.NO_DATE, None),
]


@pytest.mark.parametrize(("row", "record", "problem", "day"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_a_result_that_cannot_be_used_is_shown_with_its_fault_and_day_and_asked_for(
    ask: Ask, row: str, record: Record, problem: Problem, day: str | None
) -> None:
    verdict = ask(row, record).verdict
    unusable = [reason for reason in verdict.reasons if isinstance(reason, Unusable)]
    assert [(one.problem, None if one.when is None else str(one.when)) for one in unusable] == [(problem, day)]
    assert verdict.evidence
    assert verdict.missing
    assert not any(item.repeat for item in verdict.missing)


# row, record: the references that the answer rests on, in their order
EVIDENCE = [
    ("001-I10", man().lab("lvef", 60), ["Observation/r1"]),
    ("001-I10", man().lab("lvef", 30, 10).lab("lvef", 60, 3), ["Observation/r2"]),
    ("001-I10", man().lab("lvef", 60, 3).lab("lvef", 30, 10), ["Observation/r1"]),
    ("001-I10", man().lab("lvef", 60).lab("lvef", 30), ["Observation/r1", "Observation/r2"]),
    ("002-I5", man().lab("ecog", 1), ["Observation/r1"]),
    ("001-I4", man().lab("ecog", 1), ["Observation/r1"]),
    ("001-I4", man().lab("ecog", 2), ["Observation/r1"]),
    ("001-X7a", man().lab("hiv", "Reactive", 900), ["Observation/r1"]),
    ("001-I13", man().lab("spo2", 97).lab("oxygen_flow", 2), ["Observation/r1", "Observation/r2"]),
    ("001-I13", man().lab("spo2", 97).condition("Z99.81", "Oxygen"), ["Observation/r1", "Condition/r2"]),
    ("004-X5", man().procedure("1156961008", "CAR T-cell therapy"), ["Procedure/r1"]),
]


@pytest.mark.parametrize(("row", "record", "references"), EVIDENCE, ids=range(len(EVIDENCE)))
def test_an_answer_names_what_it_rests_on(ask: Ask, row: str, record: Record, references: list[str]) -> None:
    evidence = ask(row, record).verdict.evidence
    assert [item.fact.reference for item in evidence if item.fact is not None] == references


# row, record, what the reason says
SAID = [
    ("002-I5", man().lab("ecog", 1), "ECOG performance status 1 is at most 2"),
    ("002-I5", man().lab("ecog", "1-2"), "ECOG performance status 1-2 is at most 2"),
    ("002-I5", man().lab("ecog", 3), "ECOG performance status 3 is above 2"),
    ("001-I4", man().lab("karnofsky", 80), "Karnofsky performance status 80 is above 60"),
    ("001-I4", man().lab("karnofsky", 60), "Karnofsky performance status 60 is not above 60"),
]


@pytest.mark.parametrize(("row", "record", "said"), SAID)
def test_a_grade_is_told_as_it_is_recorded(ask: Ask, row: str, record: Record, said: str) -> None:
    assert said in wording.reason(ask(row, record).verdict).replace("–", "-")


MORNING, EVENING, NEXT_MORNING = (
    f"{days_ago(3)}T07:00:00+05:45",
    f"{days_ago(3)}T19:00:00+05:45",
    f"{days_ago(2)}T07:30:00+05:45",
)
OXYGEN = [
    # a day between them, by the clock
    (man().lab("spo2", 97, effectiveDateTime=MORNING).lab("oxygen_flow", 2, effectiveDateTime=EVENING), "unknown"),
    (man().lab("spo2", 97, effectiveDateTime=MORNING).lab("oxygen_flow", 2, effectiveDateTime=NEXT_MORNING), "met!"),
    (man().lab("spo2", 97, effectiveDateTime=NEXT_MORNING).lab("oxygen_flow", 2, effectiveDateTime=MORNING), "met!"),
    # by days alone: the day before and the day after still count
    (man().lab("spo2", 97, 3).lab("oxygen_flow", 2, 4), "unknown"),
    (man().lab("spo2", 97, 3).lab("oxygen_flow", 2, 2), "unknown"),
    (man().lab("spo2", 97, 3).lab("oxygen_flow", 2, 5), "met!"),
    (man().lab("spo2", 97, 3).lab("oxygen_flow", 2, 1), "met!"),
    # one by the clock, the other by the day
    (man().lab("spo2", 97, effectiveDateTime=MORNING).lab("oxygen_flow", 2, 2), "unknown"),
    (man().lab("spo2", 97, 3).lab("oxygen_flow", 0), "met!"),
    (man().lab("spo2", 89, 3).lab("oxygen_flow", 2, 3), "not_met"),
    # dependence that began after the measurement, and on an unknown day
    (man().lab("spo2", 97, 5).condition("Z99.81", "Oxygen", onset=days_ago(4), recorded=days_ago(4)), "unknown"),
    (man().lab("spo2", 97, 5).condition("Z99.81", "Oxygen", onset=days_ago(3), recorded=days_ago(3)), "met!"),
    (man().lab("spo2", 97, 5).condition("Z99.81", "Oxygen", recorded=None), "unknown"),
    # devices in words
    *(
        (man().lab("spo2", 97, component=[{"code": {"text": "O2 Device"}, "valueString": words}]), expected)
        for words, expected in (
            ("Room air", "met"),
            ("ROOM AIR", "met"),
            ("None", "met"),
            ("Room air, was on nasal cannula", "unknown"),
            ("NONE (VENTURI MASK REMOVED)", "unknown"),
            ("Venturi mask", "unknown"),
            ("HFNC", "unknown"),
        )
    ),
]


@pytest.mark.parametrize(("record", "expected"), OXYGEN, ids=range(len(OXYGEN)))
def test_oxygen_within_a_day_of_the_saturation_leaves_a_passing_one_open(ask: Ask, record: Record, expected: str) -> None:
    verdict = ask("001-I13", record).verdict
    assert f"{verdict.answer.value}{'!' if verdict.confirm else ''}" == expected


@pytest.mark.parametrize(
    ("end", "status", "expected"),
    [
        (days_ago(4), "completed", "met"),
        (days_ago(3), "completed", "met"),
        (days_ago(2), "completed", "unknown"),
        (None, "active", "unknown"),
        (None, "completed", "met"),
    ],
)
def test_an_echocardiogram_tells_nothing_of_the_heart_after_a_later_anthracycline(
    ask: Ask, end: str | None, status: str, expected: str
) -> None:
    period = {"start": days_ago(10), **({"end": end} if end else {})}
    record = man().lab("lvef", 60, 3).given("daunorubicin", days_ago(10), status=status, effectivePeriod=period)
    assert ask("001-I10", record).verdict.answer.value == expected


def test_what_is_not_valid_fhir_still_counts_but_a_person_should_look(judge: Callable[[Record], Findings]) -> None:
    matches = judge(man().lab("lvef", 60)).matches
    marked = mark_invalid(matches, {"Observation/r1": "valueQuantity.value is a string"})
    for before, after in zip(matches, marked, strict=True):
        for old, new in zip(before.answers, after.answers, strict=True):
            rests = any(item.fact is not None and item.fact.reference == "Observation/r1" for item in old.verdict.evidence)
            assert new.verdict.answer is old.verdict.answer
            assert new.verdict.confirm is (old.verdict.confirm or (rests and old.verdict.answer.value != "unknown"))
            problems = {item.invalid for item in new.verdict.evidence if item.fact is not None}
            assert ("valueQuantity.value is a string" in problems) is rests
    assert any(a.verdict.confirm and a.verdict.answer.value == "met" for match in marked for a in match.answers)


def test_where_all_is_valid_nothing_is_marked(judge: Callable[[Record], Findings]) -> None:
    matches = judge(man().lab("lvef", 60)).matches
    assert mark_invalid(matches, {}) == matches
    assert mark_invalid(matches, {"Observation/other": "broken"}) == matches


def test_the_resources_cited_are_those_that_an_answer_rests_on(judge: Callable[[Record], Findings]) -> None:
    found = cited(judge(man().lab("lvef", 60).condition("L20.9", "Atopic dermatitis")).matches)
    assert "Observation/r1" in found
    assert "Condition/r2" not in found


def test_trials_that_still_may_fit_are_read_before_those_that_do_not(judge: Callable[[Record], Findings]) -> None:
    order = in_reading_order(judge(relapsed_aml()).matches)
    barred = [bool(match.barring) for match in order]
    assert barred == sorted(barred)
    for one, other in pairwise(order):
        if bool(one.barring) is bool(other.barring) and one.outcome is other.outcome:
            mine, theirs = ((not m.trial.recruitment.is_open(), len(m.open), m.trial.id) for m in (one, other))
            assert mine < theirs
