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
