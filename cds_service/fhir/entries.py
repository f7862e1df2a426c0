"""Bytes → entries: a Bundle or a lone resource, decoded entry by entry, so that one bad entry never loses the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from cds_service import json_bytes
from cds_service.fhir.record import Entry, Gap, GapReason
from cds_service.fhir.references import canonical, nameless, server_of
from cds_service.fhir.resources import READ, Observation, Resource

T = TypeVar("T")
UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class Head(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What must be known of a resource before it is decoded."""

    resource_type: str


class Identified(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A resource that others may refer to."""

    resource_type: str
    id: str


class Issue(msgspec.Struct, frozen=True, gc=False):
    severity: str | None = None


class OperationOutcome(msgspec.Struct, frozen=True, gc=False):
    issue: list[Issue] | None = None


class BundleLink(msgspec.Struct, frozen=True, gc=False):
    relation: str | None = None
    url: str | None = None


class BundleSearch(msgspec.Struct, frozen=True, gc=False):
    mode: str | None = None


class BundleEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    full_url: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    search: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def url(self) -> str | None:
        return _decoded(self.full_url, str)

    def is_match(self) -> bool:
        """Whether it answers the search, and is not merely included with what does."""
        search = _decoded(self.search, BundleSearch)
        return search is None or search.mode not in ("include", "outcome")


class Bundle(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Bundle whose parts are judged one by one, so that an odd one never loses the others."""

    resource_type: str
    total: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    link: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    entry: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Read:
    """What a Bundle held."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    error: bool = False
    """An OperationOutcome among the entries says that the search failed; remarks and warnings do not count."""
    next_link: str | None = None
    matches: int = 0
    """How many entries answer the search; what was included with them and remarks are not counted."""
    total: int = 0
    """How many the server says that there are; 0 where it does not say."""
    odd_links: bool = False
    """Its links cannot be read, so that nobody knows whether more pages follow."""
    full_urls: dict[str, str] = field(default_factory=dict)

    @property
    def is_cut_off(self) -> bool:
        """More is known to exist than what is here, or may."""
        return self.next_link is not None or self.odd_links or self.total > self.matches


class NotABundleError(ValueError):
    """The bytes are not a Bundle; holds no value of them."""


def decode_bundle(body: bytes) -> Bundle:
    """Raises: NotABundleError."""
    try:
        bundle = msgspec.json.decode(body, type=Bundle)
    except UNDECODABLE as error:
        if (mended := json_bytes.mended(body)) is not None:
            return decode_bundle(mended)
        raise NotABundleError("not a Bundle") from error
    if bundle.resource_type != "Bundle":
        raise NotABundleError("not a Bundle")
    return bundle


def read_bundle_entries(bundle: Bundle) -> Read:
    """All entries that can be read; the others become gaps."""
    opened = [_open(raw) for raw in _raw_entries(bundle)]
    full_urls = _full_urls(entry for entry in opened if entry is not None)
    entries: list[Entry] = []
    gaps: list[Gap] = []
    error = False
    matches = 0
    for bundle_entry in opened:
        raw = None if bundle_entry is None or bundle_entry.resource is msgspec.UNSET else bundle_entry.resource
        head = None if raw is None else _head(raw)
        if bundle_entry is None or raw is None or head is None:
            gaps.append(Gap("Resource", GapReason.UNREADABLE_ENTRY))
        elif head.resource_type == "OperationOutcome":
            error = error or is_error(raw)
            continue
        elif head.resource_type in READ:
            entry = _entry(head, raw, bundle_entry.url(), full_urls)
            if entry is None:
                gaps.append(Gap(head.resource_type, GapReason.UNREADABLE_ENTRY))
            else:
                entries.append(entry)
        matches += bundle_entry is None or bundle_entry.is_match()
    links = _links(bundle)
    following = next((link.url for link in links or () if link.relation == "next" and link.url), None)
    return Read(tuple(entries), tuple(gaps), error, following, matches, _total(bundle), links is None, full_urls)


def _raw_entries(bundle: Bundle) -> list[msgspec.Raw]:
    """Raises: NotABundleError where `entry` is no list; a lone object counts as one."""
    if bundle.entry is msgspec.UNSET:
        return []
    try:
        return msgspec.json.decode(bundle.entry, type=list[msgspec.Raw] | None) or []
    except UNDECODABLE as error:
        if _open(bundle.entry) is not None:
            return [bundle.entry]
        raise NotABundleError("entry is not a list") from error


def _links(bundle: Bundle) -> list[BundleLink] | None:
    """None where they cannot be read."""
    return [] if bundle.link in (msgspec.UNSET, b"null") else _decoded(bundle.link, list[BundleLink])


def _total(bundle: Bundle) -> int:
    return _decoded(bundle.total, int) or 0


def _decoded(raw: msgspec.Raw | msgspec.UnsetType, kind: type[T]) -> T | None:
    """None where it is absent or something else."""
    try:
        return None if raw is msgspec.UNSET else msgspec.json.decode(raw, type=kind)
    except UNDECODABLE:
        return None


def read_resource(body: bytes) -> Entry | None:
    """A lone resource of a type that we read; None if it is none or cannot be read."""
    head = _head(body)
    return None if head is None or head.resource_type not in READ else _entry(head, body, None, {})


def resource_type_of(body: bytes) -> str | None:
    head = _head(body)
    return head.resource_type if head is not None else None


def is_error(raw: "msgspec.Raw | bytes") -> bool:
    """Whether an OperationOutcome says that something failed; one that cannot be read does."""
    try:
        outcome = msgspec.json.decode(raw, type=OperationOutcome)
    except UNDECODABLE:
        return True
    return not outcome.issue or any(issue.severity in ("error", "fatal") for issue in outcome.issue)


def _open(raw: msgspec.Raw) -> BundleEntry | None:
    return _decoded(raw, BundleEntry)


def _head(raw: "msgspec.Raw | bytes") -> Head | None:
    try:
        return msgspec.json.decode(raw, type=Head)
    except UNDECODABLE:
        return None


def _entry(head: Head, raw: "msgspec.Raw | bytes", full_url: str | None, urls: dict[str, str]) -> Entry | None:
    try:
        resource: Resource | Observation = msgspec.json.decode(raw, type=READ[head.resource_type])
    except UNDECODABLE:
        return None
    content = bytes(raw)
    if resource.id:
        reference = f"{head.resource_type}/{resource.id}"
    else:
        reference = canonical(full_url, urls) or nameless(head.resource_type, content)
    return Entry(reference, resource, content, server_of(full_url))


def _full_urls(opened: Iterable[BundleEntry]) -> dict[str, str]:
    """fullUrl → "Type/id", for entries that others may refer to by urn:uuid."""
    found: dict[str, str] = {}
    for entry in opened:
        if (url := entry.url()) and (named := _decoded(entry.resource, Identified)) is not None:
            found[url] = f"{named.resource_type}/{named.id}"
    return found
