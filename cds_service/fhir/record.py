"""A patient's record as it was had: what was given, what was read, and each gap with its reason."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from cds_service.fhir.references import server_of
from cds_service.fhir.resources import AnyResource, Patient
from cds_service.value import Value


class GapReason(Enum):
    """Why a part of the record is not there. The values are stable codes."""

    NOT_SENT = "not-sent"  # neither prefetched nor readable
    NO_ACCESS = "no-access"  # the FHIR server refused (401, 403)
    SERVER_ERROR = "server-error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    OPERATION_OUTCOME = "operation-outcome"  # the EHR sent an error instead of data
    INCOMPLETE = "incomplete"  # cut off: later pages are missing
    NOT_WHOLE = "not-whole"  # an OperationOutcome beside the results says that something is missing
    WITHHELD = "withheld"  # it says that something may not be seen
    UNREADABLE_ENTRY = "unreadable-entry"
    OTHER_PATIENT = "other-patient"
    INTERNAL_ERROR = "internal-error"  # a fault of our own, while it was read
    NOT_OFFERED = "not-offered"  # the server has no such resource type: no reason for a warning


class Gap(Value, frozen=True):
    """A part of the record that could not be had. Holds no value of the record."""

    resource_type: str
    reason: GapReason
    key: str | None = None
    """The prefetch key, such as `laboratory`; None for a single entry."""


Json = bytes | msgspec.Raw
"""A JSON document in bytes, or a part of one that was not decoded with the rest."""


class Originals(Protocol):
    """Resources as they came, by their place among those that came together."""

    def __getitem__(self, place: int, /) -> Json: ...


class Entry(Value, frozen=True):
    """One resource of the record, typed, and where the bytes are that it came in: a view into the body, not a copy."""

    reference: str
    resource: AnyResource
    originals: Originals
    place: int = 0
    full_url: str | None = None

    @property
    def raw(self) -> Json:
        """The resource as it came."""
        return self.originals[self.place]

    @property
    def server(self) -> str | None:
        """The server that its fullUrl names, if any."""
        return server_of(self.full_url)


class PatientRecord(Value, frozen=True):
    """All that is known of one patient, the newest version of each resource."""

    patient: Patient
    entries: Mapping[str, Sequence[Entry]]
    """By resource type; Medication resources are there to be referred to."""
    searched: frozenset[str]
    """Resource types of which everything was had: only there can silence mean absence."""
    gaps: tuple[Gap, ...] = ()
    by_reference: Mapping[str, Entry] = {}

    def of_type(self, resource_type: str) -> Sequence[Entry]:
        return self.entries.get(resource_type, ())
