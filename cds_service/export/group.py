"""A trial's criteria as R4 Group: one characteristic a sentence, all of which a member has or, with `exclude`, has not.

R4 has no tree of criteria and no limit that is not inside: the value is that the sentence, as printed, holds. What decides it
is told in words, and the parts of a sentence stand within it.
"""

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.group import Group, GroupCharacteristic
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.narrative import Narrative

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.trial import Criterion, CriterionKind, Trial
from cds_service.export import identifiers
from cds_service.export.extras import Extra, extensions
from cds_service.export.narrative import criteria_lines, narrative
from cds_service.export.sentences import about_criteria, decided_by, parts_told, readings_told


def criteria(trial: Trial, knowledge: Knowledge) -> Group:
    """Those whom the trial looks for."""
    own = [row for row in trial.rows() if row.part_of is None]
    digest = Extra("knowledge", knowledge.digest)
    told = (*about_criteria(trial, knowledge), digest, *readings_told(trial, knowledge))
    return Group(
        id=trial.id,
        text=narrative(Narrative, trial.title, criteria_lines(trial)),
        extension=extensions(Extension, told),
        identifier=[Identifier(system=identifiers.REGISTRY, value=trial.id)],
        active=True,
        type="person",
        actual=False,
        name=f"Criteria of {trial.id}, {trial.short_title}",
        characteristic=[_characteristic(row, trial, knowledge) for row in own],
    )


def _characteristic(row: Criterion, trial: Trial, knowledge: Knowledge) -> GroupCharacteristic:
    reading = [Extra("reading", row.reading)] if row.reading is not None else []
    extras = [*reading, decided_by(row, knowledge), *parts_told(row.parts, row, knowledge)]
    code = Coding(system=identifiers.criterion_system(trial.id), code=row.id)
    return GroupCharacteristic(
        id=row.id,
        extension=extensions(Extension, extras),
        code=CodeableConcept(coding=[code], text=row.text),
        valueBoolean=True,
        exclude=row.kind is CriterionKind.EXCLUSION,
    )
