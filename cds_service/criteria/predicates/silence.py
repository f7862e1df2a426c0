"""When nothing is found: what silence in a record says, and what it does not.

Silence answers only in a part of the record that was searched and understood, and only where the trial file says that the
record is the authority. "No record found" is another sentence than "documented absent": entries that deny it are named.
"""

from cds_service.criteria.predicates.word import Case
from cds_service.criteria.reasons import NoneRecorded, NothingFound, NotSearched, NotUnderstood, TreatedElsewhere, Wanted
from cds_service.criteria.verdict import Evidence, Missing, Verdict, not_met, unknown
from cds_service.facts.model import Kind
from cds_service.value import Value


class Authority(Value, frozen=True):
    """Why the record's silence may answer; `whole_history`: not where the patient was treated elsewhere before.

    `to_confirm`: a person should look, unless a ruling says the plain answer.
    """

    because: str
    whole_history: bool = False
    to_confirm: bool = True


def silence(case: Case, kind: Kind, value_sets: tuple[str, ...], authority: Authority | None) -> Verdict:
    """The answer to "is there any …" when none was found; a test (`Kind.RESULT`) is never answered so."""
    what = case.terminology.titles(value_sets)
    if kind not in case.facts.searched:
        return unknown(NotSearched(what, kind), missing=[Missing(what)])
    search, searched = case.searches[kind], (Evidence(searched=kind),)
    if authority is None:
        return unknown(NothingFound(what, kind), evidence=searched, missing=[Missing(what)])
    if odd := [sets for sets in search.left_open if not sets.isdisjoint(value_sets)]:
        return unknown(NotUnderstood(what, kind, len(odd)), evidence=searched, missing=[Missing(Wanted.NAMES)])
    if authority.whole_history and case.course.history.treated_elsewhere:
        return unknown(TreatedElsewhere(), evidence=searched, missing=[Missing(Wanted.EARLIER_RECORDS)])
    denials = tuple([fact for fact in search.denying if not fact.recognition.denied.isdisjoint(value_sets)])
    reason = NoneRecorded(what, kind, authority.because, denials)
    return not_met(reason, evidence=(*map(Evidence, denials), *searched), confirm=authority.to_confirm)
