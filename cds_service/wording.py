"""Every sentence about a criterion, made from typed values; card_wording.py says it shorter, for cards.

English is the first catalogue; nothing else makes sentences.
"""

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import assert_never

from cds_service.assumptions import Limit
from cds_service.criteria import course_reasons as course
from cds_service.criteria import reasons as why
from cds_service.criteria.comparison import Operator
from cds_service.criteria.course_reasons import CourseReason
from cds_service.criteria.reasons import Detail, Reason
from cds_service.criteria.verdict import Evidence, Missing, Verdict
from cds_service.dates import DateRange
from cds_service.facts.model import Amount, ClinicalStatus, Diagnosis, Fact, Giving, Kind, Result, Therapy
from cds_service.fhir.record import Gap, GapReason

_OPERATORS = {
    (Operator.BELOW, True): "is below",
    (Operator.BELOW, False): "is not below",
    (Operator.AT_MOST, True): "is at most",
    (Operator.AT_MOST, False): "is above",
    (Operator.AT_LEAST, True): "is at least",
    (Operator.AT_LEAST, False): "is below",
    (Operator.ABOVE, True): "is above",
    (Operator.ABOVE, False): "is not above",
}
_KINDS = {
    Kind.RESULT: ("observations", "observation"),
    Kind.DIAGNOSIS: ("conditions", "condition"),
    Kind.THERAPY: ("medications", "medication"),
    Kind.PROCEDURE: ("procedures", "procedure"),
}
_COURSE = {
    "relapse": "relapse",
    "relapses": "number of relapses",
    "lines": "lines of therapy",
    "standard_courses_without_remission": "standard induction courses without remission",
    "response_to_last_line": "response to the last line of therapy",
    "treatment_of_relapse": "response to the treatment of the relapse",
    "remission_before_relapse": "time from remission to relapse",
    "persistent_extramedullary_disease": "persistent extramedullary disease",
    "refractory_as_stated": "refractory disease as stated by a clinician",
}
_COUNTED = {
    "relapses": ("relapse", "relapses"),
    "lines": ("line of therapy", "lines of therapy"),
    "standard_courses_without_remission": (
        "course of standard induction without remission",
        "courses of standard induction without remission",
    ),
}
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
    recorded = [item.fact for item in verdict.reasons if isinstance(item, why.Recorded)]
    sentences = [f"on record: {' and '.join(_named(fact) for fact in recorded)}"] if recorded else []
    sentences += [_sentence(item) for item in verdict.reasons if not isinstance(item, why.Recorded)]
    return "; ".join(sentences) or "nothing in the record tells"


def _sentence(item: Reason) -> str:
    if isinstance(item, CourseReason):
        return _of_course(item)
    match item:
        case why.Compared() | why.ShareCompared() | why.Derived() | why.ResultReads():
            return _of_value(item)
        case why.Stale() | why.Recheck() | why.Superseded() | why.Unusable() | why.Differing() | why.NoResult():
            return _of_result(item)
        case why.Recorded() | why.Unconfirmed() | why.TimeUnclear() | why.LongAgo():
            return _of_record(item)
        case why.NoneRecorded() | why.NothingFound() | why.NotSearched() | why.NotUnderstood():
            return _of_silence(item)
        case why.AgeCompared():
            return _age_compared(item)
        case why.AgeUnclear():
            return _age_unclear(item)
        case why.SexIs():
            return "no restriction" if item.any else f"gender is {_quoted(item.sex or 'not recorded')}"
        case why.OnOxygen():
            return "taken on oxygen" if item.known else "no word of oxygen, taken as room air"
        case why.TreatedElsewhere():
            return "the record begins in the middle of the disease: earlier times are not on record"
        case why.Ruling() | why.Question():
            return item.text
        case why.ListNotKnown():
            return "the protocol's list is not known"
        case _:
            assert_never(item)


def _of_course(item: CourseReason) -> str:
    match item:
        case course.DiseaseActive():
            return f"active: {item.by.value}{_on(item.since)}"
        case course.InRemission():
            return f"in remission since {item.since or 'an unknown day'}"
        case course.DiseaseOpen():
            return f"whether the disease is active now is open: {item.unclear.value}{_on(item.since)}"
        case course.CourseOpen():
            return f"{_COURSE[item.value]}: {', '.join(reason.value for reason in item.unclear)}"
        case course.CourseCounted():
            noun = _COUNTED[item.value][1 if item.count > 1 else 0]
            short = item.count < item.at_least and item.at_least > 1
            told = "; ".join(_event(event) for event in item.events)
            asked = f", {item.at_least} asked for" if short else ""
            return f"{item.count or 'no'} {noun}{asked}{f' ({told})' if told else ''}"
        case course.NotCounted():
            return f"given before the leukaemia and not counted: {_given(item.therapies)}"
        case course.CourseStated():
            return _COURSE[item.value]
        case course.Elapsed():
            where = "within" if item.within else "more than"
            return f"relapse of {item.relapse} {where} {item.length} after the remission of {item.remission}"
        case course.Ended():
            return f"{_COURSE[item.value]}: {item.outcome.value}"


def _of_value(item: why.Compared | why.ShareCompared | why.Derived | why.ResultReads) -> str:
    match item:
        case why.Compared():
            converted = f" ({_rounded(item.converted)} {item.limit.unit})" if item.converted is not None else ""
            return f"{item.what} {amount(item.amount)}{converted} {_OPERATORS[item.operator, item.holds]} {_limit(item)}"
        case why.ShareCompared():
            share = f"{item.part} is {_rounded(item.percent)} % of {item.whole.lower()}"
            return f"{share}, which {_OPERATORS[item.operator, item.holds]} {_quantity(item.limit)}"
        case why.Derived():
            other = f"{item.other} {amount(item.amount)}{_on(item.when)}"
            if item.holds is None:
                return f"{other} does not tell whether {item.what} {_OPERATORS[item.operator, True]} {_plain(item.limit)}"
            return f"{item.what} {_OPERATORS[item.operator, item.holds]} {_plain(item.limit)}, read from {other}"
        case why.ResultReads():
            return f"{item.what}: {item.reads.replace('_', ' ')}{_on(item.when)}"


def _event(event: course.CourseEvent) -> str:
    regimens = ", ".join(regimen.value for regimen in event.regimens)
    after = f", after the remission of {event.after}" if event.after is not None else ""
    return f"{event.when}{f': {regimens}' if regimens else ''}{after}"


def _given(therapies: Iterable[Therapy]) -> str:
    """Each medicine once, from its first day on."""
    first: dict[str, str] = {}
    for therapy in therapies:
        first.setdefault(therapy.label, f"{therapy.label}{_on(therapy.started)}")
    return ", ".join(first.values())


def _of_result(item: why.Stale | why.Recheck | why.Superseded | why.Unusable | why.Differing | why.NoResult) -> str:
    match item:
        case why.Stale():
            last = "unclear" if item.holds is None else "passing" if item.holds else "failing"
            return f"{item.what} of {item.when} is older than {item.window}, last value {last}"
        case why.Recheck():
            return f"{item.what} of {item.when} is to be repeated"
        case why.Superseded():
            return f"{item.what} of {item.when} is from before {item.by.value}{_on(item.since)}"
        case why.Unusable():
            value = f" {amount(item.amount)}" if item.amount is not None else ""
            return f"{item.what}{value}{_on(item.when)}: {item.problem.value}"
        case why.Differing():
            which = "of one day" if item.one_day else "whose order in time is not known"
            return f"{item.what}: results {which} do not agree"
        case why.NoResult():
            return f"{item.what}: no result"


def _limit(item: why.Compared) -> str:
    if item.upper_limit is None:
        return _quantity(item.limit)
    assumed = ", default ULN" if item.upper_limit.assumed else ""
    return f"{_plain(item.upper_limit.times)} x ULN ({_quantity(item.limit)}{assumed})"


def _quantity(limit: Limit) -> str:
    return f"{_plain(limit.value)} {limit.unit}".strip()


def _of_record(item: "why.Recorded | why.Unconfirmed | why.TimeUnclear | why.LongAgo") -> str:
    named = _named(item.fact)
    match item:
        case why.Recorded():
            return f"on record: {named}"
        case why.Unconfirmed():
            return f"{named}: {item.doubt.value}"
        case why.TimeUnclear():
            return f"{named}: whether within {item.span} is not recorded"
        case why.LongAgo():
            return f"long ago: {named}"


def _named(fact: Fact) -> str:
    return f"{_label(fact)}{_on(fact.when)}"


def _label(fact: Fact) -> str:
    return _quoted(fact.label) or "an entry without words"


def _quoted(text: str) -> str:
    """The record's own words on one line: nothing that steers a screen, and no essay."""
    printable = text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE].rstrip()} …"


LONGEST_QUOTE = 140


def _of_silence(item: "why.NoneRecorded | why.NothingFound | why.NotSearched | why.NotUnderstood") -> str:
    match item:
        case why.NoneRecorded():
            documented = f"documented absent: {', '.join(_named(fact) for fact in item.denials)}; " if item.denials else ""
            return f"{documented}no record found: {item.what} ({item.because})"
        case why.NothingFound():
            return f"nothing on record, which does not exclude it: {item.what}"
        case why.NotSearched():
            return f"{_KINDS[item.kind][0]} could not be had: {item.what}"
        case why.NotUnderstood():
            noun = _KINDS[item.kind][0 if item.count > 1 else 1]
            return f"{item.count} {noun} not recognised: {item.what}"


def statement(evidence: Evidence) -> str:
    """What a piece of evidence says."""
    if evidence.fact is None:
        return "no record found"
    said = f"{_fact(evidence.fact)}{f', {_detail(evidence.detail)}' if evidence.detail is not None else ''}"
    return f"{said} (not valid FHIR: {evidence.invalid})" if evidence.invalid else said


def _detail(detail: Detail) -> str:
    match detail:
        case why.UpperLimit():
            return f"{'default ULN' if detail.assumed else 'ULN'} {_plain(detail.value.value)} {detail.value.unit}"
        case why.Born():
            return f"born {detail.when}"
        case why.Gender():
            return f"gender {_quoted(detail.code)}"


def _fact(fact: Fact) -> str:
    match fact:
        case Result():
            return f"{_label(fact)} {result_value(fact)}".strip()
        case Diagnosis():
            return f"{_label(fact)}{f' ({fact.status.value})' if isinstance(fact.status, ClinicalStatus) else ''}"
        case Therapy():
            on_order = " (on order)" if fact.giving is Giving.ORDERED else ""
            return f"{_label(fact)}{on_order}"
        case _:
            return _label(fact)


def result_value(result: Result) -> str:
    """A result's value as printed."""
    if result.amount is not None:
        return amount(result.amount)
    if result.words:
        return _quoted(result.words)
    return _quoted(", ".join(sorted(result.interpretation))) or "without a value"


def amount(value: Amount) -> str:
    """A value as printed; a pure number or a score without UCUM's sign for "no unit"."""
    high = f"-{_plain(value.high)}" if value.high is not None else ""
    unit = "" if value.unit == "1" or (value.unit or "").startswith("{") else value.unit or ""
    return f"{value.comparator or ''}{_plain(value.value)}{high} {_quoted(unit)}".strip()


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


def _age_compared(item: why.AgeCompared) -> str:
    if item.at_least is not None and item.at_most is not None:
        return f"{item.years} years old, {'within' if item.holds else 'outside'} {_ages(item)}"
    opposite = "younger than" if item.at_most is None else "older than"
    return f"{item.years} years old, {_ages(item) if item.holds else f'{opposite} {item.at_least or item.at_most}'}"


def _age_unclear(item: why.AgeUnclear) -> str:
    if item.between is None:
        return "no birth date that tells the age"
    return f"between {item.between[0]} and {item.between[1]} years old, which does not tell whether {_ages(item)}"


def _ages(item: why.AgeCompared | why.AgeUnclear) -> str:
    if item.at_least is not None and item.at_most is not None:
        return f"{item.at_least} to {item.at_most}"
    return f"at least {item.at_least}" if item.at_most is None else f"at most {item.at_most}"


def _on(when: DateRange | None) -> str:
    return f" ({when})" if when is not None else ""


def _rounded(value: Decimal) -> str:
    """A computed number, to five significant digits."""
    return _plain(Context(prec=5).plus(value))


def _plain(value: Decimal) -> str:
    """A number as people write it: no exponent, no trailing zeros after the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
