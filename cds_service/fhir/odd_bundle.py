"""A Bundle that holds anything odd, opened part by part, so that one bad part never loses the others."""

import sys
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from cds_service import json_bytes
from cds_service.fhir.bundle_elements import AboutEntry, BundleLink, BundleSearch, NotABundleError
from cds_service.fhir.record import Json
from cds_service.json_bytes import UNDECODABLE

T = TypeVar("T")


NOTHING = msgspec.Raw(b"")
"""In the place of a resource that is not there: it decodes as none."""


class RawEntry(AboutEntry, frozen=True, gc=False):
    resource: msgspec.Raw = NOTHING


NO_ENTRY = RawEntry()
"""In the place of an entry that is none."""


class OddEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An entry of which each part is judged alone."""

    full_url: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    resource: msgspec.Raw = NOTHING
    search: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class OddBundle(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Bundle of which each part is judged alone."""

    resource_type: str
    total: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    link: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    entry: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_BUNDLE = msgspec.json.Decoder(OddBundle)
_ENTRIES = msgspec.json.Decoder(list[RawEntry] | None)


def decode_odd(body: Json) -> OddBundle:
    """Raises: NotABundleError."""
    try:
        bundle = _BUNDLE.decode(body)
    except UNDECODABLE as error:
        if (mended := json_bytes.mended(bytes(body))) is not None:
            return decode_odd(mended)
        raise NotABundleError("not a Bundle") from error
    if bundle.resource_type != "Bundle":
        raise NotABundleError("not a Bundle")
    return bundle


def entries_of(bundle: OddBundle) -> Sequence[RawEntry]:
    """All entries at once; where one is odd, one by one.

    Raises: NotABundleError where `entry` is no list; a lone object counts as one.
    """
    if bundle.entry is msgspec.UNSET:
        return []
    try:
        return _ENTRIES.decode(bundle.entry) or []
    except UNDECODABLE:
        return [_open(raw) or NO_ENTRY for raw in _raw_entries(bundle.entry)]


def links_of(bundle: OddBundle) -> list[BundleLink] | None:
    """None where they cannot be read."""
    if bundle.link is msgspec.UNSET:
        return []
    try:
        return msgspec.json.decode(bundle.link, type=list[BundleLink] | None) or []
    except UNDECODABLE:
        return None


def total_of(bundle: OddBundle) -> int:
    """0 where it does not say. A total that is no number says something that nobody can read: then there may be any more."""
    if bundle.total is msgspec.UNSET or bytes(bundle.total) == b"null":
        return 0
    total = decoded(bundle.total, int)
    return total if total is not None else sys.maxsize


def decoded(raw: msgspec.Raw | msgspec.UnsetType, kind: type[T]) -> T | None:
    """None where it is absent or something else."""
    try:
        return None if raw is msgspec.UNSET else msgspec.json.decode(raw, type=kind)
    except UNDECODABLE:
        return None


def _raw_entries(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Raises: NotABundleError."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except UNDECODABLE as error:
        if _open(raw) is not None:
            return [raw]
        raise NotABundleError("entry is not a list") from error


def _open(raw: msgspec.Raw) -> RawEntry | None:
    odd = decoded(raw, OddEntry)
    return None if odd is None else RawEntry(decoded(odd.full_url, str), decoded(odd.search, BundleSearch), odd.resource)
