"""Every answer of a trial as R4 Parameters, under the names that `explain` has for them."""

import re
from collections.abc import Iterator

from fhir.resources.R4B.parameters import Parameters, ParametersParameter
from fhir.resources.R4B.reference import Reference

from cds_service import wording
from cds_service.criteria.match import CriterionAnswer, TrialMatch
from cds_service.criteria.trial import Recruitment
from cds_service.criteria.verdict import Evidence, Missing
from cds_service.export.narrative import printable
from cds_service.facts.model import PatientFacts

_RESOURCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")


def output_parameters(match: TrialMatch, facts: PatientFacts, digest: str) -> Parameters:
    """An answer is a code: met, not_met or unknown. What is null in `explain` is absent here."""
    trial = match.trial
    reviewed = [_text("reviewed", trial.reviewed)] if trial.reviewed is not None else []
    return Parameters(
        id="answers",
        parameter=[
            _text("trial", trial.id),
            _text("knowledge", digest),
            _recruitment(trial.recruitment),
            _flag("complete", trial.complete),
            *reviewed,
            _code("diseaseGate", match.gate.answer.value),
            _code("outcome", match.outcome.value),
            *(_criterion(answer, facts) for answer in match.answers),
        ],
    )


def reference_to(resource: str) -> Reference:
    """A resource of the patient's record. One without an id can only be named."""
    return Reference(reference=resource) if _RESOURCE.fullmatch(resource) else Reference(display=printable(resource))


def _recruitment(recruitment: Recruitment) -> ParametersParameter:
    as_of = ParametersParameter(name="asOf", valueDate=recruitment.as_of)
    return ParametersParameter(name="recruitment", part=[_text("status", recruitment.status), as_of])


def _criterion(answer: CriterionAnswer, facts: PatientFacts) -> ParametersParameter:
    row, verdict = answer.criterion, answer.verdict
    return ParametersParameter(
        name="criterion",
        part=[
            _text("id", row.id),
            _code("kind", row.kind.value),
            *([_text("partOf", row.part_of)] if row.part_of is not None else []),
            _text("text", row.text),
            _code("answer", verdict.answer.value),
            *([_flag("admits", answer.admits)] if answer.admits is not None else []),
            _flag("confirm", verdict.confirm),
            _text("reason", wording.reason(verdict)),
            *(ParametersParameter(name="evidence", part=list(_evidence(item, facts))) for item in verdict.evidence),
            *(ParametersParameter(name="missing", part=list(_missing(item))) for item in verdict.missing),
        ],
    )


def _evidence(item: Evidence, facts: PatientFacts) -> Iterator[ParametersParameter]:
    """A resource of the record, or a search of it that found nothing."""
    if item.searched is not None:
        yield _text("searched", item.searched.value)
        yield ParametersParameter(name="count", valueInteger=len(facts.of_kind(item.searched)))
    elif item.fact is not None:
        yield ParametersParameter(name="resource", valueReference=reference_to(item.fact.reference))
        if item.fact.when is not None:
            yield _text("date", str(item.fact.when))  # may be a month, a year or a span
    yield _text("statement", wording.statement(item))


def _missing(item: Missing) -> Iterator[ParametersParameter]:
    yield _text("what", wording.missing(item))
    if item.last is not None:
        yield _text("lastDate", str(item.last))
    if item.order is not None:
        yield _text("order", item.order)


def _text(name: str, value: str) -> ParametersParameter:
    return ParametersParameter(name=name, valueString=printable(value))


def _code(name: str, value: str) -> ParametersParameter:
    return ParametersParameter(name=name, valueCode=value)


def _flag(name: str, value: bool) -> ParametersParameter:
    return ParametersParameter(name=name, valueBoolean=value)
