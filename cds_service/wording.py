"""What people read: why an answer is what it is, on what it rests, what is missing. card_wording.py says it shorter, for cards.

Each kind of reason has its sentence in sentences.py. English is the first catalogue; nothing else makes sentences.
"""

import re

from cds_service.criteria import reasons as why
from cds_service.criteria.reasons import Detail
from cds_service.criteria.verdict import Evidence, Missing, Verdict
from cds_service.facts.model import ClinicalStatus, Diagnosis, Fact, Giving, Result, Therapy
from cds_service.fhir.record import Gap, GapReason
from cds_service.printed import amount, label, named, plain, quoted
from cds_service.sentences import SENTENCES

_GAPS = {
    GapReason.NOT_SENT: "not sent, and could not be read",
    GapReason.NO_ACCESS: "the FHIR server refused access",
    GapReason.SERVER_ERROR: "the FHIR server answered with an error",
    GapReason.TIMEOUT: "the FHIR server did not answer in time",
    GapReason.UNREACHABLE: "the FHIR server could not be reached",
    GapReason.OPERATION_OUTCOME: "the EHR sent an error instead of data",
    GapReason.INCOMPLETE: "only a part was sent",
    GapReason.NOT_WHOLE: "the FHIR server says that its answer is not complete",
    GapReason.WITHHELD: "the FHIR server says that a part was withheld",
    GapReason.UNREADABLE_ENTRY: "an entry cannot be read",
    GapReason.OTHER_PATIENT: "an entry of another patient came with it, and was dropped",
    GapReason.INTERNAL_ERROR: "an error in this service, while it was read",
    GapReason.NOT_OFFERED: "not offered by the FHIR server",
}


def reason(verdict: Verdict) -> str:
    """Why the answer is what it is, in one line."""
    recorded: list[str] = []
    sentences: list[str] = []
    for item in verdict.reasons:
        if isinstance(item, why.Recorded):
            recorded.append(named(item.fact))
        else:
            sentences.append(SENTENCES[type(item)](item))
    if recorded:
        sentences.insert(0, f"on record: {' and '.join(recorded)}")
    return "; ".join(sentences) or "nothing in the record tells"


def statement(evidence: Evidence) -> str:
    """What a piece of evidence says."""
    if evidence.fact is None:
        return "no record found"
    return f"{own_words(evidence.fact)}{remark(evidence)}"


def remark(evidence: Evidence) -> str:
    """What is said beside the fact's own words: what was read from it, and why it is not valid."""
    read = f", {_detail(evidence.detail)}" if evidence.detail is not None else ""
    return f"{read} (not valid FHIR: {evidence.invalid})" if evidence.invalid else read


def _detail(detail: Detail) -> str:
    match detail:
        case why.UpperLimit():
            return f"{'default ULN' if detail.assumed else 'ULN'} {plain(detail.value.value)} {detail.value.unit}"
        case why.Born():
            return f"born {detail.when}"
        case why.Gender():
            return f"gender {quoted(detail.code)}"


def own_words(fact: Fact) -> str:
    """What a fact says of itself."""
    match fact:
        case Result():
            return f"{label(fact)} {result_value(fact)}".strip()
        case Diagnosis():
            return f"{label(fact)}{f' ({fact.status.value})' if isinstance(fact.status, ClinicalStatus) else ''}"
        case Therapy():
            on_order = " (on order)" if fact.giving is Giving.ORDERED else ""
            return f"{label(fact)}{on_order}"
        case _:
            return label(fact)


def result_value(result: Result) -> str:
    """A result's value as printed."""
    if result.amount is not None:
        return amount(result.amount)
    if result.words:
        return quoted(result.words)
    return quoted(", ".join(sorted(result.interpretation))) or "without a value"


def missing(item: Missing) -> str:
    """What is missing, or to be repeated."""
    what = item.what if isinstance(item.what, str) else item.what.value
    return f"repeat {what}" if item.repeat else what


def gap(item: Gap) -> str:
    return f"{part_of_record(item)}: {gap_reason(item)}"


def gap_reason(item: Gap) -> str:
    """Why a part of the record could not be had."""
    return _GAPS[item.reason]


def part_of_record(item: Gap) -> str:
    """ "medication statements" of the key `medicationStatements`."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: f" {letter[0].lower()}", item.key or item.resource_type)
