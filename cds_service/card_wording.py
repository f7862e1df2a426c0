"""What cards say: one line a criterion, shorter than `explain`, for a shared screen; from typed values, as in wording.py."""

from collections.abc import Sequence

from msgspec.structs import replace

from cds_service.criteria.course_reasons import CourseOpen, CourseReason, DiseaseActive, DiseaseOpen, InRemission
from cds_service.criteria.match import CriterionAnswer
from cds_service.criteria.reasons import ListNotKnown, NoneRecorded, Question, Reason, Wanted
from cds_service.criteria.verdict import Answer, Verdict
from cds_service.facts.certainty import Unclear
from cds_service.wording import missing, reason

FEW = 3
_HIDDEN = {
    True: "no obstacle; see the record",
    False: "a listed exclusion, see the record",
    None: "open; see the record",
}
_LIST_NOT_KNOWN = ListNotKnown()


def fixed_reason(answer: CriterionAnswer, *, hidden: bool) -> str | None:
    """The reason where it holds no word of the record; None where it does.

    It is `hidden`, which is not for a shared screen, for a person to judge, silence, or a list that is not known.
    """
    if hidden:
        return _HIDDEN[answer.admits]
    reasons = answer.verdict.reasons
    match reasons:
        case (Question(text=question),):
            return question
        case (NoneRecorded(),) if answer.admits is not False:
            return "nothing on record"
    if _LIST_NOT_KNOWN in reasons:
        return "the protocol's list is not known here: ask the study site"
    return None


def reason_of_record(answer: CriterionAnswer) -> str:
    """The reason in words of the record. What is merely not on record is not listed."""
    verdict = answer.verdict
    found = [item for item in verdict.reasons if not isinstance(item, NoneRecorded)]
    if len(found) == len(verdict.reasons):
        return reason(verdict)
    if answer.admits is False:  # here the silence is what bars
        silent = [item for item in verdict.reasons if isinstance(item, NoneRecorded)]
        return "; ".join([*([_only(verdict, found)] if found else []), *(f"no record of {_first(item)}" for item in silent)])
    return f"{_only(verdict, found)}; nothing else on record" if found else "nothing on record"


def _first(item: NoneRecorded) -> str:
    """The first of the things that were looked for stands for those near it."""
    return item.what.partition(", ")[0]


def open_gate(gate: Verdict, disease: Verdict) -> str:
    """Why it is open whether a trial means this disease, and what would settle it: the diagnosis first, then a remission.

    Only where neither is in the way does it matter what the course of the disease does not tell.
    """
    if disease.answer is Answer.UNKNOWN:
        return f"{reason(disease)} → the diagnosis; then, whether it is relapsed or refractory"
    if in_remission := [item for item in gate.reasons if isinstance(item, InRemission)]:
        return f"{_only(gate, in_remission)} → {Wanted.MARROW.value}"
    told = [item for item in gate.reasons if isinstance(item, DiseaseOpen) or not isinstance(item, CourseReason | Question)]
    sentences = [_only(gate, told)] if told else []
    if unclear := _unclear(gate):
        more = f", and {len(unclear) - FEW} more" if len(unclear) > FEW else ""
        sentences.append(f"whether relapsed or refractory by its definition ({', '.join(unclear[:FEW])}{more})")
    return f"{'; '.join(sentences) or reason(gate)}{settled_by(gate)}"


def why_no_trial(disease: Verdict, gates: Sequence[Verdict]) -> str:
    """What stands before every trial; empty where nothing does so alike."""
    if disease.answer is Answer.UNKNOWN:
        return "diagnosis to be confirmed"
    remission = next((item for gate in gates for item in gate.reasons if isinstance(item, InRemission)), None)
    return reason(Verdict(Answer.UNKNOWN, (remission,))) if remission is not None else ""


def _unclear(gate: Verdict) -> list[str]:
    """Why the course tells nothing; that nothing is recorded is only said where there is nothing better to say."""
    unclear = dict.fromkeys(one for item in gate.reasons if isinstance(item, CourseOpen) for one in item.unclear)
    return [one.value for one in unclear if one is not Unclear.NO_EVIDENCE] or [one.value for one in unclear]


def _only(verdict: Verdict, reasons: Sequence[Reason]) -> str:
    return reason(replace(verdict, reasons=tuple(reasons)))


def settled_by(verdict: Verdict) -> str:
    """ " → " and what would settle an open question; empty where nothing on record would."""
    orders = dict.fromkeys(item.order or missing(item) for item in verdict.missing)
    return f" → {'; '.join(orders)}" if orders else ""


def active_disease(item: DiseaseActive) -> str:
    """Why now: what shows the disease, and since when."""
    return f"{item.by.value}{f' {item.since}' if item.since is not None else ''}"
