"""The elements that nearly every cited resource has, in their exact R4 form.

What has these alone is valid FHIR and is told so at once; everything else is put to `fhir.resources`, which takes ten times as
long. So these types need not be complete, only never milder than the library: a test holds the two side by side.

Source: https://hl7.org/fhir/R4/datatypes.html
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cds_service.fhir.record import Json
from cds_service.json_bytes import UNDECODABLE

_YEAR = "(?:19|20)[0-9]{2}"
_DAY = rf"{_YEAR}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
"""But 29 February, which the library knows to be a day or none."""
_DATE = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}"
_MOMENT = rf"{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9\-.]{1,64}\Z")]
Code = Annotated[str, Meta(pattern=r"\A[!-~]+(?: [!-~]+)*\Z")]
Text = Annotated[str, Meta(min_length=1)]
"""Of any signs: that none of them is odd is asked of the whole resource at once."""
Uri = Text
Date = Annotated[str, Meta(pattern=rf"\A(?:{_DATE})\Z")]
DateTime = Annotated[str, Meta(pattern=rf"\A(?:{_MOMENT}|{_DATE})\Z")]
"""A moment is tried first: most are one, and each of them begins with a date."""
Instant = Annotated[str, Meta(pattern=rf"\A{_MOMENT}\Z")]


class Exact(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """Base of all: another element, a null or another type is not plain."""


class Coding(Exact, frozen=True):
    system: Uri | UnsetType = UNSET
    version: Text | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    display: Text | UnsetType = UNSET
    user_selected: bool | UnsetType = UNSET


class CodeableConcept(Exact, frozen=True):
    coding: list[Coding] | UnsetType = UNSET
    text: Text | UnsetType = UNSET


Concepts = list[CodeableConcept]


class Period(Exact, frozen=True):
    start: DateTime | UnsetType = UNSET
    end: DateTime | UnsetType = UNSET


class Reference(Exact, frozen=True):
    reference: Text | UnsetType = UNSET
    type: Uri | UnsetType = UNSET
    display: Text | UnsetType = UNSET


class Identifier(Exact, frozen=True):
    use: Code | UnsetType = UNSET
    type: CodeableConcept | UnsetType = UNSET
    system: Uri | UnsetType = UNSET
    value: Text | UnsetType = UNSET
    period: Period | UnsetType = UNSET
    assigner: Reference | UnsetType = UNSET


class Quantity(Exact, frozen=True):
    value: float | UnsetType = UNSET
    comparator: Literal["<", "<=", ">=", ">"] | UnsetType = UNSET
    unit: Text | UnsetType = UNSET
    system: Uri | UnsetType = UNSET
    code: Code | UnsetType = UNSET


class Annotation(Exact, frozen=True, kw_only=True):
    text: Text
    time: DateTime | UnsetType = UNSET


class ResourceMeta(Exact, frozen=True):
    version_id: Id | UnsetType = UNSET
    last_updated: Instant | UnsetType = UNSET
    source: Uri | UnsetType = UNSET
    profile: list[Uri] | UnsetType = UNSET
    tag: list[Coding] | UnsetType = UNSET


class Resource(Exact, frozen=True):
    id: Id | UnsetType = UNSET
    meta: ResourceMeta | UnsetType = UNSET
    identifier: list[Identifier] | UnsetType = UNSET


class HumanName(Exact, frozen=True):
    use: Code | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    family: Text | UnsetType = UNSET
    given: list[Text] | UnsetType = UNSET


class Patient(Resource, frozen=True, kw_only=True):
    resource_type: Literal["Patient"]
    active: bool | UnsetType = UNSET
    name: list[HumanName] | UnsetType = UNSET
    gender: Code | UnsetType = UNSET
    birth_date: Date | UnsetType = UNSET


class Condition(Resource, frozen=True, kw_only=True):
    resource_type: Literal["Condition"]
    subject: Reference
    clinical_status: CodeableConcept | UnsetType = UNSET
    verification_status: CodeableConcept | UnsetType = UNSET
    category: Concepts | UnsetType = UNSET
    severity: CodeableConcept | UnsetType = UNSET
    code: CodeableConcept | UnsetType = UNSET
    body_site: Concepts | UnsetType = UNSET
    encounter: Reference | UnsetType = UNSET
    onset_date_time: DateTime | UnsetType = UNSET
    abatement_date_time: DateTime | UnsetType = UNSET
    recorded_date: DateTime | UnsetType = UNSET
    recorder: Reference | UnsetType = UNSET
    asserter: Reference | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET


class ReferenceRange(Exact, frozen=True):
    low: Quantity | UnsetType = UNSET
    high: Quantity | UnsetType = UNSET
    type: CodeableConcept | UnsetType = UNSET
    applies_to: Concepts | UnsetType = UNSET
    text: Text | UnsetType = UNSET


class Valued(Exact, frozen=True, kw_only=True):
    """What an Observation and each of its components may hold; at most one value."""

    code: CodeableConcept
    value_quantity: Quantity | UnsetType = UNSET
    value_codeable_concept: CodeableConcept | UnsetType = UNSET
    value_string: Text | UnsetType = UNSET
    data_absent_reason: CodeableConcept | UnsetType = UNSET
    interpretation: Concepts | UnsetType = UNSET
    reference_range: list[ReferenceRange] | UnsetType = UNSET

    def __post_init__(self) -> None:
        values = (self.value_quantity, self.value_codeable_concept, self.value_string)
        if values.count(UNSET) < len(values) - 1:
            raise ValueError("more than one value")


class Observation(Valued, frozen=True, kw_only=True):
    resource_type: Literal["Observation"]
    status: Code
    id: Id | UnsetType = UNSET
    meta: ResourceMeta | UnsetType = UNSET
    identifier: list[Identifier] | UnsetType = UNSET
    category: Concepts | UnsetType = UNSET
    subject: Reference | UnsetType = UNSET
    encounter: Reference | UnsetType = UNSET
    effective_date_time: DateTime | UnsetType = UNSET
    issued: Instant | UnsetType = UNSET
    performer: list[Reference] | UnsetType = UNSET
    body_site: CodeableConcept | UnsetType = UNSET
    method: CodeableConcept | UnsetType = UNSET
    specimen: Reference | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET
    component: list[Valued] | UnsetType = UNSET


class Dosage(Exact, frozen=True):
    text: Text | UnsetType = UNSET
    as_needed_boolean: bool | UnsetType = UNSET
    route: CodeableConcept | UnsetType = UNSET


class MedicationStatement(Resource, frozen=True, kw_only=True):
    resource_type: Literal["MedicationStatement"]
    status: Code
    subject: Reference
    medication_codeable_concept: CodeableConcept
    effective_period: Period | UnsetType = UNSET
    date_asserted: DateTime | UnsetType = UNSET
    reason_code: Concepts | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET
    dosage: list[Dosage] | UnsetType = UNSET


class MedicationRequest(Resource, frozen=True, kw_only=True):
    resource_type: Literal["MedicationRequest"]
    status: Code
    intent: Code
    subject: Reference
    medication_codeable_concept: CodeableConcept
    category: Concepts | UnsetType = UNSET
    encounter: Reference | UnsetType = UNSET
    authored_on: DateTime | UnsetType = UNSET
    requester: Reference | UnsetType = UNSET
    reason_code: Concepts | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET
    dosage_instruction: list[Dosage] | UnsetType = UNSET


class MedicationAdministration(Resource, frozen=True, kw_only=True):
    resource_type: Literal["MedicationAdministration"]
    status: Code
    subject: Reference
    medication_codeable_concept: CodeableConcept
    effective_period: Period
    reason_code: Concepts | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET


class Procedure(Resource, frozen=True, kw_only=True):
    resource_type: Literal["Procedure"]
    status: Code
    subject: Reference
    code: CodeableConcept | UnsetType = UNSET
    category: CodeableConcept | UnsetType = UNSET
    encounter: Reference | UnsetType = UNSET
    performed_date_time: DateTime | UnsetType = UNSET
    reason_code: Concepts | UnsetType = UNSET
    body_site: Concepts | UnsetType = UNSET
    note: list[Annotation] | UnsetType = UNSET


_DECODERS: dict[str, msgspec.json.Decoder[Exact]] = {
    one.__name__: msgspec.json.Decoder(one)
    for one in (Patient, Condition, Observation, MedicationStatement, MedicationRequest, MedicationAdministration, Procedure)
}


def is_plain(resource_type: str, raw: Json) -> bool:
    """Whether it is surely valid FHIR. If not, it may still be: the library tells."""
    decoder = _DECODERS.get(resource_type)
    if decoder is None:
        return False
    text = bytes(raw)
    try:
        if b"\\" in text and b"\\u" in text:  # put the signs themselves where escapes stand for them
            text = msgspec.json.encode(msgspec.json.decode(text))
        decoder.decode(text)
    except UNDECODABLE:
        return False
    return not _has_odd_signs(text)


_ODD_ESCAPE = re.compile(rb"\\[bfu]")
_ODD_SPACE = re.compile(r"[^\S \t\r\n]")


def _has_odd_signs(text: bytes) -> bool:
    """Whether it may hold a control sign, or white space that FHIR's strings must not be made of alone."""
    if b"\\" in text and _ODD_ESCAPE.search(text):
        return True
    return not text.isascii() and _ODD_SPACE.search(text.decode()) is not None
