"""A first look at Observations: whose they are and what they are called, before anything else of them is read.

Most charts show no leukaemia, and of most Observations nothing else is ever asked.
"""

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from cds_service.fhir.record import Json
from cds_service.json_bytes import UNDECODABLE


class GlimpsedCoding(msgspec.Struct, frozen=True, gc=False):
    code: str | None = None


class GlimpsedConcept(msgspec.Struct, frozen=True, gc=False):
    coding: list[GlimpsedCoding] | None = None


class GlimpsedSubject(msgspec.Struct, frozen=True, gc=False):
    reference: str | None = None


class GlimpsedComponent(msgspec.Struct, frozen=True, gc=False):
    code: GlimpsedConcept | None = None


class GlimpsedObservation(msgspec.Struct, frozen=True, rename="camel", gc=False, kw_only=True):
    resource_type: Literal["Observation"]
    subject: GlimpsedSubject | None = None
    code: GlimpsedConcept | None = None
    component: list[GlimpsedComponent] | None = None


class GlimpsedEntry(msgspec.Struct, frozen=True, gc=False):
    resource: GlimpsedObservation


class GlimpsedBundle(msgspec.Struct, frozen=True, rename="camel", gc=False, kw_only=True):
    resource_type: Literal["Bundle"]
    entry: list[GlimpsedEntry] = []


_BUNDLE = msgspec.json.Decoder(GlimpsedBundle | None)


class Subject(Protocol):
    """Whoever a result is of."""

    @property
    def reference(self) -> str | None: ...


def surely_of(patient: str, subjects: Iterable[Subject | None]) -> bool:
    """Whether all are this patient by the very reference, or nobody: any other must be looked into."""
    return {subject.reference for subject in subjects if subject is not None} <= {patient, None}


def codes_of(body: Json, patient: str) -> frozenset[str] | None:
    """The codes, without their systems, of all Observations and their components in a Bundle.

    None where only reading it tells: it holds something else, or something odd, or what may be another patient's.
    """
    try:
        bundle = _BUNDLE.decode(body)
    except UNDECODABLE:
        return None
    if bundle is None:  # null is how some EHRs say that there is nothing
        return frozenset()
    observations = [entry.resource for entry in bundle.entry]
    if not surely_of(patient, [one.subject for one in observations]):
        return None
    tests = [one.code for one in observations]
    tests += [component.code for one in observations if one.component for component in one.component]
    return frozenset([coding.code for test in tests if test is not None for coding in test.coding or () if coding.code])
