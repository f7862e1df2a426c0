"""What a test's value says in words: negations win, and what says both says neither."""

import pytest

from cds_service.facts.finding import Finding
from cds_service.facts.qualitative import read_words
from tests.conftest import Ask
from tests.records import Record

POSITIVE, NEGATIVE, UNCLEAR = Finding.POSITIVE, Finding.NEGATIVE, Finding.INDETERMINATE
WORDS = [
    ("Positive", POSITIVE),
    ("Reactive", POSITIVE),
    ("Detected, <20 IU/mL", POSITIVE),
    ("Repeatedly reactive", POSITIVE),
    ("weakly positive", POSITIVE),
    ("dim", POSITIVE),
    ("++", POSITIVE),
    ("(+)", POSITIVE),
    ("positive in 85% of blasts", POSITIVE),
    ("阳性", POSITIVE),
    ("阳性(+)", POSITIVE),
    ("弱阳性", POSITIVE),
    ("检出", POSITIVE),
    ("有反应性", POSITIVE),
    ("Negative", NEGATIVE),
    ("Non-reactive", NEGATIVE),
    ("Nonreactive", NEGATIVE),
    ("Not reactive", NEGATIVE),
    ("Not positive", NEGATIVE),
    ("Not detected (<20 IU/mL)", NEGATIVE),
    ("None detected", NEGATIVE),
    ("No HIV-1 antibodies detected", NEGATIVE),
    ("Antibodies were not found", NEGATIVE),
    ("isn't detected", NEGATIVE),
    ("no expression", NEGATIVE),
    ("lack of expression", NEGATIVE),
    ("Negative; positive control valid", NEGATIVE),
    ("(-)", NEGATIVE),
    ("（－）", NEGATIVE),
    ("阴性", NEGATIVE),
    ("阴性(-)", NEGATIVE),
    ("未检出", NEGATIVE),
    ("未见", NEGATIVE),
    ("不表达", NEGATIVE),
    ("无明显表达", NEGATIVE),
    ("无反应性", NEGATIVE),
    ("非反应性", NEGATIVE),
    ("Indeterminate", UNCLEAR),
    ("equivocal", UNCLEAR),
    ("False positive", UNCLEAR),
    ("possible positive", UNCLEAR),
    ("Previously positive", UNCLEAR),
    ("Previously positive, now negative", UNCLEAR),
    ("HBsAg positive; HBeAg negative", UNCLEAR),
    ("partially negative", UNCLEAR),
    ("pending", UNCLEAR),
    ("可疑阳性", UNCLEAR),
    ("假阳性", UNCLEAR),
    ("-", None),
    ("yes", None),
    ("expression was assessed", None),
    ("No growth", None),
]


@pytest.mark.parametrize(("words", "expected"), WORDS)
def test_the_words_say_this(words: str, expected: Finding | None) -> None:
    reading = read_words(words)
    assert (reading.finding if reading is not None else None) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("No HIV-1/2 antibodies or p24 antigen detected", "not_met!"),
        ("Not reactive", "not_met"),
        ("Negative", "not_met"),
        ("Reactive", "met"),
        ("HIV antigen reactive, antibodies negative", "unknown"),
        ("False positive", "unknown"),
    ],
)
def test_hiv_in_words_is_read_so(ask: Ask, words: str, expected: str) -> None:
    verdict = ask("004-X8", Record().lab("hiv", words)).verdict
    assert f"{verdict.answer.value}{'!' if verdict.confirm else ''}" == expected


# value, comparator, upper end of the normal range (None: the range has only words), what it says
AGAINST_THE_RANGE = [
    (0.4, None, 1.0, "negative"),
    (1.0, None, 1.0, "negative"),
    (1.1, None, 1.0, "positive"),
    (0.9, "<", 1.0, "negative"),
    (1.0, "<", 1.0, "negative"),
    (1.1, "<", 1.0, "unclear"),
    (1.0, ">", 1.0, "positive"),
    (0.9, ">", 1.0, "unclear"),
    (1.1, None, None, "unclear"),
]


@pytest.mark.parametrize(("value", "comparator", "high", "expected"), AGAINST_THE_RANGE)
def test_a_number_is_positive_above_its_normal_range_and_a_mere_bound_only_where_that_is_sure(
    ask: Ask, value: float, comparator: str | None, high: float | None, expected: str
) -> None:
    quantity = {"value": value} | ({"comparator": comparator} if comparator else {})
    normal = {"high": {"value": high}} if high is not None else {"text": "see the leaflet"}
    record = Record("1980-05-01", "male").lab("hiv", valueQuantity=quantity, referenceRange=[normal])
    said = {"not_met": "negative", "met": "positive", "unknown": "unclear"}
    assert said[ask("001-X7a", record).verdict.answer.value] == expected
