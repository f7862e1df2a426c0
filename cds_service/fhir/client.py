"""A patient's FHIR server: reads, and searches with their pages followed to the end."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from cachetools import TTLCache

from cds_service.errors import OutboundError
from cds_service.fhir.entries import NotABundleError, Read, decode_bundle, read_bundle_entries
from cds_service.fhir.record import Entry, Gap, GapReason
from cds_service.fhir.references import canonical
from cds_service.fhir.versions import newest_versions
from cds_service.outbound.door import Door, Reply

LONG_QUERY = 1_500
"""From so many characters on a search is posted: servers refuse long addresses."""

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found. `failed`: why it, or a page of it, could not be had."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failed: GapReason | None = None
    matches: int = 0
    """How many entries the server counted as answers so far."""


class Cache:
    """FHIR answers for a short time, by server, token and query: nobody is shown what another may see."""

    def __init__(self, seconds: float, entries: int = 512) -> None:
        self._answers: TTLCache[tuple[str, str, str], SearchResult] | None = TTLCache(entries, seconds) if seconds > 0 else None
        self._lock = Lock()

    def get(self, key: tuple[str, str, str]) -> SearchResult | None:
        with self._lock:
            return self._answers.get(key) if self._answers is not None else None

    def put(self, key: tuple[str, str, str], result: SearchResult) -> None:
        if self._answers is not None and result.failed is None:
            with self._lock:
                self._answers[key] = result


class FhirClient:
    """One FHIR server as one user: the bearer token goes to this origin and nowhere else."""

    def __init__(self, base: str, token: str | None, door: Door, cache: Cache, max_pages: int = 20) -> None:
        self._base = base.rstrip("/")
        self._door = door
        self._cache = cache
        self._max_pages = max_pages
        self._token_hash = hashlib.sha256((token or "").encode()).hexdigest()
        self._headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def local(self, reference: str, resource_type: str) -> str | None:
        """The id of a resource of this type on this server; None if the reference leads elsewhere."""
        named = canonical(reference)
        here = reference.startswith(f"{self._base}/") or not urlsplit(reference).scheme
        kind, _, identifier = (named or "").partition("/")
        return identifier if here and kind == resource_type and identifier else None

    def read(self, resource_type: str, resource_id: str) -> "bytes | GapReason":
        """A resource's bytes, or why it could not be had."""
        try:
            reply = self._door.get(f"{self._base}/{resource_type}/{resource_id}", self._headers)
        except OutboundError as error:
            return _reason(error)
        return reply.body if reply.status == 200 else _reason_of_status(reply.status)

    def search(self, resource_type: str, parameters: Parameters) -> SearchResult:
        """All pages of a search. An empty value is never sent: some servers then answer with everybody's data."""
        if any(not value for _, value in parameters):
            raise ValueError("a search parameter is empty")
        query = urlencode(parameters)
        key = (self._base, self._token_hash, f"{resource_type}?{query}")
        if (known := self._cache.get(key)) is not None:
            return known
        result = self._all_pages(resource_type, parameters, query)
        self._cache.put(key, result)
        return result

    def rest_of(self, next_link: str) -> SearchResult:
        """The pages behind a `next` link that the EHR sent along."""
        url = self._on_this_server(next_link)
        if url is None:
            return SearchResult(failed=GapReason.INCOMPLETE)
        return self._follow(url, SearchResult())

    def _all_pages(self, resource_type: str, parameters: Parameters, query: str) -> SearchResult:
        url = f"{self._base}/{resource_type}"
        try:
            if len(url) + len(query) > LONG_QUERY:
                reply = self._door.post_form(f"{url}/_search", self._headers, parameters)
            else:
                reply = self._door.get(f"{url}?{query}", self._headers)
        except OutboundError as error:
            return SearchResult(failed=_reason(error))
        return self._page(reply, SearchResult(), 1, frozenset({url}))

    def _follow(self, url: str, before: SearchResult, page: int = 1, seen: frozenset[str] = frozenset()) -> SearchResult:
        if url in seen or page > self._max_pages:
            return replace(before, failed=GapReason.INCOMPLETE)
        try:
            reply = self._door.get(url, self._headers)
        except OutboundError as error:
            return replace(before, failed=_reason(error))
        return self._page(reply, before, page, seen | {url})

    def _page(self, reply: Reply, before: SearchResult, page: int, seen: frozenset[str]) -> SearchResult:
        read = _read_page(reply)
        if isinstance(read, GapReason):
            return replace(before, failed=GapReason.INCOMPLETE if page > 1 else read)
        together = SearchResult(
            tuple(newest_versions((*before.entries, *read.entries))),
            (*before.gaps, *read.gaps),
            GapReason.INCOMPLETE if read.error else None,
            before.matches + read.matches,
        )
        if read.next_link is None or read.error:
            cut_off = read.error or read.odd_links or read.total > together.matches
            return replace(together, failed=GapReason.INCOMPLETE if cut_off else None)
        url = self._on_this_server(read.next_link)
        return self._follow(url, together, page + 1, seen) if url else replace(together, failed=GapReason.INCOMPLETE)

    def _on_this_server(self, link: str) -> str | None:
        """A `next` link on this server's own base; behind a proxy the host may differ while the path is the base's own."""
        base, target = urlsplit(self._base), urlsplit(urljoin(f"{self._base}/", link))
        same_host = target.netloc.lower() == base.netloc.lower()
        inside = same_host and target.path.startswith(f"{base.path}/") and ".." not in unquote(target.path).split("/")
        if not inside and target.path != base.path:
            return None
        return f"{base.scheme}://{base.netloc}{target.path}?{target.query}"


def _read_page(reply: Reply) -> Read | GapReason:
    if reply.status != 200:
        return _reason_of_status(reply.status)
    try:
        read = read_bundle_entries(decode_bundle(reply.body))
    except NotABundleError:
        return GapReason.SERVER_ERROR
    return GapReason.OPERATION_OUTCOME if read.error and not read.entries else read


def _reason(error: OutboundError) -> GapReason:
    by_reason = {"timeout": GapReason.TIMEOUT, "too-large": GapReason.INCOMPLETE}
    return by_reason.get(error.reason, GapReason.UNREACHABLE)


def _reason_of_status(status: int) -> GapReason:
    if status in (401, 403):
        return GapReason.NO_ACCESS
    if status in (400, 404, 405, 410, 501):
        return GapReason.NOT_OFFERED
    return GapReason.SERVER_ERROR
