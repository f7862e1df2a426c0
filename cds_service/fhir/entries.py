"""Bytes → entries: a Bundle or a lone resource.

A Bundle is decoded in one pass, as nearly all can be; one that holds anything odd, part by part.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from cds_service import json_bytes
from cds_service.fhir.bundle_elements import AboutBundle, AboutEntry, BundleLink
from cds_service.fhir.odd_bundle import (
    NOTHING,
    RawEntry,
    decode_odd,
    decoded,
    entries_of,
    links_of,
    total_of,
)
from cds_service.fhir.outcomes import gravest, said
from cds_service.fhir.record import Entry, Gap, GapReason, Json
from cds_service.fhir.references import canonical, nameless, tells
from cds_service.fhir.resources import READ, AnyResource
from cds_service.json_bytes import UNDECODABLE
from cds_service.value import Value


class Head(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What must be known of a resource before it is decoded."""

    resource_type: str


class Identified(Head, frozen=True, gc=False):
    """A resource that others may refer to."""

    id: str


class TypedEntry(AboutEntry, frozen=True, gc=False, kw_only=True):
    resource: AnyResource


class TypedBundle(AboutBundle, frozen=True, gc=False, kw_only=True):
    """A Bundle as nearly all are: each entry holds a resource of a type that we read."""

    entry: list[TypedEntry] | None = None


class OriginalEntry(msgspec.Struct, frozen=True, gc=False):
    resource: msgspec.Raw


class OriginalBundle(msgspec.Struct, frozen=True, gc=False):
    """A Bundle that was read, for its resources' bytes."""

    entry: list[OriginalEntry] | None


_BUNDLE = msgspec.json.Decoder(TypedBundle)
_ORIGINALS = msgspec.json.Decoder(OriginalBundle)
_RESOURCE: msgspec.json.Decoder[AnyResource] = msgspec.json.Decoder(AnyResource)


class Read(Value, frozen=True):
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
    full_urls: Mapping[str, str] = {}

    @property
    def is_cut_off(self) -> bool:
        """More is known to exist than what is here, or may."""
        return self.next_link is not None or self.odd_links or self.total > self.matches

    @property
    def lacks(self) -> GapReason | None:
        """What its OperationOutcomes say of it: beside results, an error too means that not all is there."""
        failed_in_part = self.outcome is GapReason.OPERATION_OUTCOME and self.entries
        return GapReason.NOT_WHOLE if failed_in_part else self.outcome


class OriginalsOfBundle:
    """The resources of a Bundle as they came; told apart when the first of them is asked for, since most never are."""

    def __init__(self, bundle: Json) -> None:
        self._bundle = bundle
        self._resources: Sequence[Json] = ()

    def __getitem__(self, place: int) -> Json:
        try:
            return self.all()[place]
        except UNDECODABLE:  # so deep within itself that it can be decoded once, and not again from further down the stack
            return NOTHING

    def all(self) -> Sequence[Json]:
        """In the order of the entries. Raises: what decoding raises."""
        if not self._resources:
            self._resources = [entry.resource for entry in _ORIGINALS.decode(self._bundle).entry or ()]
        return self._resources


def read_bundle_entries(body: Json) -> Read:
    """All entries that can be read; the others become gaps. Raises: NotABundleError."""
    try:
        return _read_in_one_pass(body)
    except UNDECODABLE:
        return read_part_by_part(body)


def _read_in_one_pass(body: Json) -> Read:
    """Raises: what decoding raises."""
    bundle = _BUNDLE.decode(body)
    found = bundle.entry or []
    named = [(one, _name(one.resource)) for one in found]
    originals, full_urls = OriginalsOfBundle(body), _full_urls(named)
    entries: list[Entry] = []
    for place, (one, name) in enumerate(named):
        reference = name or _nameless(one, one.resource, originals.all()[place], full_urls)
        entries.append(Entry(reference, one.resource, originals, place, one.full_url))
    included = [one for one in found if one.search is not None and not one.is_match()]  # mostly nothing is said of the search
    following, odd_links = next_page(bundle.link or [])
    return Read(tuple(entries), (), None, following, len(found) - len(included), bundle.total or 0, odd_links, full_urls)


def read_part_by_part(body: Json) -> Read:
    """The same of a Bundle that holds anything odd. Raises: NotABundleError."""
    bundle = decode_odd(body)
    opened = [(entry, _resource(entry.resource)) for entry in entries_of(bundle)]
    named = [(entry, _name(resource) if resource is not None else _name_of_other(entry)) for entry, resource in opened]
    originals, full_urls = [entry.resource for entry, _ in opened], _full_urls(named)
    entries: list[Entry] = []
    gaps: list[Gap] = []
    said_of_it: list[GapReason | None] = []
    matches = 0
    for place, (entry, resource) in enumerate(opened):
        if resource is not None:
            name = _name(resource) or _nameless(entry, resource, entry.resource, full_urls)
            entries.append(Entry(name, resource, originals, place, entry.full_url))
        elif (kind := resource_type_of(entry.resource)) == "OperationOutcome":
            said_of_it.append(said(entry.resource))
            continue
        elif kind is None or kind in READ:
            gaps.append(Gap(kind or "Resource", GapReason.UNREADABLE_ENTRY))
        matches += entry.is_match()
    following, odd_links = next_page(links_of(bundle))
    return Read(tuple(entries), tuple(gaps), gravest(said_of_it), following, matches, total_of(bundle), odd_links, full_urls)


def read_resource(body: Json) -> Entry | None:
    """A lone resource of a type that we read; None if it is none or cannot be read."""
    resource = _resource(body)
    if resource is not None:
        return Entry(_name(resource) or nameless(resource.resource_type, bytes(body)), resource, (body,))
    mended = json_bytes.mended(bytes(body))
    return read_resource(mended) if mended is not None else None


def resource_type_of(body: Json) -> str | None:
    head = decoded(msgspec.Raw(body), Head)
    return head.resource_type if head is not None else None


def _resource(body: Json) -> AnyResource | None:
    """The resource, typed; None for one of another type, or that cannot be read."""
    try:
        return _RESOURCE.decode(body)
    except UNDECODABLE:
        return None


def next_page(links: Sequence[BundleLink] | None) -> tuple[str | None, bool]:
    """Where the next page is, and whether nobody knows if there is one."""
    further = [link.url for link in links or () if link.relation == "next"]
    following = next(filter(None, further), None)
    return following, links is None or (bool(further) and following is None)


def _name(resource: AnyResource) -> str | None:
    """What others call it: "Type/id"."""
    return f"{type(resource).__name__}/{resource.id}" if resource.id else None


def _name_of_other(entry: RawEntry) -> str | None:
    """The same of a resource of a type that is not read."""
    other = decoded(entry.resource, Identified) if entry.full_url else None
    return f"{other.resource_type}/{other.id}" if other is not None else None


def _nameless(entry: AboutEntry, resource: AnyResource, original: Json, urls: Mapping[str, str]) -> str:
    """What we call a resource without an id: by its fullUrl, else by its content."""
    return canonical(entry.full_url, urls) or nameless(resource.resource_type, bytes(original))


def _full_urls(named: Iterable[tuple[AboutEntry, str | None]]) -> dict[str, str]:
    """fullUrl → "Type/id", for entries that others may refer to by urn:uuid; most addresses tell it themselves."""
    return {entry.full_url: name for entry, name in named if entry.full_url and name and not tells(entry.full_url, name)}
