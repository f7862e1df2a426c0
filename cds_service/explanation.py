"""TrialMatch → the JSON and the tables of `explain`: every row of every trial, its answer, and what that rests on."""

from collections.abc import Iterator
from datetime import date

import msgspec
from rich.console import Console, ConsoleRenderable, Group
from rich.table import Table
from rich.text import Text

from cds_service import wording
from cds_service.criteria.match import CriterionAnswer, TrialMatch
from cds_service.criteria.verdict import Evidence, Missing
from cds_service.evaluation import Findings
from cds_service.facts.model import PatientFacts


class JsonStruct(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the document's parts: camelCase, as everywhere in FHIR."""


class FactEvidence(JsonStruct, frozen=True):
    resource: str
    date: str | None
    statement: str


class SilenceEvidence(JsonStruct, frozen=True):
    searched: str
    count: int
    statement: str


class MissingItem(JsonStruct, frozen=True):
    what: str
    last_date: str | None
    order: str | None


class CriterionItem(JsonStruct, frozen=True):
    id: str
    kind: str
    part_of: str | None
    text: str
    answer: str
    admits: bool | None
    confirm: bool
    reason: str
    evidence: list[FactEvidence | SilenceEvidence]
    missing: list[MissingItem]


class RecruitmentItem(JsonStruct, frozen=True):
    status: str
    as_of: str


class TrialItem(JsonStruct, frozen=True):
    trial: str
    recruitment: RecruitmentItem
    complete: bool
    reviewed: str | None
    disease_gate: str
    outcome: str
    criteria: list[CriterionItem]


class Explanation(JsonStruct, frozen=True):
    """The whole answer for one patient (interface 8.1; schema in docs/schemas/explain.schema.json)."""

    as_of: str
    patient: str | None
    knowledge: str
    trials: list[TrialItem]
    not_evaluated: str | msgspec.UnsetType = msgspec.UNSET


def explain(findings: Findings, as_of: date, only_trial: str | None = None) -> Explanation:
    """One document a patient. A deceased patient is not evaluated."""
    _, _, patient = findings.facts.person.reference.partition("/")
    head = (as_of.isoformat(), patient or None, findings.digest)
    if findings.facts.person.deceased:
        return Explanation(*head, [], "deceased")
    matches = [match for match in findings.matches if only_trial in (None, match.trial.id)]
    return Explanation(*head, [_trial(match, findings.facts) for match in matches])


def as_json(explanation: Explanation) -> bytes:
    """The document on one line, in UTF-8."""
    return msgspec.json.encode(explanation)


def _trial(match: TrialMatch, facts: PatientFacts) -> TrialItem:
    recruitment = RecruitmentItem(match.trial.recruitment.status, match.trial.recruitment.as_of.isoformat())
    return TrialItem(
        trial=match.trial.id,
        recruitment=recruitment,
        complete=match.trial.complete,
        reviewed=match.trial.reviewed,
        disease_gate=match.gate.answer.value,
        outcome=match.outcome.value,
        criteria=[_criterion(answer, facts) for answer in match.answers],
    )


def _criterion(answer: CriterionAnswer, facts: PatientFacts) -> CriterionItem:
    criterion, verdict = answer.criterion, answer.verdict
    return CriterionItem(
        id=criterion.id,
        kind=criterion.kind.value,
        part_of=criterion.part_of,
        text=criterion.text,
        answer=verdict.answer.value,
        admits=answer.admits,
        confirm=verdict.confirm,
        reason=wording.reason(verdict),
        evidence=list(dict.fromkeys(told for item in verdict.evidence for told in _evidence(item, facts))),
        missing=[_missing(item) for item in verdict.missing],
    )


def _evidence(item: Evidence, facts: PatientFacts) -> Iterator[FactEvidence | SilenceEvidence]:
    """A resource of the record, or a search of it that found nothing."""
    if item.searched is not None:
        yield SilenceEvidence(item.searched.value, len(facts.of_kind(item.searched)), wording.statement(item))
    elif item.fact is not None:
        yield FactEvidence(item.fact.reference, str(item.fact.when) if item.fact.when else None, wording.statement(item))


def _missing(item: Missing) -> MissingItem:
    return MissingItem(wording.missing(item), str(item.last) if item.last else None, item.order)


_STYLES = {True: "green", False: "bold red", None: "yellow"}
_ANSWERS = {"met": "met", "not_met": "not met", "unknown": "unknown"}


def print_tables(explanation: Explanation, console: Console) -> None:
    """A table a trial, for people."""
    console.print(Text(f"Patient {explanation.patient or 'without an id'} on {explanation.as_of}", style="bold"))
    if explanation.not_evaluated is not msgspec.UNSET:
        console.print(f"Not evaluated: {explanation.not_evaluated}.")
    for trial in explanation.trials:
        console.print(Group(*_table(trial)))


def _table(trial: TrialItem) -> Iterator[ConsoleRenderable]:
    complete = "" if trial.complete else ", list of criteria incomplete"
    title = f"{trial.trial}: {trial.outcome} · {trial.recruitment.status} ({trial.recruitment.as_of}){complete}"
    table = Table(title=Text(title), title_justify="left", expand=True)
    for name, ratio in (("", 1), ("Criterion", 5), ("Answer", 2), ("Why", 6)):
        table.add_column(name, ratio=ratio)
    for item in trial.criteria:
        answer = _ANSWERS[item.answer] + (", confirm" if item.confirm else "")
        name = f"  {item.id}" if item.part_of else item.id
        cells = (name, item.text, answer, item.reason)
        table.add_row(*(Text(cell) for cell in cells), style=_STYLES[item.admits])
    yield table
    if trial.reviewed is None:
        yield Text("Reading not yet reviewed by a haematologist.", style="italic")
