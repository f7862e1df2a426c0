"""How a hook call is answered, top to bottom. Everything that is read from outside is an argument."""

from datetime import date
from zoneinfo import ZoneInfo

from cds_service import metrics, tracing
from cds_service.cards import Display
from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import evaluate
from cds_service.facts.concepts import Recogniser
from cds_service.facts.disease_sign import disease_sign, may_be_blasts
from cds_service.facts.extract import person
from cds_service.facts.observations import may_be_asked_for
from cds_service.fhir import prefetch
from cds_service.fhir.client import FhirClient
from cds_service.hooks.service import CdsService
from cds_service.protocol import NO_CARDS, CdsResponse, HookRequest


def answer(
    service: CdsService,
    request: HookRequest,
    knowledge: Knowledge,
    fhir: FhirClient | None,
    as_of: date,
    zone: ZoneInfo,
    display: Display,
) -> CdsResponse:
    """Answer one hook call. `fhir` is None where the EHR gave no access.

    Raises: WrongPatient; DataUnavailable where patient or conditions cannot be had and nothing shows the disease.
    """
    begun = prefetch.begin(request, service.entry.prefetch, fhir)  # patient and conditions, read if need be; results wait
    recogniser = Recogniser(knowledge.terminology)
    shows_the_disease = _shows_the_disease(begun, recogniser)
    who = person(begun.record().patient, zone)
    if who.deceased or who.inactive:
        return NO_CARDS
    if not shows_the_disease:  # most charts end here, and nothing else of them is read
        prefetch.require_the_basis(begun)
        return NO_CARDS
    earliest = knowledge.assumptions.longest_window(as_of)
    record = prefetch.complete(begun, fhir, earliest)  # the rest of the record, with its gaps
    metrics.gaps_found(gap.reason.value for gap in record.gaps)
    with tracing.span("evaluate"):
        return service.respond(request, evaluate(record, knowledge, as_of, zone, recogniser), display)


def _shows_the_disease(begun: prefetch.Begun, recogniser: Recogniser) -> bool:
    """Results are read for it only where something else is a sign, or one of them has a code that may be one; and of them
    those that a criterion may ask for.

    All is judged together: among what waited may stand a newer version of what seemed to be a sign.
    Raises: WrongPatient.
    """
    if not disease_sign(begun.record(), recogniser) and not begun.may_hold(may_be_blasts(recogniser.terminology)):
        return False
    begun.read_results(may_be_asked_for(recogniser))
    return disease_sign(begun.record(), recogniser)
