"""The disease course as it is told: how it stands, what opens a line, what each treatment achieved, and on what that rests."""

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from cds_service.assumptions import Length
from cds_service.criteria.knowledge import Knowledge
from cds_service.dates import DateRange
from cds_service.facts import extract
from cds_service.facts.certainty import Unclear
from cds_service.facts.concepts import Recogniser
from cds_service.facts.outcomes import Ending, Outcome
from cds_service.facts.timeline import Activity, DiseaseCourse
from cds_service.fhir.bundle import read_bundle
from tests.facts.test_disease_course import consolidated, in_remission, patient, relapsed, sarcoma
from tests.records import AS_OF, Record

UTC = ZoneInfo("UTC")
Told = Callable[[Record], DiseaseCourse]


@pytest.fixture(scope="module")
def told(knowledge: Knowledge) -> Told:
    """The course by the definition of NCT07144020: above 5 %, and any blood blasts or extramedullary disease."""

    def course(record: Record) -> DiseaseCourse:
        facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, UTC)
        return knowledge.case(facts).of_trial("NCT07144020").course

    return course


def stated(what: str, on: str, of: Record) -> Record:
    return of.lab("disease_status", what, effectiveDateTime=on)


STANDS: dict[str, tuple[Record, Activity, Unclear | None]] = {
    "a marrow with disease of today": (relapsed("2026-11-22"), Activity.ACTIVE, None),
    "of 56 days ago": (relapsed("2026-09-27"), Activity.ACTIVE, None),
    "of 57 days ago": (relapsed("2026-09-26"), Activity.UNKNOWN, Unclear.MARROW_STALE),
    "a remission however old": (in_remission(), Activity.REMISSION, None),
    "a remission with partial recovery": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12", 0.6, 60),
        Activity.REMISSION,
        None,
    ),
    "a leukaemia-free state by the counts": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12", 0.2, 20),
        Activity.UNKNOWN,
        Unclear.LEUKEMIA_FREE,
    ),
    "a leukaemia-free state as stated": (
        stated("MLFS", "2025-02-12", patient().induction("2025-01-12")),
        Activity.UNKNOWN,
        Unclear.LEUKEMIA_FREE,
    ),
    "blasts below 5 % without counts": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12"),
        Activity.UNKNOWN,
        Unclear.COUNTS_MISSING,
    ),
    "a leukaemia-free state as stated, and disease in the marrow of that day": (
        stated("MLFS", "2025-02-12", patient().induction("2025-01-12").marrow(30, "2025-02-12")),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "a leukaemia-free state as stated, and counts that make it a remission": (
        stated("MLFS", "2025-02-12", patient().induction("2025-01-12").remission("2025-02-12")),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "a leukaemia-free state as stated, and counts that are not recorded": (
        stated("MLFS", "2025-02-12", patient().induction("2025-01-12").marrow(2, "2025-02-12")),
        Activity.UNKNOWN,
        Unclear.LEUKEMIA_FREE,
    ),
    "a remission as stated, and a leukaemia-free state by the counts": (
        stated("Complete remission", "2025-02-12", patient().induction("2025-01-12").marrow(2, "2025-02-12", 0.2, 20)),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "refractory as stated, and a remission by marrow and counts": (
        stated("Refractory", "2025-02-12", patient().induction("2025-01-12").remission("2025-02-12")),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "a remission as stated 28 days after a marrow with disease": (
        stated("Complete remission", "2025-03-12", patient().induction("2025-01-12").marrow(30, "2025-02-12")),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "29 days after it": (
        stated("Complete remission", "2025-03-13", patient().induction("2025-01-12").marrow(30, "2025-02-12")),
        Activity.REMISSION,
        None,
    ),
    "3 days before a marrow with disease": (
        stated("Complete remission", "2025-02-09", patient().induction("2025-01-12").marrow(30, "2025-02-12")),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "a remission as stated after a course that followed the marrow with disease": (
        stated(
            "Complete remission",
            "2025-03-05",
            patient().induction("2025-01-12").marrow(30, "2025-02-12").induction("2025-02-13"),
        ),
        Activity.REMISSION,
        None,
    ),
    "a code in remission, and disease 28 days later": (
        patient()
        .induction("2025-01-12")
        .condition("C92.01", "AML in remission", recorded="2026-10-01")
        .marrow(30, "2026-10-29"),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "and disease 29 days later": (
        patient()
        .induction("2025-01-12")
        .condition("C92.01", "AML in remission", recorded="2026-10-01")
        .marrow(30, "2026-10-30"),
        Activity.ACTIVE,
        None,
    ),
    "a code of relapse, denied by a clean marrow with no treatment between": (
        in_remission().condition("C92.02", "AML in relapse", recorded="2026-10-01").remission("2026-11-10"),
        Activity.UNKNOWN,
        Unclear.CONFLICT,
    ),
    "a code of relapse, then treatment, then a remission": (
        in_remission()
        .condition("C92.02", "AML in relapse", recorded="2026-08-01")
        .flag_ida("2026-08-05")
        .remission("2026-09-10"),
        Activity.REMISSION,
        None,
    ),
    "a relapse by its code 180 days ago": (
        in_remission().condition("C92.02", "AML in relapse", recorded="2026-05-26"),
        Activity.ACTIVE,
        None,
    ),
    "181 days ago": (
        in_remission().condition("C92.02", "AML in relapse", recorded="2026-05-25"),
        Activity.UNKNOWN,
        Unclear.STATEMENT_STALE,
    ),
    "a relapse by its code that is resolved": (
        in_remission().condition("C92.02", "AML in relapse", recorded="2026-10-01", status="resolved"),
        Activity.UNKNOWN,
        Unclear.OVER,
    ),
    "a relapse by its code that was treated since": (
        in_remission().condition("C92.02", "AML in relapse", recorded="2026-10-01").flag_ida("2026-10-05"),
        Activity.UNKNOWN,
        Unclear.TREATED_SINCE,
    ),
    "a marrow with disease that was treated since": (
        relapsed("2026-10-01").flag_ida("2026-10-05"),
        Activity.UNKNOWN,
        Unclear.TREATED_SINCE,
    ),
    "a marrow with disease, and a transplant since": (
        relapsed("2026-10-01").procedure("425843001", "Allogeneic transplant", None, performedDateTime="2026-10-20"),
        Activity.UNKNOWN,
        Unclear.TREATED_SINCE,
    ),
    "one sample of blood with blasts in remission": (
        in_remission().lab("blood_blasts", 3, effectiveDateTime="2026-11-10"),
        Activity.UNKNOWN,
        Unclear.SINGLE_BLOOD_SAMPLE,
    ),
    "and a clear one after it, which does not settle it": (
        in_remission()
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-10")
        .lab("blood_blasts", 0, effectiveDateTime="2026-11-12"),
        Activity.UNKNOWN,
        Unclear.SINGLE_BLOOD_SAMPLE,
    ),
    "two samples of blood a week apart with a clear one between": (
        in_remission()
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-05")
        .lab("blood_blasts", 0, effectiveDateTime="2026-11-08")
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-12"),
        Activity.UNKNOWN,
        Unclear.SINGLE_BLOOD_SAMPLE,
    ),
    "two samples of blood a week apart": (
        in_remission()
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-05")
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-12"),
        Activity.ACTIVE,
        None,
    ),
    "a flag of an analyser in the blood": (
        in_remission().lab("blood_blasts", 3, effectiveDateTime="2026-11-10", method={"text": "Automated count"}),
        Activity.REMISSION,
        None,
    ),
    "blood blasts below 1 %": (
        in_remission().lab("blood_blasts", "<1 %", effectiveDateTime="2026-11-10"),
        Activity.REMISSION,
        None,
    ),
    "a sarcoma in remission": (in_remission().condition(**sarcoma("2026-11-01")), Activity.ACTIVE, None),
    "nothing but the diagnosis": (
        Record().condition("C92.00", "AML", onset="2026-11-10", recorded="2026-11-10"),
        Activity.UNKNOWN,
        Unclear.NO_EVIDENCE,
    ),
}


@pytest.mark.parametrize("story", STANDS)
def test_how_the_disease_stands(story: str, told: Told) -> None:
    record, activity, unclear = STANDS[story]
    state = told(record).state
    assert (state.activity, state.unclear) == (activity, unclear)
    assert state.rests_on or unclear is Unclear.NO_EVIDENCE


@pytest.mark.parametrize(
    ("on", "confirm", "repeat"), [("2026-11-22", False, False), ("2026-10-25", False, False), ("2026-10-24", True, True)]
)
def test_a_marrow_decides_alone_for_28_days_and_is_to_be_repeated_then(
    on: str, confirm: bool, repeat: bool, told: Told
) -> None:
    state = told(relapsed(on)).state
    assert (state.confirm, state.repeat, str(state.since)) == (confirm, repeat, on)


REMISSIONS = [
    (patient().induction("2025-01-12").remission("2025-02-12"), "2025-02-12"),
    # A clean marrow without counts before: the remission may have been there by then.
    (patient().induction("2025-01-12").marrow(2, "2025-02-05").remission("2025-04-12"), "2025-02-05 to 2025-04-12"),
    # After two courses with no marrow between, it may have followed the first.
    (patient().induction("2025-01-12").induction("2025-02-20").remission("2025-03-25"), "2025-01-26 to 2025-03-25"),
    # Disease between the courses: it followed the second.
    (
        patient().induction("2025-01-12").marrow(40, "2025-02-12").induction("2025-02-20").remission("2025-03-25"),
        "2025-03-25",
    ),
    (stated("Complete remission", "2025-03-25", patient().induction("2025-01-12").induction("2025-02-20")), "2025-03-25"),
    (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("neutrophils", 1.2, effectiveDateTime="2025-02-20")
        .lab("platelets", 110, effectiveDateTime="2025-02-25"),
        "2025-02-25",
    ),
]


@pytest.mark.parametrize(("record", "since"), REMISSIONS, ids=range(len(REMISSIONS)))
def test_the_day_of_a_remission(record: Record, since: str, told: Told) -> None:
    assert [str(one.since) for one in told(record).walked.remissions] == [since]


RELAPSES = [
    (relapsed("2026-11-10"), ["2026-11-10"]),
    (relapsed("2026-10-10").marrow(40, "2026-11-10"), ["2026-10-10"]),
    # Blood blasts within 14 days before the marrow are the first sample of the relapse.
    (relapsed("2026-11-10").lab("blood_blasts", 5, effectiveDateTime="2026-11-04"), ["2026-11-04"]),
    # A code, and within 28 days the first marrow that shows it: the marrow tells the day.
    (in_remission().condition("C92.02", "AML in relapse", recorded="2026-10-01").marrow(30, "2026-10-29"), ["2026-10-29"]),
    (in_remission().condition("C92.02", "AML in relapse", recorded="2026-10-01").marrow(30, "2026-10-30"), ["2026-10-01"]),
    (
        in_remission()
        .condition("C92.02", "AML in relapse", recorded="2026-10-01")
        .flag_ida("2026-10-03")
        .marrow(30, "2026-10-29"),
        ["2026-10-01"],
    ),
    (
        relapsed("2025-09-10").flag_ida("2025-09-20").remission("2025-10-25").marrow(30, "2026-11-10"),
        ["2025-09-10", "2026-11-10"],
    ),
    (in_remission(), []),
]


@pytest.mark.parametrize(("record", "days"), RELAPSES, ids=range(len(RELAPSES)))
def test_the_day_of_a_relapse_is_that_of_the_first_sample(record: Record, days: list[str], told: Told) -> None:
    assert [str(one.when) for one in told(record).walked.relapses] == days


def test_a_relapse_by_its_code_may_have_come_any_day_since_the_remission_was_last_seen(told: Told) -> None:
    record = in_remission().remission("2025-06-12").condition("C92.02", "AML in relapse", recorded="2025-10-01")
    (relapse,) = told(record).walked.relapses
    assert relapse.by_code
    assert str(relapse.possible) == "2025-06-12 to 2025-10-01"


GRAFT = ("425843001", "Allogeneic peripheral blood stem cell transplant", None)
CLOCKS = [
    # anchors: the remission of 12 February 2025 and the consolidation to 5 March 2025
    (relapsed("2026-02-12"), True),
    (relapsed("2026-02-13"), None),
    (relapsed("2026-03-05"), None),
    (relapsed("2026-03-06"), False),
    # a transplant in remission
    (in_remission().procedure(*GRAFT, performedDateTime="2025-04-08").marrow(30, "2026-02-12"), True),
    (in_remission().procedure(*GRAFT, performedDateTime="2025-04-08").marrow(30, "2026-04-08"), None),
    (in_remission().procedure(*GRAFT, performedDateTime="2025-04-08").marrow(30, "2026-04-09"), False),
    # a transplant of an unknown day may have moved the clock
    (in_remission().procedure(*GRAFT).marrow(30, "2026-11-10"), None),
    (in_remission().procedure(*GRAFT).marrow(30, "2026-02-12"), True),
    (in_remission().condition("Z94.84", "Stem cells transplant status").marrow(30, "2026-11-10"), None),
    # relapse, remission or both by the month
    (in_remission().marrow(30, "2026-02"), None),
    (in_remission().marrow(30, "2026-01"), True),
    (in_remission().marrow(30, "2026-03"), False),
    (stated("Complete remission", "2025-02", patient().induction("2025-01-12")).marrow(30, "2026-02-01"), True),
    (stated("Complete remission", "2025-02", patient().induction("2025-01-12")).marrow(30, "2026-02-28"), None),
    (stated("Complete remission", "2025-02", patient().induction("2025-01-12")).marrow(30, "2026-03-01"), False),
    # what came before the remission, or after the relapse, is no consolidation
    (in_remission().marrow(30, "2026-03-10").flag_ida("2026-03-20"), False),
    (
        patient()
        .induction("2025-01-12")
        .procedure(*GRAFT, performedDateTime="2025-02-05")
        .remission("2025-03-12")
        .marrow(30, "2026-03-13"),
        False,
    ),
    (
        patient()
        .induction("2025-01-12")
        .procedure(*GRAFT, performedDateTime="2025-02-05")
        .remission("2025-03-12")
        .marrow(30, "2026-03-12"),
        True,
    ),
]


@pytest.mark.parametrize(("record", "expected"), CLOCKS, ids=range(len(CLOCKS)))
def test_a_relapse_within_12_months_by_both_clocks(record: Record, expected: bool | None, told: Told) -> None:
    course = told(record)
    relapse = course.last_relapse
    assert relapse is not None
    found = course.relapsed_after(relapse, Length(months=12))
    assert found.holds is expected
    assert found.rests_on
    assert bool(found.unclear) is (expected is None)


LINES = {
    "one induction": (consolidated(), 1, 1),
    "the same again": (patient().induction("2025-01-12").marrow(40, "2025-02-12").induction("2025-02-14"), 1, 1),
    "a new class for no response": (patient().induction("2025-01-12").marrow(40, "2025-02-12").flag_ida("2025-02-14"), 2, 2),
    "a new class in remission": (in_remission().given("etoposide", "2025-03-01", "2025-03-03"), 1, 1),
    "maintenance in remission": (in_remission().given("gilteritinib", "2025-03-01", "2025-12-01"), 1, 1),
    "the same class at relapse": (relapsed("2026-09-10").induction("2026-09-20"), 2, 2),
    "a course begun on the day of the relapse": (relapsed("2026-09-10").induction("2026-09-10"), 2, 2),
    "a new class after no marrow": (patient().induction("2025-01-12").flag_ida("2025-02-14"), 1, None),
    "venetoclax added for no response to azacitidine": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .marrow(50, "2025-03-20")
        .given("azacitidine", "2025-03-22", "2025-03-28")
        .given("venetoclax", "2025-03-22", "2025-04-18"),
        2,
        2,
    ),
    "a transplant in remission": (in_remission().procedure(*GRAFT, performedDateTime="2025-04-08"), 1, 1),
    "a transplant for active disease": (
        relapsed("2026-09-10").procedure(*GRAFT, performedDateTime="2026-10-08"),
        2,
        2,
    ),
    "a transplant on the day of the relapse": (relapsed("2026-09-10").procedure(*GRAFT, performedDateTime="2026-09-10"), 2, 2),
    "a transplant after a course that no marrow answers": (
        patient().induction("2025-01-12").procedure(*GRAFT, performedDateTime="2025-04-08"),
        1,
        None,
    ),
}


@pytest.mark.parametrize("story", LINES)
def test_what_makes_a_line(story: str, told: Told) -> None:
    record, low, high = LINES[story]
    count = told(record).line_count
    assert (count.low, count.high) == (low, high)
    assert count.sure == 1
    assert count.rests_on


def salvaged() -> Record:
    return patient().induction("2025-01-12").marrow(40, "2025-02-12").flag_ida("2025-02-14")


def transplanted() -> Record:
    return patient().induction("2025-01-12").marrow(40, "2025-02-12").procedure(*GRAFT, performedDateTime="2025-03-08")


ENDINGS = {
    "salvage, and no marrow": (salvaged(), Outcome.UNKNOWN),
    "salvage, and disease on day 13, which may be the nadir": (salvaged().marrow(30, "2025-02-27"), Outcome.UNKNOWN),
    "salvage, and disease on day 20, which may be the nadir": (salvaged().marrow(30, "2025-03-06"), Outcome.UNKNOWN),
    "salvage, and disease on day 21": (salvaged().marrow(30, "2025-03-07"), Outcome.NO_REMISSION),
    "salvage, and disease on day 14 with a course right after it": (
        salvaged().marrow(30, "2025-02-28").induction("2025-03-01"),
        Outcome.UNKNOWN,  # of that last course
    ),
    "salvage, and disease 120 days after its end": (salvaged().marrow(30, "2025-06-18"), Outcome.NO_REMISSION),
    "salvage, and disease 121 days after its end": (salvaged().marrow(30, "2025-06-19"), Outcome.UNKNOWN),
    "salvage, and a remission": (salvaged().remission("2025-03-20"), Outcome.REMISSION),
    "salvage, a clean marrow without counts, then disease": (
        salvaged().marrow(2, "2025-03-10").marrow(30, "2025-04-10"),
        Outcome.UNKNOWN,
    ),
    "salvage, and no remission as stated": (stated("Refractory", "2025-03-20", salvaged()), Outcome.NO_REMISSION),
    "salvage, a remission, and a relapse": (salvaged().remission("2025-03-20").marrow(30, "2026-11-10"), Outcome.REMISSION),
    "transplant, and no marrow": (transplanted(), Outcome.UNKNOWN),
    "transplant, and disease on day 13": (transplanted().marrow(30, "2025-03-21"), Outcome.UNKNOWN),
    "transplant, and disease on day 14": (transplanted().marrow(30, "2025-03-22"), Outcome.NO_REMISSION),
    "transplant, and a remission": (transplanted().remission("2025-04-08"), Outcome.REMISSION),
    "transplant, and a clean marrow without counts": (transplanted().marrow(2, "2025-04-08"), Outcome.UNKNOWN),
    "transplant, disease, and then a clean marrow": (
        transplanted().marrow(30, "2025-04-08").marrow(2, "2025-05-08"),
        Outcome.UNKNOWN,
    ),
}


@pytest.mark.parametrize("story", ENDINGS)
def test_what_the_last_line_achieved(story: str, told: Told) -> None:
    record, expected = ENDINGS[story]
    found = told(record).response_to_last_line()
    assert found.outcome is expected
    assert bool(found.rests_on) or found.unclear is not None


def after_relapse(course: DiseaseCourse, *, chemotherapy: bool = False) -> Ending:
    assert course.last_relapse is not None
    return course.outcomes.after_relapse(course.last_relapse, chemotherapy=chemotherapy)


def with_venetoclax(of: Record, on: str, last: str) -> Record:
    return of.given("azacitidine", on, last).given("venetoclax", on, last)


AFTER_RELAPSE = [
    (relapsed("2026-09-10"), False, Outcome.NOT_TREATED),
    (relapsed("2026-09-10").flag_ida("2026-09-10"), False, Outcome.UNKNOWN),
    (relapsed("2026-08-10").flag_ida("2026-08-20").marrow(40, "2026-09-20"), True, Outcome.NO_REMISSION),
    (relapsed("2026-08-10").flag_ida("2026-08-20").remission("2026-09-20"), True, Outcome.REMISSION),
    (relapsed("2026-08-10").given("gilteritinib", "2026-08-20", "2026-10-20").marrow(40, "2026-10-14"), False, Outcome.UNKNOWN),
    (
        relapsed("2026-08-10").given("gilteritinib", "2026-08-20", "2026-10-20").marrow(40, "2026-10-15"),
        False,
        Outcome.NO_REMISSION,
    ),
    (
        relapsed("2026-08-10").given("gilteritinib", "2026-08-20", "2026-10-20").marrow(40, "2026-10-15"),
        True,
        Outcome.NOT_TREATED,
    ),
    # Changed to something else on a marrow with disease: it was given up, however early.
    (
        with_venetoclax(relapsed("2026-08-10"), "2026-08-20", "2026-08-26").marrow(40, "2026-09-15").flag_ida("2026-09-18"),
        True,
        Outcome.NO_REMISSION,
    ),
    # Given again on it: too early to tell.
    (
        with_venetoclax(
            with_venetoclax(relapsed("2026-08-10"), "2026-08-20", "2026-08-26").marrow(40, "2026-09-15"),
            "2026-09-18",
            "2026-09-24",
        ),
        True,
        Outcome.UNKNOWN,
    ),
    # The second cycle of the same: the eight weeks run from the first.
    (
        with_venetoclax(with_venetoclax(relapsed("2026-08-10"), "2026-08-20", "2026-08-26"), "2026-09-18", "2026-09-24").marrow(
            40, "2026-10-20"
        ),
        True,
        Outcome.NO_REMISSION,
    ),
    (in_remission().condition("C92.02", "AML in relapse", recorded="2026"), False, Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("record", "chemotherapy", "expected"), AFTER_RELAPSE, ids=range(len(AFTER_RELAPSE)))
def test_what_treatment_since_the_relapse_achieved(record: Record, chemotherapy: bool, expected: Outcome, told: Told) -> None:
    assert after_relapse(told(record), chemotherapy=chemotherapy).outcome is expected


AT_A_DAY = [
    ("2025-01-11", False),
    ("2025-02-11", None),
    ("2025-02-12", True),
    ("2026-09-09", True),
    ("2026-09-10", False),
    ("2026-09-20", False),
    ("2026-09-22", None),
]


@pytest.mark.parametrize(("day", "expected"), AT_A_DAY)
def test_in_remission_from_its_day_to_the_day_before_the_relapse(day: str, expected: bool | None, told: Told) -> None:
    course = told(relapsed("2026-09-10").flag_ida("2026-09-20"))
    assert course.outcomes.in_remission_at(date.fromisoformat(day)) is expected


OUTSIDE = [
    (patient().lab("csf_blasts", 10, effectiveDateTime="2025-01-10").induction("2025-01-12"), None),
    (
        patient()
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-10")
        .induction("2025-01-12")
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-26"),
        True,
    ),
    (
        patient()
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-10")
        .induction("2025-01-12")
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-25"),
        None,
    ),
    (
        patient()
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-10")
        .induction("2025-01-12")
        .lab("csf_blasts", 0, effectiveDateTime="2025-02-12"),
        False,
    ),
    # no blasts before they were found, or on that day, clears nothing
    (
        patient()
        .lab("csf_blasts", 0, effectiveDateTime="2025-01-09")
        .lab("csf_blasts", 10, effectiveDateTime="2025-01-10")
        .induction("2025-01-12"),
        None,
    ),
    # spinal fluid without blasts clears no sarcoma; marrow without blasts no spinal fluid
    (
        patient()
        .condition(**sarcoma("2025-01-10"))
        .induction("2025-01-12")
        .lab("csf_blasts", 0, effectiveDateTime="2025-02-12"),
        None,
    ),
    (
        patient().lab("csf_blasts", 10, effectiveDateTime="2025-01-10").induction("2025-01-12").marrow(0, "2025-02-12", 2, 200),
        None,
    ),
    (patient().condition(**sarcoma("2025-01-10", status="resolved")).induction("2025-01-12"), False),
    (patient().condition(**sarcoma("2025-01-10", status="remission")).induction("2025-01-12"), False),
    (patient().condition(**sarcoma("2025-01-10", verification="provisional")).induction("2025-01-12"), None),
    (patient().induction("2025-01-12"), None),
]


@pytest.mark.parametrize(("record", "expected"), OUTSIDE, ids=range(len(OUTSIDE)))
def test_extramedullary_disease_persists_if_shown_before_and_from_day_14_on(
    record: Record, expected: bool | None, told: Told
) -> None:
    found = told(record).persistent_extramedullary_disease()
    assert found.holds is expected
    assert found.confirm is (expected is not None)


UNDATED = {
    "a status of remission, and nothing else": (
        Record()
        .condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10", status="remission")
        .induction("2025-01-12"),
        (1, 0),
    ),
    "a status of relapse, and nothing else": (
        Record()
        .condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10", status="relapse")
        .induction("2025-01-12"),
        (0, 1),
    ),
    "a status of relapse of a relapse that is dated": (
        Record()
        .condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10", status="relapse")
        .marrow(60, "2025-01-10")
        .induction("2025-01-12")
        .remission("2025-02-12")
        .marrow(30, "2026-11-10"),
        (1, 1),
    ),
    "a refractory disease of a year": (
        stated("Refractory", "2025", patient().induction("2025-01-12").marrow(40, "2025-02-12")),
        (0, 0),
    ),
    "a relapse of a year": (stated("Relapse", "2026", in_remission()), (1, 1)),
}


@pytest.mark.parametrize("story", UNDATED)
def test_what_is_stated_without_a_day_counts_once(story: str, told: Told) -> None:
    record, expected = UNDATED[story]
    walked = told(record).walked
    assert (len(walked.remissions), len(walked.relapses)) == expected


def test_a_complete_remission_by_marrow_needs_a_look_and_partial_recovery_too(told: Told) -> None:
    for neutrophils, platelets in ((1.8, 180), (0.6, 60)):
        record = patient().induction("2025-01-12").marrow(2, "2025-02-12", neutrophils, platelets)
        assert told(record).state.confirm


def test_a_clean_marrow_that_leaves_a_course_open_is_shown(told: Told) -> None:
    record = patient().induction("2025-01-12").marrow(2, "2025-02-05").marrow(30, "2025-02-20").induction("2025-03-01")
    course = told(record)
    ending = course.outcomes.ending(course.history.courses[0])
    assert (ending.outcome, ending.unclear) == (Outcome.UNKNOWN, Unclear.COUNTS_MISSING)
    assert [fact.when for fact in ending.rests_on] == [DateRange(date(2025, 2, 5), date(2025, 2, 5))]


def test_a_remission_without_full_recovery_of_the_counts_is_to_be_confirmed_as_the_end_of_its_course(told: Told) -> None:
    course = told(patient().induction("2025-01-12").marrow(2, "2025-02-12", 0.6, 60))
    ending = course.outcomes.ending(course.history.courses[0])
    assert (ending.outcome, ending.confirm) == (Outcome.REMISSION, True)


def test_a_remission_on_the_very_day_of_the_next_course_is_the_response_to_the_one_before(told: Told) -> None:
    course = told(patient().induction("2025-01-12").remission("2025-02-12").induction("2025-02-12"))
    assert course.outcomes.ending(course.history.courses[0]).outcome is Outcome.REMISSION


# days between the first blasts in the blood and the marrow that shows the relapse, the day of the relapse
FIRST_SHOWN = [("2026-08-12", "2026-08-12"), ("2026-08-11", "2026-08-11"), ("2026-06-01", "2026-08-25")]


@pytest.mark.parametrize(("blood", "relapse"), FIRST_SHOWN)
def test_a_relapse_begins_with_blasts_in_the_blood_only_if_they_came_shortly_before_the_marrow(
    told: Told, blood: str, relapse: str
) -> None:
    record = in_remission().lab("blood_blasts", 8, effectiveDateTime=blood).marrow(40, "2026-08-25")
    assert [str(one.when) for one in told(record).walked.relapses] == [relapse]


def test_a_remission_stated_without_a_day_before_a_late_relapse_is_told(told: Told) -> None:
    record = patient().induction("2025-01-12").condition("C92.01", "AML, in remission").marrow(40, "2026-08-25")
    del record.resources[-2]["recordedDate"]
    walked = told(record).walked
    assert (len(walked.remissions), len(walked.relapses)) == (1, 1)


def test_a_marrow_of_the_first_day_of_a_course_says_nothing_against_a_remission_without_a_day(told: Told) -> None:
    record = patient().marrow(55, "2025-01-12").induction("2025-01-12").condition("C92.01", "AML, in remission")
    del record.resources[-1]["recordedDate"]
    assert told(record).state.activity is Activity.REMISSION


def test_a_clean_marrow_without_a_day_leaves_today_open(told: Told) -> None:
    record = relapsed("2026-11-16").marrow(2, "2026")
    assert told(relapsed("2026-11-16")).state.activity is Activity.ACTIVE
    assert (told(record).state.activity, told(record).state.unclear) == (Activity.UNKNOWN, Unclear.DATES_TOO_COARSE)


def test_disease_stated_after_a_clean_marrow_may_be_a_relapse(told: Told) -> None:
    record = patient().induction("2025-01-12").marrow(2, "2025-02-12")
    course = told(stated("Refractory", "2025-06-12", record))
    assert course.walked.maybe_more is Unclear.COUNTS_MISSING
    assert not told(stated("Refractory", "2025-02-28", patient().induction("2025-01-12"))).walked.maybe_more


def test_a_course_on_the_day_of_the_relapse_is_judged_by_what_comes_after(told: Told) -> None:
    record = in_remission().marrow(40, "2026-08-12").induction("2026-08-12").marrow(30, "2026-09-12")
    course = told(record)
    assert course.outcomes.ending(course.history.courses[-1]).outcome is Outcome.NO_REMISSION


def newly() -> Record:
    return Record().condition("C92.00", "Acute myeloblastic leukemia", onset="2026-11-10", recorded="2026-11-10")


def test_only_a_statement_of_no_treatment_yet_says_that_none_was_given(told: Told) -> None:
    assert told(stated("Newly diagnosed, untreated", "2026-11-20", newly())).history.untreated
    assert not told(stated("Refractory", "2026-11-20", newly())).history.untreated


def failed_courses(told: Told, record: Record) -> int:
    return told(record).standard_courses_without_remission().low


def test_a_remission_seen_in_the_first_days_of_a_course_came_before_it(told: Told) -> None:
    """Counts are never recovered one day into a course: the second course was given in remission, and the blasts relapse."""
    record = patient().induction("2025-01-12").induction("2025-02-20").remission("2025-02-21").marrow(45, "2025-03-23")
    assert failed_courses(told, record) == 0
    assert told(record).relapses.high is None
    low_counts = patient().induction("2025-01-12").induction("2025-02-20").marrow(2, "2025-02-21", 0.1, 20)
    assert failed_courses(told, low_counts.marrow(45, "2025-03-23")) == 2


def test_many_blasts_in_the_first_days_of_a_course_given_in_remission_may_be_a_relapse(told: Told) -> None:
    course = told(in_remission().flag_ida("2026-11-10").marrow(40, "2026-11-12"))
    assert (course.relapses.low, course.relapses.high) == (0, None)
    assert (course.state.activity, course.state.unclear) == (Activity.UNKNOWN, Unclear.TOO_EARLY)
    induction = told(patient().induction("2025-01-12").marrow(40, "2025-01-19").marrow(40, "2025-02-12"))
    assert induction.relapses.high == 0


def test_a_relapse_in_the_blood_alone_after_a_marrow_with_unknown_counts_stays_open(told: Told) -> None:
    record = patient().induction("2025-01-12").marrow(2, "2025-02-12")
    record.lab("blood_blasts", 20, effectiveDateTime="2025-06-01").lab("blood_blasts", 25, effectiveDateTime="2025-06-11")
    assert told(record).relapses.high is None


def test_a_drug_without_a_day_may_be_the_last_line(told: Told) -> None:
    record = relapsed("2026-08-12").drug("gilteritinib", start=None)
    assert told(record).response_to_last_line().outcome is Outcome.UNKNOWN


def test_blasts_without_a_day_may_belong_to_a_relapse_that_opened_another_line(told: Told) -> None:
    def salvaged(relapse: str) -> Record:
        return in_remission().marrow(40, relapse).induction("2026-05-15").marrow(40, "2026-06-20")

    assert told(salvaged("2026-05-12")).response_to_last_line().outcome is Outcome.NO_REMISSION
    assert told(salvaged("2026")).response_to_last_line().outcome is Outcome.UNKNOWN
