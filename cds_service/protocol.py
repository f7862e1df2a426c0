"""CDS Hooks 2.0 on the wire: requests, discovery entries, cards. JSON names stand only here.

Requests are read tolerantly (unknown members pass, 1.x requests too); answers are written strictly: no nulls, no empties.
Source: https://cds-hooks.hl7.org/2.0
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from cds_service import json_bytes
from cds_service.errors import MalformedRequest, WrongPatient

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class WireStruct(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of all: camelCase; what has no value is left out."""


class FhirAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """The token for the EHR's FHIR server; its members keep their OAuth names. Transient: never stored or logged."""

    access_token: str
    token_type: str | None = None
    expires_in: int | None = None
    scope: str | None = None
    subject: str | None = None
    patient: str | None = None


class Context(WireStruct, frozen=True, kw_only=True):
    user_id: str | None = None
    patient_id: str | None = None
    encounter_id: str | None = None


class RawRequest(WireStruct, frozen=True, kw_only=True):
    """A request as it came: what is required is checked apart, so that the error can name it."""

    hook: str | None = None
    hook_instance: str | None = None
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    context: Context | None = None
    prefetch: dict[str, msgspec.Raw] | UnsetType | None = UNSET


class HookRequest(WireStruct, frozen=True, kw_only=True):
    """A `patient-view` call. `prefetch` holds each resource undecoded; a key that is null holds `null`."""

    hook: str
    hook_instance: str
    patient_id: str
    user_id: str
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    prefetch: Mapping[str, msgspec.Raw] = {}

    def is_clinician(self) -> bool:
        """Cards are for clinicians, never for the patient or relatives."""
        return self.user_id.split("/")[0] in ("Practitioner", "PractitionerRole")


def decode_request(body: bytes, hook: str) -> HookRequest:
    """Raises: MalformedRequest naming the member; WrongPatient."""
    try:
        raw = msgspec.json.decode(body, type=RawRequest)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"the request does not have the right shape: {place(error)}") from error
    except json_bytes.UNDECODABLE as error:
        if (mended := json_bytes.mended(body)) is not None:
            return decode_request(mended, hook)
        raise MalformedRequest("the body is not JSON") from error
    context = raw.context
    if context is None:
        raise MalformedRequest("context is missing")
    required = {
        "hook": raw.hook,
        "hookInstance": raw.hook_instance,
        "context.patientId": context.patient_id,
        "context.userId": context.user_id,
    }
    for name, value in required.items():
        if not value:
            raise MalformedRequest(f"{name} is missing")
    if raw.hook != hook:
        raise MalformedRequest(f"hook is not {hook}, which this service answers")
    if not _ID.fullmatch(context.patient_id or ""):
        raise MalformedRequest("context.patientId is not a FHIR id; send the id alone, without a resource type")
    if raw.fhir_authorization is not None and raw.fhir_authorization.patient not in (None, context.patient_id):
        raise WrongPatient("fhirAuthorization.patient is not context.patientId")
    return HookRequest(
        hook=raw.hook,
        hook_instance=raw.hook_instance or "",
        patient_id=context.patient_id or "",
        user_id=context.user_id or "",
        fhir_server=raw.fhir_server,
        fhir_authorization=raw.fhir_authorization,
        prefetch=raw.prefetch if isinstance(raw.prefetch, dict) else {},
    )


def place(error: msgspec.ValidationError) -> str:
    """The path that msgspec names, without any value."""
    match = re.search(r"`(\$[^`]*)`$", str(error))
    return match[1] if match else "$"


class ServiceEntry(WireStruct, frozen=True, kw_only=True):
    """A service in discovery. `prefetch`: key → FHIR query with tokens."""

    hook: str
    id: str
    title: str
    description: str
    usage_requirements: str
    prefetch: dict[str, str]


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    services: Sequence[ServiceEntry]


class Coding(WireStruct, frozen=True, kw_only=True):
    code: str
    system: str
    display: str


class Source(WireStruct, frozen=True, kw_only=True):
    label: str
    url: str | UnsetType = UNSET
    topic: Coding


class Link(WireStruct, frozen=True, kw_only=True):
    label: str
    url: str
    type: str


class Action(WireStruct, frozen=True, kw_only=True):
    """`resource` is the whole FHIR resource that is created or updated."""

    type: str
    description: str
    resource: msgspec.Raw


class Suggestion(WireStruct, frozen=True, kw_only=True):
    label: str
    uuid: str
    actions: list[Action]


class Card(WireStruct, frozen=True, kw_only=True):
    """`summary` is shorter than 140 characters, `detail` is GitHub-flavoured Markdown without HTML."""

    uuid: str
    summary: str
    indicator: str
    source: Source
    detail: str | UnsetType = UNSET
    suggestions: list[Suggestion] | UnsetType = UNSET
    selection_behavior: str | UnsetType = UNSET
    links: list[Link] | UnsetType = UNSET
    override_reasons: list[Coding] | UnsetType = UNSET

    @property
    def topic(self) -> str:
        """The code of what it is about: a trial, or a kind of summary."""
        return self.source.topic.code


class CdsResponse(msgspec.Struct, frozen=True, kw_only=True):
    cards: list[Card]


NO_CARDS = CdsResponse(cards=[])


def encode(message: CdsResponse | Discovery) -> bytes:
    return msgspec.json.encode(message)
