"""A patient's answers as FHIR R4: for each trial a ResearchSubject with its status and a GuidanceResponse with every answer.

The status is `candidate`, `potential-candidate` or `ineligible`, never more: the rest is the investigator's. The answers, with
their evidence and what is missing, are the GuidanceResponse's output parameters; what would settle an open question is its
`dataRequirement`, and what could not be read its `evaluationMessage`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from fhir.resources.R4B.bundle import Bundle, BundleEntry
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.datarequirement import DataRequirement
from fhir.resources.R4B.device import Device, DeviceDeviceName, DeviceVersion
from fhir.resources.R4B.guidanceresponse import GuidanceResponse
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.narrative import Narrative
from fhir.resources.R4B.operationoutcome import OperationOutcome, OperationOutcomeIssue
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.researchsubject import ResearchSubject
from fhir.resources.R4B.resource import Resource

from cds_service import __version__, wording
from cds_service.criteria.match import CriterionAnswer, Outcome, TrialMatch
from cds_service.criteria.trial import Trial
from cds_service.evaluation import Findings
from cds_service.export.data_requirements import data_requirements
from cds_service.export.identifiers import REGISTRY, criteria_url, stable_uuid, url_of
from cds_service.export.narrative import narrative
from cds_service.export.output_parameters import output_parameters, reference_to
from cds_service.terminology.value_set import Terminology

STATUS = {
    Outcome.CANDIDATE: "candidate",
    Outcome.POSSIBLE: "potential-candidate",
    Outcome.INELIGIBLE: "ineligible",
}
"""Our outcome → http://hl7.org/fhir/research-subject-status."""


def answers_bundle(findings: Findings, as_of: date, terminology: Terminology, trials: Collection[str] = ()) -> Bundle:
    """All trials, or those named. A deceased patient is not evaluated."""
    device = _device(findings.digest)
    answers = _Answers(findings, as_of, terminology, device)
    matches = [match for match in findings.matches if not trials or match.trial.id in trials]
    return _bundle([device, *(resource for match in matches for resource in answers.of(match))])


@dataclass(frozen=True, slots=True)
class _Message:
    """What there is to say of an evaluation beside its answers."""

    severity: str
    code: str
    said: str

    def issue(self) -> OperationOutcomeIssue:
        return OperationOutcomeIssue(severity=self.severity, code=self.code, details=CodeableConcept(text=self.said))


class _Answers:
    """One patient's answers, trial by trial. Resources have ids that a later export of the same patient gives again."""

    def __init__(self, findings: Findings, as_of: date, terminology: Terminology, device: Device) -> None:
        self.findings, self.as_of, self.terminology, self.device = findings, as_of, terminology, device
        has_id = findings.facts.person.reference != "Patient"
        self.patient = reference_to(findings.facts.person.reference) if has_id else Reference(display="a patient without an id")
        self.seed = findings.facts.person.reference if has_id else str(uuid4())

    def of(self, match: TrialMatch) -> Iterator[Resource]:
        if self.findings.facts.person.deceased:
            yield self._response(match, "failure", [_Message("information", "informational", "not evaluated: deceased")], [])
        else:
            gaps = [_Message("warning", "incomplete", wording.gap(gap)) for gap in self.findings.gaps]
            wanted = data_requirements(match, self.terminology)
            yield self._subject(match)
            yield self._response(match, "data-requested" if wanted else "success", gaps, wanted, with_answers=True)

    def _subject(self, match: TrialMatch) -> ResearchSubject:
        status = STATUS[match.outcome]
        return ResearchSubject(
            id=stable_uuid("ResearchSubject", match.trial.id, self.seed),
            text=narrative(Narrative, f"{match.trial.id}, {match.trial.short_title}: {status}"),
            status=status,
            study=_study(match.trial),
            individual=self.patient,
        )

    def _response(
        self,
        match: TrialMatch,
        status: str,
        messages: list[_Message],
        wanted: list[DataRequirement],
        *,
        with_answers: bool = False,
    ) -> GuidanceResponse:
        told = [output_parameters(match, self.findings.facts, self.findings.digest)] if with_answers else []
        outcome = [OperationOutcome(id="messages", issue=[message.issue() for message in messages])] if messages else []
        lines = [_line(answer) for answer in match.answers] if with_answers else [message.said for message in messages]
        return GuidanceResponse(
            id=stable_uuid("GuidanceResponse", match.trial.id, self.seed, self.as_of.isoformat()),
            text=narrative(Narrative, f"{match.trial.id}, {match.trial.short_title}, on {self.as_of}", lines),
            contained=[*told, *outcome] or None,
            moduleCanonical=f"{criteria_url(match.trial.id)}|{self.findings.digest}",
            status=status,
            subject=self.patient,
            occurrenceDateTime=self.as_of,  # type: ignore[arg-type]  # a day is a dateTime, which the library's type does not say
            performer=Reference(reference=_urn(self.device)),
            evaluationMessage=[Reference(reference=f"#{one.id}") for one in outcome] or None,
            outputParameters=Reference(reference="#answers") if with_answers else None,
            dataRequirement=wanted or None,
        )


def _study(trial: Trial) -> Reference:
    return Reference(
        reference=url_of("ResearchStudy", trial.id),
        identifier=Identifier(system=REGISTRY, value=trial.id),
        display=trial.short_title,
    )


def _device(digest: str) -> Device:
    """This program, with the knowledge by which it judged."""
    versions = (("software", __version__), ("knowledge", digest))
    return Device(
        id=stable_uuid("Device", __version__, digest),
        text=narrative(Narrative, f"cds-service {__version__}, knowledge {digest}"),
        status="active",
        deviceName=[DeviceDeviceName(name="cds-service", type="user-friendly-name")],
        type=CodeableConcept(text="clinical decision support"),
        version=[DeviceVersion(type=CodeableConcept(text=kind), value=version) for kind, version in versions],
    )


def _line(answer: CriterionAnswer) -> str:
    said = answer.verdict.answer.value.replace("_", " ")
    confirm = ", to be confirmed" if answer.verdict.confirm else ""
    return f"{answer.criterion.id}, {answer.criterion.kind.value}: {said}{confirm}; {wording.reason(answer.verdict)}"


def _bundle(resources: Iterable[Resource]) -> Bundle:
    return Bundle(type="collection", entry=[BundleEntry(fullUrl=_urn(one), resource=one) for one in resources])


def _urn(resource: Resource) -> str:
    return f"urn:uuid:{resource.id}"
