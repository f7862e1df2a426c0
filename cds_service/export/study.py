"""A trial as ResearchStudy, R4 and R5: what it is, who runs it and where, and the registry's status with its date.

The two releases have other codes for a study's status. R4 has none for "unknown" and insists on one: "approved" is then said,
which is true of any study that ever recruited and invites nobody. The registry's own word and its day always stand beside, in
an extension of ours.
"""

from fhir.resources import (
    attachment,
    codeableconcept,
    codeablereference,
    coding,
    extension,
    identifier,
    reference,
    relatedartifact,
)
from fhir.resources import narrative as r5_narrative
from fhir.resources import researchstudy as r5
from fhir.resources.R4B import codeableconcept as r4_codeableconcept
from fhir.resources.R4B import coding as r4_coding
from fhir.resources.R4B import extension as r4_extension
from fhir.resources.R4B import identifier as r4_identifier
from fhir.resources.R4B import narrative as r4_narrative
from fhir.resources.R4B import reference as r4_reference
from fhir.resources.R4B import relatedartifact as r4_relatedartifact
from fhir.resources.R4B import researchstudy as r4

from cds_service.criteria.trial import Site, Trial
from cds_service.export.extras import extensions
from cds_service.export.identifiers import REGISTRY
from cds_service.export.narrative import narrative
from cds_service.export.sentences import about_study

R4_UNKNOWN = "approved"
R4_STATUS = {
    "unknown": R4_UNKNOWN,
    "not yet recruiting": "approved",
    "recruiting": "active",
    "enrolling by invitation": "active",
    "active, not recruiting": "closed-to-accrual",
    "suspended": "temporarily-closed-to-accrual",
    "terminated": "administratively-completed",
    "completed": "completed",
    "withdrawn": "withdrawn",
}
"""The registry's recruitment status → http://hl7.org/fhir/research-study-status of R4."""

R5_STATUS = {
    "not yet recruiting": "not-yet-recruiting",
    "recruiting": "recruiting",
    "enrolling by invitation": "enrolling-by-invitation",
    "active, not recruiting": "active-but-not-recruiting",
    "suspended": "temporarily-closed-to-accrual",
    "terminated": "terminated",
    "completed": "completed",
    "withdrawn": "withdrawn",
}
"""The registry's recruitment status → http://hl7.org/fhir/research-study-status of R5."""

PHASES = {
    "not applicable": "n-a",
    "early 1": "early-phase-1",
    "1": "phase-1",
    "1/2": "phase-1-phase-2",
    "2": "phase-2",
    "2/3": "phase-2-phase-3",
    "3": "phase-3",
    "4": "phase-4",
}
"""The registry's phase → research-study-phase, the same codes in both releases."""


def research_study_r4(trial: Trial) -> r4.ResearchStudy:
    """Its `enrollment` is the Group of those whom it looks for."""
    phase = PHASES.get(trial.phase)
    phase_coding = r4_coding.Coding(system="http://terminology.hl7.org/CodeSystem/research-study-phase", code=phase)
    return r4.ResearchStudy(
        id=trial.id,
        text=narrative(r4_narrative.Narrative, _told(trial)),
        extension=extensions(r4_extension.Extension, about_study(trial)),
        identifier=[r4_identifier.Identifier(system=REGISTRY, value=trial.id)],
        title=trial.title,
        status=R4_STATUS.get(trial.recruitment.status, R4_UNKNOWN),
        phase=r4_codeableconcept.CodeableConcept(coding=[phase_coding] if phase else None, text=f"phase {trial.phase}"),
        focus=[r4_codeableconcept.CodeableConcept(text=trial.product)],
        relatedArtifact=[
            r4_relatedartifact.RelatedArtifact(type="documentation", label=trial.protocol_source, url=trial.protocol_url)
        ],
        enrollment=[r4_reference.Reference(reference=f"Group/{trial.id}")],
        sponsor=r4_reference.Reference(display=trial.sponsor),
        site=[r4_reference.Reference(display=_place(trial.site))],
    )


def research_study_r5(trial: Trial) -> r5.ResearchStudy:
    """Its `recruitment.eligibility` is the EvidenceVariable with the criteria."""
    concept = codeableconcept.CodeableConcept
    status, phase = R5_STATUS.get(trial.recruitment.status), PHASES.get(trial.phase)
    status_coding = coding.Coding(system="http://hl7.org/fhir/research-study-status", code=status)
    phase_coding = coding.Coding(system="http://hl7.org/fhir/research-study-phase", code=phase)
    sponsor = coding.Coding(system="http://hl7.org/fhir/research-study-party-role", code="sponsor")
    document = attachment.Attachment(url=trial.protocol_url)
    return r5.ResearchStudy(
        id=trial.id,
        text=narrative(r5_narrative.Narrative, _told(trial)),
        extension=extensions(extension.Extension, about_study(trial)),
        identifier=[identifier.Identifier(system=REGISTRY, value=trial.id)],
        title=trial.title,
        status="active",  # of this resource, not of the study
        phase=concept(coding=[phase_coding] if phase else None, text=f"phase {trial.phase}"),
        focus=[codeablereference.CodeableReference(concept=concept(text=trial.product))],
        relatedArtifact=[relatedartifact.RelatedArtifact(type="documentation", label=trial.protocol_source, document=document)],
        progressStatus=[
            r5.ResearchStudyProgressStatus(
                state=concept(coding=[status_coding] if status else None, text=trial.recruitment.status)
            )
        ],
        associatedParty=[r5.ResearchStudyAssociatedParty(name=trial.sponsor, role=concept(coding=[sponsor]))],
        site=[reference.Reference(display=_place(trial.site))],
        recruitment=r5.ResearchStudyRecruitment(eligibility=reference.Reference(reference=f"EvidenceVariable/{trial.id}")),
    )


def _place(site: Site) -> str:
    return f"{site.name}, {site.city}"


def _told(trial: Trial) -> str:
    return f"{trial.id}, {trial.title}; {trial.recruitment.status} on {trial.recruitment.as_of}, {trial.recruitment.source}"
