"""Every sentence about a criterion, made from typed values; card_wording.py says it shorter, for cards.

English is the first catalogue; nothing else makes sentences.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from typing import Any

from cds_service.assumptions import Limit
from cds_service.criteria import course_reasons as course
from cds_service.criteria import reasons as why
from cds_service.criteria.comparison import Operator
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
    recorded: list[str] = []
    sentences: list[str] = []
    for item in verdict.reasons:
        if isinstance(item, why.Recorded):
            recorded.append(_named(item.fact))
        else:
            sentences.append(_SENTENCES[type(item)](item))
    if recorded:
        sentences.insert(0, f"on record: {' and '.join(recorded)}")
    return "; ".join(sentences) or "nothing in the record tells"


def _disease_active(item: course.DiseaseActive) -> str:
    return f"active: {item.by.value}{_on(item.since)}"


def _in_remission(item: course.InRemission) -> str:
    return f"in remission since {item.since or 'an unknown day'}"


def _disease_open(item: course.DiseaseOpen) -> str:
    return f"whether the disease is active now is open: {item.unclear.value}{_on(item.since)}"


def _course_open(item: course.CourseOpen) -> str:
    return f"{_COURSE[item.value]}: {', '.join(reason.value for reason in item.unclear)}"


def _course_counted(item: course.CourseCounted) -> str:
    noun = _COUNTED[item.value][1 if item.count > 1 else 0]
    short = item.count < item.at_least and item.at_least > 1
    told = "; ".join(_event(event) for event in item.events)
    asked = f", {item.at_least} asked for" if short else ""
    return f"{item.count or 'no'} {noun}{asked}{f' ({told})' if told else ''}"


def _not_counted(item: course.NotCounted) -> str:
    return f"given before the leukaemia and not counted: {_given(item.therapies)}"


def _course_stated(item: course.CourseStated) -> str:
    return _COURSE[item.value]


def _elapsed(item: course.Elapsed) -> str:
    where = "within" if item.within else "more than"
    return f"relapse of {item.relapse} {where} {item.length} after the remission of {item.remission}"


def _ended(item: course.Ended) -> str:
    return f"{_COURSE[item.value]}: {item.outcome.value}"


def _compared(item: why.Compared) -> str:
    converted = f" ({_rounded(item.converted)} {item.limit.unit})" if item.converted is not None else ""
    return f"{item.what} {amount(item.amount)}{converted} {_OPERATORS[item.operator, item.holds]} {_limit(item)}"


def _share_compared(item: why.ShareCompared) -> str:
    share = f"{item.part} is {_rounded(item.percent)} % of {item.whole.lower()}"
    return f"{share}, which {_OPERATORS[item.operator, item.holds]} {_quantity(item.limit)}"


def _derived(item: why.Derived) -> str:
    other = f"{item.other} {amount(item.amount)}{_on(item.when)}"
    if item.holds is None:
        return f"{other} does not tell whether {item.what} {_OPERATORS[item.operator, True]} {_plain(item.limit)}"
    return f"{item.what} {_OPERATORS[item.operator, item.holds]} {_plain(item.limit)}, read from {other}"


def _result_reads(item: why.ResultReads) -> str:
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


def _stale(item: why.Stale) -> str:
    last = "unclear" if item.holds is None else "passing" if item.holds else "failing"
    return f"{item.what} of {item.when} is older than {item.window}, last value {last}"


def _recheck(item: why.Recheck) -> str:
    return f"{item.what} of {item.when} is to be repeated"


def _superseded(item: why.Superseded) -> str:
    return f"{item.what} of {item.when} is from before {item.by.value}{_on(item.since)}"


def _unusable(item: why.Unusable) -> str:
    value = f" {amount(item.amount)}" if item.amount is not None else ""
    return f"{item.what}{value}{_on(item.when)}: {item.problem.value}"


def _differing(item: why.Differing) -> str:
    which = "of one day" if item.one_day else "whose order in time is not known"
    return f"{item.what}: results {which} do not agree"


def _no_result(item: why.NoResult) -> str:
    return f"{item.what}: no result"


def _limit(item: why.Compared) -> str:
    if item.upper_limit is None:
        return _quantity(item.limit)
    assumed = ", default ULN" if item.upper_limit.assumed else ""
    return f"{_plain(item.upper_limit.times)} x ULN ({_quantity(item.limit)}{assumed})"


def _quantity(limit: Limit) -> str:
    return f"{_plain(limit.value)} {limit.unit}".strip()


def _unconfirmed(item: why.Unconfirmed) -> str:
    return f"{_named(item.fact)}: {item.doubt.value}"


def _time_unclear(item: why.TimeUnclear) -> str:
    return f"{_named(item.fact)}: whether within {item.span} is not recorded"


def _long_ago(item: why.LongAgo) -> str:
    return f"long ago: {_named(item.fact)}"


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


def _none_recorded(item: why.NoneRecorded) -> str:
    documented = f"documented absent: {', '.join(_named(fact) for fact in item.denials)}; " if item.denials else ""
    return f"{documented}no record found: {item.what} ({item.because})"


def _nothing_found(item: why.NothingFound) -> str:
    return f"nothing on record, which does not exclude it: {item.what}"


def _not_searched(item: why.NotSearched) -> str:
    return f"{_KINDS[item.kind][0]} could not be had: {item.what}"


def _not_understood(item: why.NotUnderstood) -> str:
    noun = _KINDS[item.kind][0 if item.count > 1 else 1]
    return f"{item.count} {noun} not recognised: {item.what}"


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
            return f"{'default ULN' if detail.assumed else 'ULN'} {_plain(detail.value.value)} {detail.value.unit}"
        case why.Born():
            return f"born {detail.when}"
        case why.Gender():
            return f"gender {_quoted(detail.code)}"


def own_words(fact: Fact) -> str:
    """What a fact says of itself."""
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


def _sex_is(item: why.SexIs) -> str:
    return "no restriction" if item.any else f"gender is {_quoted(item.sex or 'not recorded')}"


def _on_oxygen(item: why.OnOxygen) -> str:
    return "taken on oxygen" if item.known else "no word of oxygen, taken as room air"


def _treated_elsewhere(_: why.TreatedElsewhere) -> str:
    return "the record begins in the middle of the disease: earlier times are not on record"


def _as_written(item: why.Ruling | why.Question) -> str:
    return item.text


def _list_not_known(_: why.ListNotKnown) -> str:
    return "the protocol's list is not known"


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


_SENTENCES: dict[type[Reason], Callable[[Any], str]] = {
    why.AgeCompared: _age_compared,
    why.AgeUnclear: _age_unclear,
    why.SexIs: _sex_is,
    why.Compared: _compared,
    why.ShareCompared: _share_compared,
    why.NoResult: _no_result,
    why.Stale: _stale,
    why.Recheck: _recheck,
    why.Superseded: _superseded,
    why.Unusable: _unusable,
    why.Differing: _differing,
    why.Unconfirmed: _unconfirmed,
    why.TimeUnclear: _time_unclear,
    why.LongAgo: _long_ago,
    why.NoneRecorded: _none_recorded,
    why.NothingFound: _nothing_found,
    why.NotSearched: _not_searched,
    why.NotUnderstood: _not_understood,
    why.TreatedElsewhere: _treated_elsewhere,
    why.ResultReads: _result_reads,
    why.Derived: _derived,
    why.OnOxygen: _on_oxygen,
    why.Ruling: _as_written,
    why.Question: _as_written,
    why.ListNotKnown: _list_not_known,
    course.DiseaseActive: _disease_active,
    course.InRemission: _in_remission,
    course.DiseaseOpen: _disease_open,
    course.CourseOpen: _course_open,
    course.CourseCounted: _course_counted,
    course.NotCounted: _not_counted,
    course.CourseStated: _course_stated,
    course.Elapsed: _elapsed,
    course.Ended: _ended,
}
"""Each kind of reason, with the function that makes a sentence of it; what is on record, `reason` names in one."""
