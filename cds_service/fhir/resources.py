"""The part of FHIR R4 that the criteria read, as Structs: typed, and tolerant of all else that is there.

Every element is optional and repeating elements accept a lone object, since one odd element must never lose a resource.
Codes and dates stay text: they are judged in `facts.extract`, so that no decoding error can hold a value.

Source: https://hl7.org/fhir/R4/resourcelist.html
"""

from decimal import Decimal
from typing import get_args

import msgspec


class Struct(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of all: camelCase on the wire, unknown elements ignored."""


class Coding(Struct, frozen=True, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct, frozen=True, gc=False):
    """Hashable, so that each distinct concept of a record is looked up once."""

    coding: tuple[Coding, ...] | Coding | None = None
    text: str | None = None


class Reference(Struct, frozen=True, gc=False):
    reference: str | None = None
    display: str | None = None


class Period(Struct, frozen=True, gc=False):
    start: str | None = None
    end: str | None = None


class Quantity(Struct, frozen=True, gc=False):
    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Struct, frozen=True, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct, frozen=True, gc=False):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Meta(Struct, frozen=True, gc=False):
    version_id: str | None = None
    last_updated: str | None = None


class Resource(Struct, frozen=True, gc=False, tag_field="resourceType"):
    """Base of the resource types, which are told apart by `resourceType` and go by the names of their classes."""

    id: str | None = None
    meta: Meta | None = None

    @property
    def resource_type(self) -> str:
        return type(self).__name__


class Annotation(Struct, frozen=True, gc=False):
    text: str | None = None


class PatientLink(Struct, frozen=True, gc=False):
    type: str | None = None


class Patient(Resource, frozen=True, gc=False, tag=True):
    active: bool | None = None
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    link: list[PatientLink] | PatientLink | None = None


class Condition(Resource, frozen=True, gc=False, tag=True):
    subject: Reference | None = None
    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    code: CodeableConcept | None = None
    body_site: list[CodeableConcept] | CodeableConcept | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_boolean: bool | None = None
    abatement_string: str | None = None
    recorded_date: str | None = None
    note: list[Annotation] | Annotation | None = None


class ReferenceRange(Struct, frozen=True, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    applies_to: list[CodeableConcept] | CodeableConcept | None = None
    age: Range | None = None
    text: str | None = None


class ObservationValue(Struct, frozen=True, gc=False):
    """What an Observation and each of its components may hold."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None
    reference_range: list[ReferenceRange] | ReferenceRange | None = None


class Observation(ObservationValue, frozen=True, gc=False, tag_field="resourceType", tag=True):
    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    method: CodeableConcept | None = None
    specimen: Reference | None = None
    body_site: CodeableConcept | None = None
    component: list[ObservationValue] | ObservationValue | None = None
    has_member: list[Reference] | Reference | None = None
    note: list[Annotation] | Annotation | None = None

    @property
    def resource_type(self) -> str:
        return type(self).__name__


class Medication(Resource, frozen=True, gc=False, tag=True):
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: "list[MedicationIngredient] | MedicationIngredient | None" = None


class MedicationIngredient(Struct, frozen=True, gc=False):
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class TimingRepeat(Struct, frozen=True, gc=False):
    bounds_period: Period | None = None
    count: int | None = None


class Timing(Struct, frozen=True, gc=False):
    repeat: TimingRepeat | None = None
    event: list[str] | str | None = None


class DoseAndRate(Struct, frozen=True, gc=False):
    dose_quantity: Quantity | None = None


class Dosage(Struct, frozen=True, gc=False):
    """How a medicine is taken; `dose` is MedicationAdministration's, `dose_and_rate` the others'."""

    text: str | None = None
    dose: Quantity | None = None
    dose_and_rate: list[DoseAndRate] | DoseAndRate | None = None
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    route: CodeableConcept | None = None


class DispenseRequest(Struct, frozen=True, gc=False):
    validity_period: Period | None = None


class MedicationEvent(Resource, frozen=True, gc=False):
    """What MedicationStatement, -Request, -Administration and -Dispense share."""

    status: str | None = None
    subject: Reference | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    contained: list[msgspec.Raw] | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    reason_code: list[CodeableConcept] | CodeableConcept | None = None
    reason_reference: list[Reference] | Reference | None = None
    note: list[Annotation] | Annotation | None = None


class MedicationStatement(MedicationEvent, frozen=True, gc=False, tag=True):
    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None
    dosage: list[Dosage] | Dosage | None = None


class MedicationRequest(MedicationEvent, frozen=True, gc=False, tag=True):
    intent: str | None = None
    do_not_perform: bool | None = None
    authored_on: str | None = None
    dosage_instruction: list[Dosage] | Dosage | None = None
    dispense_request: DispenseRequest | None = None


class MedicationAdministration(MedicationEvent, frozen=True, gc=False, tag=True):
    effective_date_time: str | None = None
    effective_period: Period | None = None
    dosage: Dosage | None = None


class MedicationDispense(MedicationEvent, frozen=True, gc=False, tag=True):
    when_handed_over: str | None = None
    when_prepared: str | None = None
    days_supply: Quantity | None = None
    dosage_instruction: list[Dosage] | Dosage | None = None


class Procedure(Resource, frozen=True, gc=False, tag=True):
    status: str | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    reason_code: list[CodeableConcept] | CodeableConcept | None = None
    reason_reference: list[Reference] | Reference | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    body_site: list[CodeableConcept] | CodeableConcept | None = None
    note: list[Annotation] | Annotation | None = None


class DiagnosticReport(Resource, frozen=True, gc=False, tag=True):
    status: str | None = None
    subject: Reference | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    code: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    issued: str | None = None
    conclusion: str | None = None
    conclusion_code: list[CodeableConcept] | CodeableConcept | None = None


AnyResource = (
    Patient
    | Condition
    | Observation
    | Medication
    | MedicationStatement
    | MedicationRequest
    | MedicationAdministration
    | MedicationDispense
    | Procedure
    | DiagnosticReport
)
"""The resource types that the criteria read; others in a record are passed over."""

READ = frozenset(kind.__name__ for kind in get_args(AnyResource))
"""Their names."""
