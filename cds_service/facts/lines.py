"""Lines of therapy, and the response to the last.

A line is not a course: the same induction twice, consolidation, maintenance and a transplant in remission are one line
(rulings 14 and 15; assumptions for a haematologist to sign off).
"""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from cds_service.dates import DateRange
from cds_service.facts.certainty import Count, Finding, Unclear
from cds_service.facts.courses import Treatment
from cds_service.facts.model import Fact, Procedure
from cds_service.facts.outcomes import Ending, Outcome, Outcomes
from cds_service.facts.regimen import drug_classes
from cds_service.facts.relapses import Relapse
from cds_service.facts.response import Response
from cds_service.value import Value


class Line(Value, frozen=True):
    """One line of therapy. `confirm`: whether it is a line of its own rests on an assumption."""

    treatments: tuple[Treatment, ...]
    transplant: Procedure | None = None
    """A transplant or donor lymphocytes for active disease, which are a line by themselves."""
    confirm: bool = False

    @property
    def start(self) -> DateRange | None:
        return self.treatments[0].start if self.treatments else self.transplant.when if self.transplant is not None else None


def lines(outcomes: Outcomes) -> tuple[tuple[Line, ...], Count]:
    """The lines, and how many: more where a change without a marrow may have been a new one."""
    found: list[Line] = []
    doubts: list[Unclear] = []
    previous: Treatment | None = None
    for treatment in outcomes.history.treatments:
        opens = _opens_line(treatment, previous, found, outcomes)
        if opens.holds:
            # From the second on, what makes a line is an assumption: a person is shown the list.
            found.append(Line((treatment,), confirm=bool(found) or treatment.confirm))
        else:
            doubts += opens.unclear if opens.holds is None else ()
            found[-1] = replace(found[-1], treatments=(*found[-1].treatments, treatment))
        previous = treatment
    found, more = _with_transplants(found, outcomes)
    doubts += more
    if any(relapse.remission is None or not relapse.is_placed for relapse in outcomes.walked.relapses):
        doubts.append(Unclear.NO_REMISSION_DATE)
    if outcomes.walked.maybe_more is Unclear.DATES_TOO_COARSE:
        doubts.append(Unclear.DATES_TOO_COARSE)
    if outcomes.history.open:
        doubts.append(Unclear.HISTORY)
    facts = tuple(dict.fromkeys(fact for line in found for fact in _facts_of(line)))
    high = None if doubts else len(found)
    sure = sum(not line.confirm for line in found)
    return tuple(found), Count(len(found), high, sure, facts, tuple(dict.fromkeys(doubts)))


def _facts_of(line: Line) -> tuple[Fact, ...]:
    drugs = tuple(drug for treatment in line.treatments for drug in treatment.cited)
    return (*drugs, line.transplant) if line.transplant is not None else drugs


def _opens_line(treatment: Treatment, previous: Treatment | None, found: Sequence[Line], outcomes: Outcomes) -> Finding:
    """At a relapse, or for no response when a class of drugs is given that was not used before (ruling 14)."""
    if previous is None or not found:
        return Finding(True)
    if any(_between(relapse, previous, treatment) for relapse in outcomes.walked.relapses):
        return Finding(True)
    if outcomes.in_remission_at(treatment.start.first):
        return Finding(False)
    used = frozenset(name for line in found for one in line.treatments for name in one.classes)
    new = treatment.classes - used
    if not new:
        return Finding(False)
    if new <= drug_classes(outcomes.history.undated):
        return Finding(None, unclear=(Unclear.DATES_TOO_COARSE,))
    ending = outcomes.ending(previous)
    if ending.outcome is Outcome.NO_REMISSION:
        return Finding(True)
    if ending.outcome is Outcome.REMISSION:
        return Finding(False)
    return Finding(None, unclear=(Unclear.CHANGE_WITHOUT_MARROW,))


def _between(relapse: Relapse, previous: Treatment, treatment: Treatment) -> bool:
    return previous.start.first < relapse.when.first <= treatment.start.last


def _with_transplants(found: Sequence[Line], outcomes: Outcomes) -> tuple[list[Line], list[Unclear]]:
    """A transplant or donor lymphocytes for active disease are a line; in remission they belong to theirs."""
    together = list(found)
    doubts: list[Unclear] = []
    for graft in (*outcomes.history.grafts, *outcomes.history.donor_lymphocytes):
        if graft.when is None:
            continue
        in_remission = outcomes.in_remission_at(graft.when.first)
        if in_remission is False:
            together.append(Line((), graft, confirm=True))
        elif in_remission is None:
            doubts.append(Unclear.CHANGE_WITHOUT_MARROW)
    return sorted(together, key=lambda line: line.start.first if line.start is not None else date.min), doubts


def ending_of_last_line(found: Sequence[Line], outcomes: Outcomes) -> Ending:
    """Remission, or none by the marrow after its last treatment; open where something without a day may be a later line."""
    if not found:
        return Ending(Outcome.UNKNOWN, unclear=Unclear.HISTORY)
    if outcomes.history.undated or outcomes.walked.maybe_more is Unclear.DATES_TOO_COARSE:
        return Ending(Outcome.UNKNOWN, outcomes.history.undated, unclear=Unclear.DATES_TOO_COARSE)
    last = found[-1]
    start = last.start
    for remission in outcomes.walked.remissions:
        if start is not None and remission.since.last >= start.first:
            return Ending(Outcome.REMISSION, remission.rests_on, remission.confirm)
    if not last.treatments:
        return _after_transplant(last, outcomes)
    return outcomes.ending(last.treatments[-1])


def _after_transplant(line: Line, outcomes: Outcomes) -> Ending:
    first = outcomes.assumptions.spans["marrow_after_course"]
    when = line.start
    for one in reversed(outcomes.seen):
        if when is not None and one.assessment is not None and one.when.first >= first.after(when.first):
            if one.assessment.response is Response.DISEASE and one.unclear is None:
                return outcomes.unless_unplaced(Ending(Outcome.NO_REMISSION, one.rests_on))
            break
    return Ending(Outcome.UNKNOWN, unclear=Unclear.NO_RESPONSE)
