"""Bytes → entries: a Bundle or a lone resource, decoded entry by entry, so that one bad entry never loses the others."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from cds_service import json_bytes
from cds_service.fhir.outcomes import gravest, said
from cds_service.fhir.record import Entry, Gap, GapReason, Json
from cds_service.fhir.references import canonical, nameless, tells
from cds_service.fhir.resources import READ, AnyResource

T = TypeVar("T")
UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class Head(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What must be known of a resource before it is decoded."""

    resource_type: str


class Identified(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A resource that others may refer to."""

    resource_type: str
    id: str


class BundleLink(msgspec.Struct, frozen=True, gc=False):
    relation: str | None = None
    url: str | None = None


class BundleSearch(msgspec.Struct, frozen=True, gc=False):
    mode: str | None = None


NOTHING = msgspec.Raw(b"")
"""In the place of a resource that is not there: it decodes as none."""


class BundleEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    full_url: str | None = None
    resource: msgspec.Raw = NOTHING
    search: BundleSearch | None = None

    def is_match(self) -> bool:
        """Whether it answers the search, and is not merely included with what does."""
        return self.search is None or self.search.mode not in ("include", "outcome")


NO_ENTRY = BundleEntry()
"""In the place of an entry that is none."""


class OddEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An entry of which each part is judged alone."""

    full_url: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    resource: msgspec.Raw = NOTHING
    search: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Bundle(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Bundle whose parts are judged one by one, so that an odd one never loses the others."""

    resource_type: str
    total: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    link: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    entry: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_BUNDLE = msgspec.json.Decoder(Bundle)
_ENTRIES = msgspec.json.Decoder(list[BundleEntry] | None)
_RESOURCE: msgspec.json.Decoder[AnyResource] = msgspec.json.Decoder(AnyResource)


class Read(msgspec.Struct, frozen=True):
    """What a Bundle held."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    outcome: GapReason | None = None
    """What an OperationOutcome among the entries says against the answer; remarks do not count."""
    next_link: str | None = None
    matches: int = 0
    """How many entries answer the search; what was included with them and remarks are not counted."""
    total: int = 0
    """How many the server says that there are; 0 where it does not say."""
    odd_links: bool = False
    """Its links cannot be read, or the next page has no address, so that nobody knows what follows."""
    full_urls: dict[str, str] = {}

    @property
    def is_cut_off(self) -> bool:
        """More is known to exist than what is here, or may."""
        return self.next_link is not None or self.odd_links or self.total > self.matches

    @property
    def lacks(self) -> GapReason | None:
        """What its OperationOutcomes say of it: beside results, an error too means that not all is there."""
        failed_in_part = self.outcome is GapReason.OPERATION_OUTCOME and self.entries
        return GapReason.NOT_WHOLE if failed_in_part else self.outcome


class NotABundleError(ValueError):
    """The bytes are not a Bundle; holds no value of them."""


def decode_bundle(body: Json) -> Bundle:
    """Raises: NotABundleError."""
    try:
        bundle = _BUNDLE.decode(body)
    except UNDECODABLE as error:
        if (mended := json_bytes.mended(bytes(body))) is not None:
            return decode_bundle(mended)
        raise NotABundleError("not a Bundle") from error
    if bundle.resource_type != "Bundle":
        raise NotABundleError("not a Bundle")
    return bundle


def read_bundle_entries(bundle: Bundle) -> Read:
    """All entries that can be read; the others become gaps."""
    opened = [(entry, _resource(entry)) for entry in _opened(bundle)]
    full_urls = _full_urls(opened)
    entries: list[Entry] = []
    gaps: list[Gap] = []
    said_of_it: list[GapReason | None] = []
    matches = 0
    for bundle_entry, resource in opened:
        if resource is not None:
            entries.append(_entry(resource, bundle_entry, full_urls))
        elif (kind := resource_type_of(bundle_entry.resource)) == "OperationOutcome":
            said_of_it.append(said(bundle_entry.resource))
            continue
        elif kind is None or kind in READ:
            gaps.append(Gap(kind or "Resource", GapReason.UNREADABLE_ENTRY))
        matches += bundle_entry.is_match()
    links = _links(bundle)
    further = [link.url for link in links or () if link.relation == "next"]
    following = next(filter(None, further), None)
    odd = links is None or (bool(further) and following is None)
    return Read(tuple(entries), tuple(gaps), gravest(said_of_it), following, matches, _total(bundle), odd, full_urls)


def _opened(bundle: Bundle) -> Sequence[BundleEntry]:
    """All entries at once; where one is odd, one by one.

    Raises: NotABundleError where `entry` is no list; a lone object counts as one.
    """
    if bundle.entry is msgspec.UNSET:
        return []
    try:
        return _ENTRIES.decode(bundle.entry) or []
    except UNDECODABLE:
        return [_open(raw) or NO_ENTRY for raw in _raw_entries(bundle.entry)]


def _raw_entries(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Raises: NotABundleError."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except UNDECODABLE as error:
        if _open(raw) is not None:
            return [raw]
        raise NotABundleError("entry is not a list") from error


def _open(raw: msgspec.Raw) -> BundleEntry | None:
    odd = _decoded(raw, OddEntry)
    return None if odd is None else BundleEntry(_decoded(odd.full_url, str), odd.resource, _decoded(odd.search, BundleSearch))


def _links(bundle: Bundle) -> list[BundleLink] | None:
    """None where they cannot be read."""
    if bundle.link is msgspec.UNSET:
        return []
    try:
        return msgspec.json.decode(bundle.link, type=list[BundleLink] | None) or []
    except UNDECODABLE:
        return None


def _total(bundle: Bundle) -> int:
    """0 where it does not say. A total that is no number says something that nobody can read: then there may be any more."""
    if bundle.total is msgspec.UNSET or bytes(bundle.total) == b"null":
        return 0
    total = _decoded(bundle.total, int)
    return total if total is not None else sys.maxsize


def _decoded(raw: msgspec.Raw | msgspec.UnsetType, kind: type[T]) -> T | None:
    """None where it is absent or something else."""
    try:
        return None if raw is msgspec.UNSET else msgspec.json.decode(raw, type=kind)
    except UNDECODABLE:
        return None


def read_resource(body: Json) -> Entry | None:
    """A lone resource of a type that we read; None if it is none or cannot be read."""
    entry = BundleEntry(resource=msgspec.Raw(body))
    resource = _resource(entry)
    if resource is not None:
        return _entry(resource, entry, {})
    mended = json_bytes.mended(bytes(body))
    return read_resource(mended) if mended is not None else None


def resource_type_of(body: Json) -> str | None:
    head = _decoded(msgspec.Raw(body), Head)
    return head.resource_type if head is not None else None


def _resource(entry: BundleEntry) -> AnyResource | None:
    """The resource, typed; None for one of another type, or that cannot be read."""
    try:
        return _RESOURCE.decode(entry.resource)
    except UNDECODABLE:
        return None


def _entry(resource: AnyResource, entry: BundleEntry, urls: Mapping[str, str]) -> Entry:
    if resource.id:
        reference = f"{resource.resource_type}/{resource.id}"
    else:
        reference = canonical(entry.full_url, urls) or nameless(resource.resource_type, bytes(entry.resource))
    return Entry(reference, resource, entry.resource, entry.full_url)


def _full_urls(opened: Iterable[tuple[BundleEntry, AnyResource | None]]) -> dict[str, str]:
    """fullUrl → "Type/id", for entries that others may refer to by urn:uuid; most addresses tell it themselves."""
    found: dict[str, str] = {}
    for entry, resource in opened:
        if not entry.full_url:
            continue
        if resource is None:  # of a type that is not read
            other = _decoded(entry.resource, Identified)
            name = other and f"{other.resource_type}/{other.id}"
        else:
            name = resource.id and f"{resource.resource_type}/{resource.id}"
        if name and not tells(entry.full_url, name):
            found[entry.full_url] = name
    return found
