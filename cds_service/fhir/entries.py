"""Bytes → entries: a Bundle or a lone resource, decoded entry by entry, so that one bad entry never loses the others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from cds_service.fhir.record import Entry, Gap, GapReason
from cds_service.fhir.references import canonical
from cds_service.fhir.resources import READ, Observation, Resource

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
    full_url: str | None = None
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    search: BundleSearch | None = None


class Bundle(msgspec.Struct, frozen=True, rename="camel", gc=False):
    resource_type: str
    type: str | None = None
    total: int | None = None
    link: list[BundleLink] | None = None
    entry: list[msgspec.Raw] | None = None

    def next_link(self) -> str | None:
        return next((link.url for link in self.link or () if link.relation == "next" and link.url), None)


@dataclass(frozen=True, slots=True)
class Read:
    """What a Bundle, or a lone resource, held."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    error: bool = False
    """An OperationOutcome among the entries says that the search failed; remarks and warnings do not count."""
    next_link: str | None = None
    full_urls: dict[str, str] = field(default_factory=dict)


class NotABundleError(ValueError):
    """The bytes are not a Bundle; holds no value of them."""


def decode_bundle(body: bytes) -> Bundle:
    """Raises: NotABundleError."""
    try:
        bundle = msgspec.json.decode(body, type=Bundle)
    except UNDECODABLE as error:
        raise NotABundleError("not a Bundle") from error
    if bundle.resource_type != "Bundle":
        raise NotABundleError("not a Bundle")
    return bundle


def read_bundle_entries(bundle: Bundle) -> Read:
    """All entries that can be read; the others become gaps."""
    opened = [_open(raw) for raw in bundle.entry or ()]
    full_urls = _full_urls(entry for entry in opened if entry is not None)
    entries: list[Entry] = []
    gaps: list[Gap] = []
    error = False
    for position, bundle_entry in enumerate(opened):
        raw = None if bundle_entry is None or bundle_entry.resource is msgspec.UNSET else bundle_entry.resource
        head = None if raw is None else _head(raw)
        if raw is None or head is None:
            gaps.append(Gap("Resource", GapReason.UNREADABLE_ENTRY))
        elif head.resource_type == "OperationOutcome":
            error = error or is_error(raw)
        elif head.resource_type in READ:
            full_url = bundle_entry.full_url if bundle_entry is not None else None
            entry = _entry(head, raw, full_url, position, full_urls)
            if entry is None:
                gaps.append(Gap(head.resource_type, GapReason.UNREADABLE_ENTRY))
            else:
                entries.append(entry)
    return Read(tuple(entries), tuple(gaps), error, bundle.next_link(), full_urls)


def read_resource(body: bytes) -> Entry | None:
    """A lone resource of a type that we read; None if it is none or cannot be read."""
    head = _head(body)
    return None if head is None or head.resource_type not in READ else _entry(head, body, None, 0, {})


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
    try:
        return msgspec.json.decode(raw, type=BundleEntry)
    except UNDECODABLE:
        return None


def _head(raw: "msgspec.Raw | bytes") -> Head | None:
    try:
        return msgspec.json.decode(raw, type=Head)
    except UNDECODABLE:
        return None


def _identified(raw: msgspec.Raw) -> Identified | None:
    try:
        return msgspec.json.decode(raw, type=Identified)
    except UNDECODABLE:
        return None


def _entry(head: Head, raw: "msgspec.Raw | bytes", full_url: str | None, position: int, urls: dict[str, str]) -> Entry | None:
    try:
        resource: Resource | Observation = msgspec.json.decode(raw, type=READ[head.resource_type])
    except UNDECODABLE:
        return None
    if resource.id:
        reference = f"{head.resource_type}/{resource.id}"
    else:
        reference = canonical(full_url, urls) or f"{head.resource_type}/#{position + 1}"
    return Entry(reference, resource, bytes(raw))


def _full_urls(opened: Iterable[BundleEntry]) -> dict[str, str]:
    """fullUrl → "Type/id", for entries that others may refer to by urn:uuid."""
    found: dict[str, str] = {}
    for entry in opened:
        if entry.full_url and entry.resource is not msgspec.UNSET and (named := _identified(entry.resource)) is not None:
            found[entry.full_url] = f"{named.resource_type}/{named.id}"
    return found


def newest_versions(entries: Sequence[Entry]) -> list[Entry]:
    """One entry a resource: the newest version wins, a later one where nothing tells."""
    newest: dict[str, Entry] = {}
    for entry in entries:
        known = newest.get(entry.reference)
        if known is None or _version(entry) >= _version(known):
            newest[entry.reference] = entry
    return list(newest.values())


def _version(entry: Entry) -> tuple[str, int, str]:
    meta = entry.resource.meta
    version = (meta.version_id if meta is not None else None) or ""
    updated = (meta.last_updated if meta is not None else None) or ""
    return (updated, int(version) if version.isdecimal() else 0, version)
