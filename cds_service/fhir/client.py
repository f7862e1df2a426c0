"""A patient's FHIR server: reads, and searches with their pages followed to the end."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from cachetools import TTLCache

from cds_service.errors import OutboundError
from cds_service.fhir.bundle_elements import NotABundleError
from cds_service.fhir.capabilities import Capabilities
from cds_service.fhir.entries import Read, read_bundle_entries, read_resource
from cds_service.fhir.outcomes import gravest
from cds_service.fhir.readers import Readers
from cds_service.fhir.record import Entry, Gap, GapReason
from cds_service.fhir.references import canonical
from cds_service.fhir.shared_reads import SharedReads
from cds_service.fhir.versions import newest_versions
from cds_service.outbound.door import Door
from cds_service.outbound.retries import Reply

LONG_QUERY = 1_500
"""From so many characters on a search is posted: servers refuse long addresses."""

MEMORY_PER_BYTE = 4
"""What a byte of JSON takes in memory once it is read, measured."""
MEMORY_PER_ANSWER = 2_000
"""Bytes that an answer takes beside, though it be empty."""

_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._~-]+")
"""What stands for itself in an address, and leads to no other place: FHIR's own ids, and longer ones that some servers use."""

Parameters = Sequence[tuple[str, str]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found. `failed`: why it, or a page of it, could not be had."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failed: GapReason | None = None
    matches: int = 0
    """How many entries the server counted as answers so far, each resource once."""
    size: int = 0
    """Bytes of the answers that it was read from."""

    def memory(self) -> int:
        """About how many bytes it takes while it is kept."""
        return self.size * MEMORY_PER_BYTE + MEMORY_PER_ANSWER


@dataclass(frozen=True, slots=True)
class Access:
    """One FHIR server as one user sees one patient. `base` is without a slash at its end."""

    base: str
    token: str | None
    patient_id: str

    @property
    def user(self) -> str:
        """Stands for the token where it must not be kept."""
        return hashlib.sha256(self.token.encode()).hexdigest() if self.token is not None else "nobody"


class Question(NamedTuple):
    """What a kept answer was an answer to: nobody is shown what another may see."""

    server: str
    user: str
    patient: str
    query: str


class Means:
    """What all calls of a process share when they read."""

    def __init__(self, readers: int, *, cache_seconds: float = 0, cache_bytes: int = 0, max_pages: int = 20) -> None:
        """`cache_seconds` or `cache_bytes` of 0 keep nothing."""
        kept: TTLCache[Question, SearchResult] | None = None
        if cache_seconds > 0 and cache_bytes > 0:
            kept = TTLCache(cache_bytes, cache_seconds, getsizeof=SearchResult.memory)
        self.answers: SharedReads[Question, SearchResult] = SharedReads(kept, _is_whole)
        self.readers = Readers(readers)
        self.capabilities = Capabilities()
        self.max_pages = max_pages


class FhirClient:
    """One FHIR server as one user: the bearer token goes to this origin and nowhere else."""

    def __init__(self, access: Access, door: Door, means: Means) -> None:
        self._access = access
        self._base = access.base
        self._door = door
        self._means = means
        self._user = access.user
        self._headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache"}
        if access.token is not None:
            self._headers["Authorization"] = f"Bearer {access.token}"

    def local(self, reference: str, resource_type: str) -> str | None:
        """The id of a resource of this type on this server; None if the reference leads elsewhere."""
        named = canonical(reference)
        here = reference.startswith(f"{self._base}/") or not urlsplit(reference).scheme
        kind, _, identifier = (named or "").partition("/")
        return identifier if here and kind == resource_type and _ID.fullmatch(identifier) else None

    def at_once(self, reads: Sequence[Callable[[], Answer]], instead: Sequence[Callable[[GapReason], Answer]]) -> list[Answer]:
        """What each read gives, side by side; what `instead` makes of those that break, or come after the call's time."""
        return self._means.readers.at_once(reads, self._door.seconds_left, instead)

    def read(self, resource_type: str, resource_id: str) -> SearchResult:
        """A resource, or why it could not be had."""
        return self._had(resource_type, resource_id, lambda: self._instance(resource_type, resource_id))

    def search(self, resource_type: str, parameters: Parameters) -> SearchResult:
        """All pages of a search. An empty value is never sent: some servers then answer with everybody's data."""
        if any(not value for _, value in parameters):
            raise ValueError("a search parameter is empty")
        query = urlencode(parameters)
        return self._had(
            resource_type, f"?{query}", lambda: _of_type(resource_type, self._all_pages(resource_type, parameters, query))
        )

    def rest_of(self, next_link: str) -> SearchResult:
        """The pages behind a `next` link that the EHR sent along."""
        url = self._on_this_server(next_link)
        if url is None:
            return SearchResult(failed=GapReason.INCOMPLETE)
        return self._pages(partial(self._door.get, url, self._headers))

    def _had(self, resource_type: str, query: str, read: Callable[[], SearchResult]) -> SearchResult:
        question = Question(self._base, self._user, self._access.patient_id, f"{resource_type}/{query}")
        try:
            result = self._means.answers.had(question, read, self._door.seconds_left)
        except TimeoutError:
            return SearchResult(failed=GapReason.TIMEOUT)
        if result.failed is not GapReason.NOT_OFFERED or self._means.capabilities.lacks(self._base, resource_type, self._door):
            return result
        return replace(result, failed=GapReason.SERVER_ERROR)  # it is offered, or nobody knows: no reason to be silent

    def _instance(self, resource_type: str, resource_id: str) -> SearchResult:
        try:
            reply = self._door.get(f"{self._base}/{resource_type}/{resource_id}", self._headers)
        except OutboundError as error:
            return SearchResult(failed=_reason(error))
        if reply.status != 200:
            return SearchResult(failed=_reason_of_status(reply.status))
        entry = read_resource(reply.body)
        if entry is None or entry.resource.resource_type != resource_type:
            return SearchResult(failed=GapReason.UNREADABLE_ENTRY)
        return SearchResult((entry,), matches=1, size=len(reply.body))

    def _all_pages(self, resource_type: str, parameters: Parameters, query: str) -> SearchResult:
        url = f"{self._base}/{resource_type}"
        if len(url) + len(query) > LONG_QUERY:
            return self._pages(lambda: self._door.search_form(f"{url}/_search", self._headers, parameters))
        return self._pages(lambda: self._door.get(f"{url}?{query}", self._headers))

    def _pages(self, ask: Callable[[], Reply]) -> SearchResult:
        """Page after page, to the end or to where it breaks off: what came until then is kept."""
        pages: list[Read] = []
        size = 0
        seen: set[str] = set()
        while True:
            try:
                reply = ask()
            except OutboundError as error:
                return _together(pages, size, _reason(error))
            read = _read_page(reply)
            if isinstance(read, GapReason):
                return _together(pages, size, GapReason.INCOMPLETE if pages else read)
            pages.append(read)
            size += len(reply.body)
            if read.next_link is None or read.outcome is GapReason.OPERATION_OUTCOME:
                return _together(pages, size, GapReason.INCOMPLETE if read.odd_links else None)
            url = self._on_this_server(read.next_link)
            if url is None or url in seen or len(pages) >= self._means.max_pages:
                return _together(pages, size, GapReason.INCOMPLETE)
            seen.add(url)
            ask = partial(self._door.get, url, self._headers)

    def _on_this_server(self, link: str) -> str | None:
        """A `next` link on this server's own base; behind a proxy the host may differ while the path is the base's own."""
        base = urlsplit(self._base)
        try:
            target = urlsplit(urljoin(f"{self._base}/", link))
        except ValueError:  # no address at all, such as "http://[::1"
            return None
        same_host = target.netloc.lower() == base.netloc.lower()
        inside = same_host and target.path.startswith(f"{base.path}/") and ".." not in unquote(target.path).split("/")
        if not inside and target.path != base.path:
            return None
        return f"{base.scheme}://{base.netloc}{target.path}?{target.query}"


def _is_whole(result: SearchResult) -> bool:
    return result.failed is None and not result.gaps


def _of_type(resource_type: str, result: SearchResult) -> SearchResult:
    """A search for one type that finds only others was not understood: there is no telling what it lacks."""
    answers = not result.matches or result.gaps or any(e.resource.resource_type == resource_type for e in result.entries)
    return result if answers or result.failed is not None else replace(result, failed=GapReason.SERVER_ERROR)


def _together(pages: Sequence[Read], size: int, failed: GapReason | None) -> SearchResult:
    """What all pages hold, each resource once: an entry that stands on two pages makes up for none that is missing."""
    every = [entry for page in pages for entry in page.entries]
    entries = newest_versions(every)
    matches = sum(page.matches for page in pages) - (len(every) - len(entries))
    failed = gravest(page.lacks for page in pages) or failed
    if failed is None and max(page.total for page in pages) > matches:
        failed = GapReason.INCOMPLETE
    return SearchResult(tuple(entries), tuple(gap for page in pages for gap in page.gaps), failed, matches, size)


def _read_page(reply: Reply) -> Read | GapReason:
    if reply.status != 200:
        return _reason_of_status(reply.status)
    try:
        read = read_bundle_entries(reply.body)
    except NotABundleError:
        return GapReason.SERVER_ERROR
    return read.lacks if read.lacks is GapReason.OPERATION_OUTCOME else read


_GAPS = {
    "timeout": GapReason.TIMEOUT,
    "too-large": GapReason.INCOMPLETE,
    "server-error": GapReason.SERVER_ERROR,
    "unreadable": GapReason.SERVER_ERROR,
    "redirect-refused": GapReason.SERVER_ERROR,
}


def _reason(error: OutboundError) -> GapReason:
    return _GAPS.get(error.reason, GapReason.UNREACHABLE)


def _reason_of_status(status: int) -> GapReason:
    if status in (401, 403):
        return GapReason.NO_ACCESS
    if status in (400, 404, 405, 501):
        return GapReason.NOT_OFFERED
    return GapReason.SERVER_ERROR
