"""Is there any sign of the disease at all? A wide net: without a sign nothing else of the record is read.

Minimum necessary: most charts have none, and are left after their conditions.
"""

from collections.abc import Callable, Sequence

from cds_service.facts.concepts import Recogniser, codings, many
from cds_service.fhir import resources as fhir
from cds_service.fhir.record import PatientRecord
from cds_service.terminology.codes import bare
from cds_service.terminology.value_set import AskedOf, Terminology

DIAGNOSES = frozenset(
    {
        "aml",
        "acute_leukemia_unspecified",
        "apl",
        "bpdcn",
        "myeloid_sarcoma",
        "extramedullary_leukemia",
        "history_of_leukemia",
        "leukemia_sign",
    }
)
DRUGS = frozenset({"antileukemic"})
RESULTS = frozenset({"marrow_blasts", "blood_blasts"})


def disease_sign(record: PatientRecord, recogniser: Recogniser) -> bool:
    """A diagnosis that is or may be the disease, an antileukaemic drug, or blasts, in what is at hand.

    Refuted, erroneous and merely suspected diagnoses count here too: they are judged later, with the rest of the record.
    """
    return _diagnosed(record, recogniser) or _treated(record, recogniser) or _has_blasts(record, recogniser.terminology)


def may_be_blasts(terminology: Terminology) -> Callable[[str], bool]:
    """Whether a test of such a code, whatever its system, may count blasts."""
    blasts = terminology.bare_codes(RESULTS)
    return lambda code: bare(code) in blasts


def _diagnosed(record: PatientRecord, recogniser: Recogniser) -> bool:
    for entry in record.of_type("Condition"):
        if isinstance(entry.resource, fhir.Condition):
            recognition = recogniser.recognise(AskedOf.CONDITION, (entry.resource.code,))
            if recognition.named & DIAGNOSES:
                return True
    return False


def _treated(record: PatientRecord, recogniser: Recogniser) -> bool:
    for resource_type in ("MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense"):
        for entry in record.of_type(resource_type):
            if isinstance(entry.resource, fhir.MedicationEvent):
                reference = entry.resource.medication_reference
                names = [reference.display] if reference is not None and reference.display else []
                concept = entry.resource.medication_codeable_concept
                recognition = recogniser.recognise(AskedOf.MEDICATION, (concept,), names)
                if recognition.named & DRUGS:
                    return True
    return False


def _has_blasts(record: PatientRecord, terminology: Terminology) -> bool:
    """By code alone: many results are called after blasts."""
    blasts = terminology.bare_codes(RESULTS)
    for entry in record.of_type("Observation"):
        if isinstance(entry.resource, fhir.Observation) and _is_positive(entry.resource.value_quantity):
            maybe = [test for test in _tests(entry.resource) if test is not None and _has_one_of(blasts, test)]
            if maybe and terminology.recognise(AskedOf.OBSERVATION, codings(*maybe), ()).by_code & RESULTS:
                return True
    return False


def _tests(observation: fhir.Observation) -> Sequence[fhir.CodeableConcept | None]:
    if observation.component is None:
        return (observation.code,)
    return (observation.code, *(component.code for component in many(observation.component)))


def _has_one_of(codes: frozenset[str], concept: fhir.CodeableConcept) -> bool:
    for coding in many(concept.coding):  # noqa: SIM110 - of every Observation of every chart
        if coding.code is not None and bare(coding.code) in codes:
            return True
    return False


def _is_positive(quantity: fhir.Quantity | None) -> bool:
    return quantity is not None and quantity.value is not None and quantity.value.is_finite() and quantity.value > 0
