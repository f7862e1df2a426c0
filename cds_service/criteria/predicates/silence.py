"""When nothing is found: what silence in a record says, and what it does not.

Silence answers only in a part of the record that was searched and understood, and only where the trial file says that the
record is the authority. "No record found" is another sentence than "documented absent", and is always to be confirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cds_service.criteria.predicates.word import Case
from cds_service.criteria.reasons import NoneRecorded, NothingFound, NotSearched, NotUnderstood, TreatedElsewhere
from cds_service.criteria.verdict import Evidence, Verdict, not_met, unknown
from cds_service.facts.model import Kind


@dataclass(frozen=True, slots=True)
class Authority:
    """Why the record's silence may answer; `whole_history`: not where the patient was treated elsewhere before."""

    because: str
    whole_history: bool = False


def silence(case: Case, kind: Kind, value_sets: Sequence[str], authority: Authority | None) -> Verdict:
    """The answer to "is there any …" when none was found."""
    what = ", ".join(case.terminology[value_set].title for value_set in value_sets)
    entries = case.facts.of_kind(kind)
    searched = [Evidence(searched=kind.value, count=len(entries))]
    if kind not in case.facts.searched:
        return unknown(NotSearched(what, kind))
    if authority is None:
        return unknown(NothingFound(what, kind), evidence=searched)
    odd = sum(
        1 for fact in entries if not all(case.terminology.understands(fact.recognition, value_set) for value_set in value_sets)
    )
    if odd:
        return unknown(NotUnderstood(what, kind, odd), evidence=searched)
    if authority.whole_history and case.course.history.treated_elsewhere:
        return unknown(TreatedElsewhere(), evidence=searched)
    return not_met(NoneRecorded(what, kind, authority.because), evidence=searched, confirm=True)
