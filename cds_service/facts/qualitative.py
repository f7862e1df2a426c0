"""What a test says in kind: positive, negative or neither.

The laboratory's own interpretation comes first, then a coded or worded value, then a number against its own reference range.
"""

import re

from msgspec.structs import replace

from cds_service.facts.finding import Finding, Reading
from cds_service.facts.model import Result
from cds_service.terminology.assertion import pattern
from cds_service.terminology.text_net import normalised

VIRAL_LOADS = frozenset({"hcv_rna", "hbv_dna", "hiv_rna"})
"""Tests that count what ought not to be there."""

# HL7 v3 ObservationInterpretation
_POSITIVE = frozenset({"POS", "A", "AA", "H", "HH", "HU", "DET", "RR", "WR", "R", "REACTIVE"})
_NEGATIVE = frozenset({"NEG", "N", "ND", "NR", "L"})
_INDETERMINATE = frozenset({"IND", "E", "I", "IE"})

_WORDS = {
    Finding.INDETERMINATE: pattern(
        r"\b(?:indeterminate|equivocal|borderline|inconclusive|pending|insufficient|invalid|uninterpretable|possibl[ey])\b",
        r"\bnot (?:been )?(?:done|tested|performed|assessed|evaluated|available|received)\b",
        r"\bfalse[- ](?:positive|negative|reactive)\w*|\bprevious(?:ly)? (?:positive|negative|reactive|detected)\b",
        "可疑|未做|未测|待定|不确定|假阳性|假阴性",
    ),
    Finding.NEGATIVE: pattern(
        r"\b(?:no|not|none|never|nor|neither|without|cannot|isn't|wasn't|weren't)\b[^.;,]{0,40}?"
        r"(?:detect\w*|reactiv\w*|positiv\w*|present|express\w*|seen|found|identified|observed|demonstrated|evidence)",
        r"\b(?:negative|neg|non[- ]?(?:reactive|detect\w*)|undetect\w+|absent|none)\b",
        r"\b(?:lack(?:s|ing)?|loss|absence) (?:of )?|\bwithout\b|\bno (?:evidence|significant)\b",
        r"阴性|未检出|未检测到|未见|未发现|[不无未](?:\w{0,8})?表达|无反应性|非反应性|缺失",
        r"\(-\)",
    ),
    Finding.POSITIVE: pattern(
        r"\b(?:positive|reactive|detected|present|expressed|expresses|expressing|pos)\b",
        r"(?<![-\w])\+{1,4}(?!\w)",
        "阳性|检出|表达(?!水平|率|情况)|有反应性",
    ),
}
"""In this order: doubts before negations, and negations before what they negate."""
_IGNORED = pattern(r"\b(?:positive|negative) (?:controls?|predictive)\b", "阳性对照|阴性对照")
_WHOLE = re.compile(
    r"\s*(?:(positive|negative|(?:non[- ]?|not )?reactive|(?:not )?detected|undetect(?:ed|able)|present|absent|indeterminate|"
    r"equivocal|borderline|pos|neg|阳性|阴性)\s*(?:\([+-]{1,4}\))?|\(?\+{1,4}\)?|\(-\))\s*[.]?\s*",
    re.IGNORECASE,
)
_PARTIAL = pattern(r"\b(?:partial(?:ly)?|dim(?:ly)?|weak(?:ly)?|subset|heterogeneous|variable|partly)\b", "弱阳性|弱表达|部分")


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
    """What a text says in kind. Negations and doubts win over the word that they stand before.

    A text that says both, of different things or at different times, is INDETERMINATE.
    """
    text = _IGNORED.sub(" ", normalised(words))
    from_text, partial = _WHOLE.fullmatch(text) is None, _PARTIAL.search(text) is not None
    said: list[Finding] = []
    rest = text
    for finding, words_of_it in _WORDS.items():
        rest, count = words_of_it.subn(" ", rest)
        said += [finding] if count else []
    if len(said) > 1 or (partial and said == [Finding.NEGATIVE]):
        return Reading(Finding.INDETERMINATE, from_text)
    if said:
        return Reading(said[0], from_text, partial)
    return Reading(Finding.POSITIVE, from_text=True, partial=True) if _PARTIAL.fullmatch(text.strip()) else None


def _interpretation(result: Result) -> Reading | None:
    """By its codes; several that contradict each other decide nothing."""
    kinds = ((_INDETERMINATE, Finding.INDETERMINATE), (_POSITIVE, Finding.POSITIVE), (_NEGATIVE, Finding.NEGATIVE))
    said = [finding for codes, finding in kinds if result.interpretation & codes]
    if not said:
        return None
    return Reading(said[0] if len(said) == 1 else Finding.INDETERMINATE)


def _coded(result: Result) -> Reading | None:
    if result.value is None:
        return None
    for finding in Finding:
        if finding.value in result.value.by_code:
            return Reading(finding)
    return None


def _worded(result: Result) -> Reading | None:
    if result.said is not None:
        return result.said
    return read_words(result.words) if result.words else None


def _number(result: Result) -> Reading | None:
    """A number is negative at zero; any amount of a virus is positive; otherwise its own reference range tells.

    Of a range both ends must say the same.
    """
    amount = result.amount
    if amount is None:
        return None
    if amount.high is not None:
        ends = {_number(replace(result, amount=replace(amount, value=end, high=None))) for end in (amount.value, amount.high)}
        return ends.pop() if len(ends) == 1 else Reading(Finding.INDETERMINATE)
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
