"""One sentence for each kind of reason, made from its typed values."""

from collections.abc import Callable, Iterable
from typing import Any

from cds_service.assumptions import Limit
from cds_service.criteria import course_reasons as course
from cds_service.criteria import reasons as why
from cds_service.criteria.comparison import Operator
from cds_service.criteria.reasons import Reason
from cds_service.facts.model import Kind, Therapy
from cds_service.printed import amount, label, named, on, plain, quoted, rounded

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


def _disease_active(item: course.DiseaseActive) -> str:
    return f"active: {item.by.value}{on(item.since)}"


def _in_remission(item: course.InRemission) -> str:
    return f"in remission since {item.since or 'an unknown day'}"


def _disease_open(item: course.DiseaseOpen) -> str:
    return f"whether the disease is active now is open: {item.unclear.value}{on(item.since)}"


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


def _event(event: course.CourseEvent) -> str:
    regimens = ", ".join(regimen.value for regimen in event.regimens)
    after = f", after the remission of {event.after}" if event.after is not None else ""
    return f"{event.when}{f': {regimens}' if regimens else ''}{after}"


def _given(therapies: Iterable[Therapy]) -> str:
    """Each medicine once, from its first day on."""
    first: dict[str, str] = {}
    for therapy in therapies:
        first.setdefault(therapy.label, f"{label(therapy)}{on(therapy.started)}")
    return ", ".join(first.values())


def _compared(item: why.Compared) -> str:
    converted = f" ({rounded(item.converted)} {item.limit.unit})" if item.converted is not None else ""
    return f"{item.what} {amount(item.amount)}{converted} {_OPERATORS[item.operator, item.holds]} {_limit(item)}"


def _share_compared(item: why.ShareCompared) -> str:
    share = f"{item.part} is {rounded(item.percent)} % of {item.whole.lower()}"
    return f"{share}, which {_OPERATORS[item.operator, item.holds]} {_quantity(item.limit)}"


def _derived(item: why.Derived) -> str:
    other = f"{item.other} {amount(item.amount)}{on(item.when)}"
    if item.holds is None:
        return f"{other} does not tell whether {item.what} {_OPERATORS[item.operator, True]} {plain(item.limit)}"
    return f"{item.what} {_OPERATORS[item.operator, item.holds]} {plain(item.limit)}, read from {other}"


def _result_reads(item: why.ResultReads) -> str:
    return f"{item.what}: {item.reads.replace('_', ' ')}{on(item.when)}"


def _limit(item: why.Compared) -> str:
    if item.upper_limit is None:
        return _quantity(item.limit)
    assumed = ", default ULN" if item.upper_limit.assumed else ""
    return f"{plain(item.upper_limit.times)} x ULN ({_quantity(item.limit)}{assumed})"


def _quantity(limit: Limit) -> str:
    return f"{plain(limit.value)} {limit.unit}".strip()


def _stale(item: why.Stale) -> str:
    last = "unclear" if item.holds is None else "passing" if item.holds else "failing"
    return f"{item.what} of {item.when} is older than {item.window}, last value {last}"


def _recheck(item: why.Recheck) -> str:
    return f"{item.what} of {item.when} is to be repeated"


def _superseded(item: why.Superseded) -> str:
    return f"{item.what} of {item.when} is from before {item.by.value}{on(item.since)}"


def _unusable(item: why.Unusable) -> str:
    value = f" {amount(item.amount)}" if item.amount is not None else ""
    return f"{item.what}{value}{on(item.when)}: {item.problem.value}"


def _differing(item: why.Differing) -> str:
    which = "of one day" if item.one_day else "whose order in time is not known"
    return f"{item.what}: results {which} do not agree"


def _no_result(item: why.NoResult) -> str:
    return f"{item.what}: no result"


def _unconfirmed(item: why.Unconfirmed) -> str:
    return f"{named(item.fact)}: {item.doubt.value}"


def _time_unclear(item: why.TimeUnclear) -> str:
    return f"{named(item.fact)}: whether within {item.span} is not recorded"


def _long_ago(item: why.LongAgo) -> str:
    return f"long ago: {named(item.fact)}"


def _none_recorded(item: why.NoneRecorded) -> str:
    documented = f"documented absent: {', '.join(named(fact) for fact in item.denials)}; " if item.denials else ""
    return f"{documented}no record found: {item.what} ({item.because})"


def _nothing_found(item: why.NothingFound) -> str:
    return f"nothing on record, which does not exclude it: {item.what}"


def _not_searched(item: why.NotSearched) -> str:
    return f"{_KINDS[item.kind][0]} could not be had: {item.what}"


def _not_understood(item: why.NotUnderstood) -> str:
    noun = _KINDS[item.kind][0 if item.count > 1 else 1]
    return f"{item.count} {noun} not recognised: {item.what}"


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


def _sex_is(item: why.SexIs) -> str:
    return "no restriction" if item.any else f"gender is {quoted(item.sex or 'not recorded')}"


def _on_oxygen(item: why.OnOxygen) -> str:
    return "taken on oxygen" if item.known else "no word of oxygen, taken as room air"


def _treated_elsewhere(_: why.TreatedElsewhere) -> str:
    return "the record begins in the middle of the disease: earlier times are not on record"


def _as_written(item: why.Ruling | why.Question) -> str:
    return item.text


def _list_not_known(_: why.ListNotKnown) -> str:
    return "the protocol's list is not known"


SENTENCES: dict[type[Reason], Callable[[Any], str]] = {
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
