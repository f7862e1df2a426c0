"""What a marrow shows, at its limits: the share of blasts, recovery of the counts, the days that belong to it (ruling 4)."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.dates import parse_fhir_date
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.facts.model import Amount, PatientFacts, Result
from cds_service.facts.response import Assessment, Blasts, Response, assess, blasts_of, leukaemic_by_flow, marrow_of, marrows
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.value_set import NOTHING
from tests.records import AS_OF, Record

UTC = ZoneInfo("UTC")
DAY = "2025-02-12"


def facts_of(knowledge: Knowledge, record: Record) -> PatientFacts:
    return extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), AS_OF, UTC)


def amount(value: str, comparator: str | None = None, high: str | None = None, unit: str | None = "%") -> Amount:
    return Amount(Decimal(value), unit, comparator, None if high is None else Decimal(high))


def result(of: Amount | None, *, absent: bool = False) -> Result:
    return Result("Observation/m", "Blasts", NOTHING, None, amount=of, absent=absent)


def blasts(low: str, high: str, *, low_open: bool = False, high_open: bool = False) -> Blasts:
    return Blasts(Decimal(low), Decimal(high), low_open, high_open)


SHARES = {
    "a plain percentage": (amount("5"), blasts("5", "5")),
    "none at all": (amount("0"), blasts("0", "0")),
    "nothing but blasts": (amount("100"), blasts("100", "100")),
    "a range": (amount("3", high="8"), blasts("3", "8")),
    "a share of 1": (amount("0.06", unit="1"), blasts("6", "6")),
    "a range of shares of 1": (amount("0.03", high="0.08", unit="1"), blasts("3", "8")),
    "below 5 % may be anything from 0 on, not 5": (amount("5", "<"), blasts("0", "5", high_open=True)),
    "at most 5 % may be 5": (amount("5", "<="), blasts("0", "5")),
    "above 20 % is not 20": (amount("20", ">"), blasts("20", "100", low_open=True)),
    "at least 20 % may be 20": (amount("20", ">="), blasts("20", "100")),
    "more than all there is": (amount("100.1"), None),
    "less than nothing": (amount("-0.1"), None),
    "a range from less than nothing": (amount("-1", high="3"), None),
    "a range beyond all there is": (amount("90", high="101"), None),
    "a range written backwards": (amount("8", high="3"), None),
    "a concentration": (amount("5", unit="mg/dL"), None),
    "no number": (None, None),
}


@pytest.mark.parametrize("share", SHARES)
def test_a_share_of_blasts_is_read_as_two_ends(share: str) -> None:
    given, expected = SHARES[share]
    assert blasts_of(result(given)) == expected


def test_a_share_that_the_laboratory_calls_absent_is_none() -> None:
    assert blasts_of(result(amount("3"), absent=True)) is None


# share, below 5 %, at least 5 %, above 5 %, exactly 5 %
LIMITS = [
    (blasts("4.9", "4.9"), True, False, False, False),
    (blasts("5", "5"), False, True, False, True),
    (blasts("5.1", "5.1"), False, True, True, False),
    (blasts("3", "8"), False, False, False, False),
    (blasts("3", "5"), False, False, False, False),
    (blasts("5", "8"), False, True, False, False),
    (blasts("0", "5", high_open=True), True, False, False, False),
    (blasts("0", "5"), False, False, False, False),
    (blasts("5", "100", low_open=True), False, True, True, False),
    (blasts("5", "100"), False, True, False, False),
    (blasts("5", "5", low_open=True), False, True, True, False),
    (blasts("0", "4", high_open=True), True, False, False, False),
    (blasts("0", "6", high_open=True), False, False, False, False),
    (blasts("4", "100", low_open=True), False, False, False, False),
]


@pytest.mark.parametrize(("share", "below", "at_least", "above", "exactly"), LIMITS)
def test_a_share_is_on_a_side_of_5_percent_only_with_all_that_it_may_be(
    share: Blasts, below: bool, at_least: bool, above: bool, exactly: bool
) -> None:
    limit = Decimal(5)
    found = (share.below(limit), share.at_least(limit), share.above(limit), share.exactly(limit))
    assert found == (below, at_least, above, exactly)


def assessed(knowledge: Knowledge, record: Record, next_course: str | None = None) -> Assessment:
    """The response at the first marrow on record."""
    facts = facts_of(knowledge, record)
    course = parse_fhir_date(next_course, UTC)
    return assess(marrows(facts, None)[0], facts, course, (), knowledge.assumptions)


def counted(neutrophils: object, platelets: object, share: object = 2) -> Record:
    return Record().marrow(share, DAY, neutrophils, platelets)


def bound(comparator: str, value: float) -> dict[str, object]:
    return {"value": value, "unit": "10*9/L", "comparator": comparator}


RESPONSES = [
    (counted(1.0, 100), Response.CR),
    (counted(0.99, 100), Response.CRH),
    (counted(1.0, 99), Response.CRH),
    (counted(0.5, 50), Response.CRH),
    (counted(0.49, 50), Response.LEUKEMIA_FREE),
    (counted(0.5, 49), Response.LEUKEMIA_FREE),
    (counted(1.0, 49), Response.CRI),
    (counted(0.49, 100), Response.CRI),
    (counted(0, 0), Response.LEUKEMIA_FREE),
    (counted(100, 3000), Response.CR),
    (counted(100.1, 3000), Response.COUNTS_MISSING),
    (counted(100, 3001), Response.COUNTS_MISSING),
    (counted(-0.1, 150), Response.COUNTS_MISSING),
    (counted(None, 150), Response.COUNTS_MISSING),
    (counted(1.5, None), Response.COUNTS_MISSING),
    (counted(1.5, 150, 4.9), Response.CR),
    (counted(1.5, 150, 5), Response.DISEASE),
    (counted(1.5, 150, "<5 %"), Response.CR),
    (counted(1.5, 150, "<=5 %"), Response.UNCLEAR),
    (counted(1.5, 150, "3-8 %"), Response.UNCLEAR),
    (counted(None, 150).lab("neutrophils", valueQuantity=bound("<", 2), effectiveDateTime=DAY), Response.CRI),
    (counted(None, 150).lab("neutrophils", valueQuantity=bound("<=", 2), effectiveDateTime=DAY), Response.CRI),
    (counted(None, 150).lab("neutrophils", valueQuantity=bound(">", 2), effectiveDateTime=DAY), Response.CR),
    (counted(1500, 150).lab("neutrophils", 1500, unit="/uL", effectiveDateTime=DAY), Response.CR),
    (counted(None, 150).lab("neutrophils", 1.5, unit="mg/dL", effectiveDateTime=DAY), Response.COUNTS_MISSING),
]


@pytest.mark.parametrize(("record", "response"), RESPONSES, ids=range(len(RESPONSES)))
def test_the_counts_tell_which_remission_it_is(record: Record, response: Response, knowledge: Knowledge) -> None:
    assert assessed(knowledge, record).response is response


@pytest.mark.parametrize(
    ("response", "is_remission"),
    [
        (Response.CR, True),
        (Response.CRH, True),
        (Response.CRI, True),
        (Response.LEUKEMIA_FREE, False),
        (Response.DISEASE, False),
        (Response.COUNTS_MISSING, False),
        (Response.UNCLEAR, False),
    ],
)
def test_cr_crh_and_cri_are_remission_and_nothing_else(response: Response, is_remission: bool) -> None:
    assert response.is_remission is is_remission


# day of the counts, start of the next course, whether they belong to the marrow of 12 February 2025
DAYS_OF_COUNTS = [
    ("2025-02-04", None, False),
    ("2025-02-05", None, True),
    ("2025-02-12", None, True),
    ("2025-03-26", None, True),
    ("2025-03-27", None, False),
    ("2025-03-09", "2025-03-10", True),
    ("2025-03-10", "2025-03-10", False),
    ("2025-03-26", "2025-05-10", True),
    ("2025-02", None, False),
    ("2025-03", None, False),
    ("2027-02-12", None, False),
]


@pytest.mark.parametrize(("day", "next_course", "belong"), DAYS_OF_COUNTS)
def test_counts_of_7_days_before_to_42_days_after_belong_to_a_marrow_but_none_of_the_next_course(
    day: str, next_course: str | None, belong: bool, knowledge: Knowledge
) -> None:
    record = Record().marrow(2, DAY).lab("neutrophils", 2, effectiveDateTime=day).lab("platelets", 150, effectiveDateTime=day)
    expected = Response.CR if belong else Response.COUNTS_MISSING
    assert assessed(knowledge, record, next_course).response is expected


def test_counts_that_come_after_today_are_not_awaited(knowledge: Knowledge) -> None:
    record = Record().marrow(2, "2026-11-20", 2, None).lab("platelets", 150, effectiveDateTime="2026-11-23")
    assert assessed(knowledge, record).response is Response.COUNTS_MISSING


RECOVERY = [
    # neutrophils and platelets by day; the day of the response
    ([("2025-02-12", 0.2, 20), ("2025-02-20", 1.1, 110), ("2025-02-25", 3, 300)], Response.CR, "2025-02-20"),
    ([("2025-02-20", 1.1, 60), ("2025-03-01", 1.5, 120)], Response.CR, "2025-03-01"),
    ([("2025-02-06", 2, 200)], Response.CR, "2025-02-12"),
    ([("2025-02-12", 0.2, 20), ("2025-02-20", 0.6, 60), ("2025-02-25", 0.7, 70)], Response.CRH, "2025-02-20"),
    ([("2025-02-20", 1.2, 20), ("2025-02-25", 2, 30)], Response.CRI, "2025-02-20"),
    ([("2025-02-20", 0.2, 110)], Response.CRI, "2025-02-20"),
    ([("2025-02-20", 0.2, 20)], Response.LEUKEMIA_FREE, "2025-02-12"),
]


@pytest.mark.parametrize(("counts", "response", "day"), RECOVERY, ids=range(len(RECOVERY)))
def test_the_best_counts_tell_the_response_and_the_first_that_are_enough_its_day(
    counts: list[tuple[str, float, float]], response: Response, day: str, knowledge: Knowledge
) -> None:
    record = Record().marrow(2, DAY)
    for on, neutrophils, platelets in counts:
        record.lab("neutrophils", neutrophils, effectiveDateTime=on).lab("platelets", platelets, effectiveDateTime=on)
    found = assessed(knowledge, record)
    assert (found.response, str(found.when)) == (response, day)


def labels(found: Assessment) -> list[str]:
    return [fact.reference for fact in found.rests_on]


def test_a_remission_rests_on_marrow_and_best_counts_and_is_to_be_confirmed(knowledge: Knowledge) -> None:
    record = Record().marrow(2, DAY, 1.2, 120).lab("neutrophils", 3, effectiveDateTime="2025-02-14")
    found = assessed(knowledge, record)
    assert found.confirm
    assert labels(found) == ["Observation/r1", "Observation/r4", "Observation/r3"]


def test_where_a_count_is_missing_the_other_is_still_shown(knowledge: Knowledge) -> None:
    found = assessed(knowledge, counted(1.5, None))
    assert not found.confirm
    assert labels(found) == ["Observation/r1", "Observation/r2"]


def test_disease_elsewhere_makes_a_clean_marrow_no_remission_and_is_shown(knowledge: Knowledge) -> None:
    facts = facts_of(knowledge, counted(2, 200))
    beside = result(None)
    found = assess(marrows(facts, None)[0], facts, None, (beside,), knowledge.assumptions)
    assert found.response is Response.DISEASE
    assert found.rests_on[-1] is beside
    assert not found.confirm


USABLE = [
    ({}, 1),
    ({"note": [{"text": "Aplastic marrow."}]}, 0),
    ({"note": [{"text": "ACELLULAR"}]}, 0),
    ({"note": [{"text": "inadequate specimen"}]}, 0),
    ({"note": [{"text": "insufficient for morphology"}]}, 0),
    ({"note": [{"text": "Non-diagnostic"}]}, 0),
    ({"note": [{"text": "nondiagnostic"}]}, 0),
    ({"note": [{"text": "haemodiluted"}]}, 0),
    ({"note": [{"text": "hemodilute"}]}, 0),
    ({"note": [{"text": "Dry tap"}]}, 0),
    ({"note": [{"text": "aspicular"}]}, 0),
    ({"method": {"text": "Morphology, aspicular smear"}}, 0),
    ({"note": [{"text": "dysplastic, cellular, adequate"}]}, 1),
    ({"effectiveDateTime": "2025"}, 0),
    ({"effectiveDateTime": "2025-02"}, 1),
    ({"effectiveDateTime": None}, 0),
    ({"effectiveDateTime": "2026-11-22"}, 1),
    ({"effectiveDateTime": "2026-11-23"}, 0),
    ({"effectiveDateTime": "2024-12-31"}, 0),
    ({"effectiveDateTime": "2025-01-01"}, 1),
]


@pytest.mark.parametrize(("told", "count"), USABLE, ids=range(len(USABLE)))
def test_a_marrow_counts_from_the_diagnosis_to_today_if_it_is_dated_and_adequate(
    told: dict[str, object], count: int, knowledge: Knowledge
) -> None:
    day = str(told["effectiveDateTime"]) if told.get("effectiveDateTime") else DAY
    record = Record().lab("marrow_blasts", 30, **{"effectiveDateTime": day, **told})
    since = parse_fhir_date("2025-01-01", UTC)
    assert since is not None
    assert len(marrows(facts_of(knowledge, record), since.first)) == count


def test_marrows_are_told_oldest_first_and_none_from_after_today(knowledge: Knowledge) -> None:
    record = Record().marrow(30, "2026-11").marrow(40, "2025-03-01").marrow(50, "2025-02-01")
    found = marrows(facts_of(knowledge, record), None)
    assert [str(marrow.when) for marrow in found] == ["2025-02-01", "2025-03-01", "2026-11-01 to 2026-11-22"]


def test_a_marrow_without_a_day_or_a_share_is_no_marrow_to_judge_by(knowledge: Knowledge) -> None:
    dated = facts_of(knowledge, Record().marrow(30, DAY)).results[0]
    undated = facts_of(knowledge, Record().lab("marrow_blasts", 30, effectiveDateTime=None)).results[0]
    in_words = facts_of(knowledge, Record().lab("marrow_blasts", "many", effectiveDateTime=DAY)).results[0]
    assert marrow_of(dated) is not None
    assert marrow_of(undated) is None
    assert marrow_of(in_words) is None


# share by flow, its day, whether it shows the marrow of 12 February 2025 leukaemic
FLOW = [
    (1.1, "2025-02-12", True),
    (1, "2025-02-12", False),
    (">1 %", "2025-02-12", True),
    (6, "2025-02-15", True),
    (6, "2025-02-16", False),
    (6, "2025-02-09", True),
    (6, "2025-02-08", False),
    (6, "2025-08-12", False),
    (6, "2025-02", False),
    (6, None, False),
]


@pytest.mark.parametrize(("share", "day", "is_leukaemic"), FLOW)
def test_more_than_1_percent_by_flow_within_3_days_of_the_marrow_is_leukaemia(
    share: object, day: str | None, is_leukaemic: bool, knowledge: Knowledge
) -> None:
    facts = facts_of(knowledge, Record().marrow(8, DAY).lab("marrow_flow", share, effectiveDateTime=day))
    assert leukaemic_by_flow(marrows(facts, None)[0], facts, knowledge.assumptions) is is_leukaemic
