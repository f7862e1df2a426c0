"""The ids of a trial's criteria as R4 CodeSystem: the protocol's words define each code, its parts stand below it."""

from fhir.resources.R4B.codesystem import CodeSystem, CodeSystemConcept
from fhir.resources.R4B.narrative import Narrative

from cds_service.criteria.trial import Criterion, Trial
from cds_service.export.identifiers import criterion_system
from cds_service.export.narrative import criteria_lines, narrative


def criterion_codes(trial: Trial, digest: str) -> CodeSystem:
    """What the codes of the Group's characteristics mean."""
    return CodeSystem(
        id=trial.id,
        text=narrative(Narrative, f"The ids of the criteria of {trial.id}", criteria_lines(trial)),
        url=criterion_system(trial.id),
        version=digest,
        name=f"CriteriaOf{trial.id}",
        title=f"Criteria of {trial.id}, {trial.short_title}",
        status="active" if trial.reviewed else "draft",
        caseSensitive=True,
        hierarchyMeaning="part-of",
        content="complete",
        concept=[_concept(row) for criterion in trial.criteria for row in (criterion, *criterion.beside)],
    )


def _concept(row: Criterion) -> CodeSystemConcept:
    parts = [_concept(part) for part in row.parts]
    return CodeSystemConcept(
        code=row.id, display=f"{row.kind.value} criterion {row.id}", definition=row.text, concept=parts or None
    )
