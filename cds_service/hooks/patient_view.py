"""patient-view: a chart is opened; which cell-therapy trials may fit this patient?"""

from cds_service.cards import Display, cards
from cds_service.evaluation import Findings
from cds_service.hooks.service import CdsService
from cds_service.protocol import CdsResponse, HookRequest, ServiceEntry

PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}&_count=200",
    "laboratory": "Observation?patient={{context.patientId}}&category=laboratory&_sort=-date&_count=200",
    "vitalSigns": "Observation?patient={{context.patientId}}&category=vital-signs&_sort=-date&_count=50",
    "imaging": "Observation?patient={{context.patientId}}&category=imaging&_sort=-date&_count=50",
    "procedureResults": "Observation?patient={{context.patientId}}&category=procedure&_sort=-date&_count=50",
    "assessments": "Observation?patient={{context.patientId}}&category=survey,exam&_sort=-date&_count=100",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}&_count=200",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}&_count=200",
    "medicationAdministrations": "MedicationAdministration?patient={{context.patientId}}&_count=200",
    "procedures": "Procedure?patient={{context.patientId}}&_count=200",
    "diagnosticReports": "DiagnosticReport?patient={{context.patientId}}&_sort=-date&_count=50",
    "marrowBlasts": "Observation?patient={{context.patientId}}&code=11150-0,67128-9,26446-5,709-6&_sort=-date&_count=50",
    "antigens": "Observation?patient={{context.patientId}}&code=51047-9,51048-7,51183-2,42866-4&_sort=-date&_count=50",
}
"""Asked by category, newest first; what is rare, by code. Each is short enough to be typed by an analyst."""


def respond(request: HookRequest, findings: Findings, display: Display) -> CdsResponse:
    return CdsResponse(cards=cards(findings, request.user_id, display))


SERVICE = CdsService(
    ServiceEntry(
        hook="patient-view",
        id="aml-cell-therapy-trials",
        title="Cell-therapy trials in acute myeloid leukaemia",
        description=(
            "Flags patients with relapsed or refractory AML or BPDCN who may meet the criteria of listed CAR-T and CAR-NK "
            "trials, with the evidence for each criterion and what is missing, for review by the care team. FHIR R4. "
            "It does not determine eligibility."
        ),
        usage_requirements=(
            "For clinicians only. Needs the patient and conditions, prefetched or readable from the FHIR server; the other "
            "keys improve the answer. Best fired for patients with a leukaemia diagnosis. A lean variant may send patient and "
            "conditions alone if the FHIR server is readable."
        ),
        prefetch=PREFETCH,
    ),
    respond,
)
