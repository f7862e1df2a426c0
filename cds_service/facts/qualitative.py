"""What a test says in kind: positive, negative or neither.

The laboratory's own interpretation comes first, then a coded or worded value, then a number against its own reference range.
"""

import re
from dataclasses import dataclass
from enum import Enum

from cds_service.facts.model import Result


class Finding(Enum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a result says, and whether that was read from free text."""

    finding: Finding
    from_text: bool = False
    partial: bool = False
    """Positive on a part of the cells, or dimly."""


VIRAL_LOADS = frozenset({"hcv_rna", "hbv_dna", "hiv_rna"})
"""Tests that count what ought not to be there."""

# HL7 v3 ObservationInterpretation
_POSITIVE = frozenset({"POS", "A", "AA", "H", "HH", "HU", "DET", "RR", "WR", "R", "REACTIVE"})
_NEGATIVE = frozenset({"NEG", "N", "ND", "NR", "L"})
_INDETERMINATE = frozenset({"IND", "E", "I", "IE"})

_WORDS = {
    Finding.NEGATIVE: re.compile(
        r"\b(negative|non[- ]?reactive|not (?:been )?(?:detected|present|expressed|seen|found)|undetect\w+|absent|none|"
        r"no (?:evidence of |significant )?(?:expression|\w+ expression)|lack(?:s|ing)?|without)\b|阴性|未检出|未检测到|不表达",
        re.IGNORECASE,
    ),
    Finding.INDETERMINATE: re.compile(
        r"\b(indeterminate|equivocal|borderline|inconclusive|not (?:done|tested|performed|assessed|evaluated)|pending|"
        r"insufficient|invalid)\b|可疑|未做|待定",
        re.IGNORECASE,
    ),
    Finding.POSITIVE: re.compile(
        r"\b(positive|reactive|detected|present|express(?:ed|es|ing|ion)|pos)\b|(?<![-\w])\+{1,4}(?!\w)|阳性|检出|表达",
        re.IGNORECASE,
    ),
}
_WHOLE = re.compile(
    r"\s*(positive|negative|reactive|non[- ]?reactive|detected|not detected|undetect(?:ed|able)|present|absent|"
    r"indeterminate|equivocal|borderline|pos|neg|阳性|阴性|\+{1,4})\s*[.]?\s*",
    re.IGNORECASE,
)
_PARTIAL = re.compile(
    r"\b(partial(?:ly)?|dim(?:ly)?|weak(?:ly)?|subset|heterogeneous|variable|partly)\b|弱阳性|部分", re.IGNORECASE
)


def read(result: Result) -> Reading | None:
    """What the result says in kind; None where it says nothing.

    Findings that contradict each other (interpretation against words) are INDETERMINATE.
    """
    readings = [reading for reading in (_interpretation(result), _coded(result), _worded(result)) if reading is not None]
    if not readings:
        return _number(result)
    if len({reading.finding for reading in readings}) > 1:
        return Reading(Finding.INDETERMINATE)
    partial = any(reading.partial for reading in readings)
    return Reading(readings[0].finding, all(reading.from_text for reading in readings), partial)


def read_words(words: str) -> Reading | None:
    """What a text says in kind. Negations and doubts win over the word that they stand before."""
    from_text = _WHOLE.fullmatch(words) is None
    partial = _PARTIAL.search(words) is not None
    for finding, pattern in _WORDS.items():
        if pattern.search(words):
            return Reading(finding, from_text, partial)
    return Reading(Finding.POSITIVE, from_text=True, partial=True) if _PARTIAL.fullmatch(words.strip()) else None


def _interpretation(result: Result) -> Reading | None:
    for codes, finding in (
        (_INDETERMINATE, Finding.INDETERMINATE),
        (_POSITIVE, Finding.POSITIVE),
        (_NEGATIVE, Finding.NEGATIVE),
    ):
        if result.interpretation & codes:
            return Reading(finding)
    return None


def _coded(result: Result) -> Reading | None:
    if result.value is None:
        return None
    for finding in Finding:
        if finding.value in result.value.by_code:
            return Reading(finding)
    return None


def _worded(result: Result) -> Reading | None:
    return read_words(result.words) if result.words else None


def _number(result: Result) -> Reading | None:
    """A number is negative at zero; any amount of a virus is positive; otherwise its own reference range tells."""
    amount = result.amount
    if amount is None:
        return None
    if amount.value == 0 and amount.comparator is None:
        return Reading(Finding.NEGATIVE)
    if amount.comparator in (None, ">", ">=") and any(result.is_in(name) for name in VIRAL_LOADS):
        return Reading(Finding.POSITIVE)
    highs = {
        normal.high.value for normal in result.ranges if normal.high is not None and normal.high.unit in (None, amount.unit)
    }
    if len(highs) != 1:
        return Reading(Finding.INDETERMINATE) if amount.comparator in ("<", "<=") else None
    high = highs.pop()
    if amount.comparator in ("<", "<="):
        return Reading(Finding.NEGATIVE if amount.value <= high else Finding.INDETERMINATE)
    if amount.comparator in (">", ">="):
        return Reading(Finding.POSITIVE if amount.value >= high else Finding.INDETERMINATE)
    return Reading(Finding.POSITIVE if amount.value > high else Finding.NEGATIVE)
