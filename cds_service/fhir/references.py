"""References between resources, compared by type and id: relative, absolute, versioned or urn:uuid."""

import hashlib
import re
from collections.abc import Mapping

_TYPE_AND_ID = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[^/\s?#|]+)(?:/_history/[^/]+)?$")

_PLAIN = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]+")


def canonical(reference: str | None, full_urls: Mapping[str, str] | None = None) -> str | None:
    """ "Type/id" of a reference; None where it names no resource. `full_urls`: a Bundle's fullUrls → "Type/id"."""
    if not reference:
        return None
    if full_urls is not None and reference in full_urls:
        return full_urls[reference]
    match = _TYPE_AND_ID.search(reference)
    return f"{match['type']}/{match['id']}" if match else reference


def tells(address: str, name: str) -> bool:
    """Whether a resource's address tells its "Type/id" itself."""
    return (address.endswith(f"/{name}") and _PLAIN.fullmatch(name) is not None) or canonical(address) == name


def server_of(full_url: str | None) -> str | None:
    """The server that a resource comes from, by its fullUrl; None where that names none."""
    match = _TYPE_AND_ID.search(full_url) if full_url and full_url.startswith(("http://", "https://")) else None
    return full_url[: match.start()].lower() if full_url and match else None


def nameless(resource_type: str, content: bytes) -> str:
    """What a resource without an id or fullUrl goes by: its content, so that its place in a Bundle says nothing."""
    return f"{resource_type}/#{hashlib.sha256(content).hexdigest()[:12]}"


def is_nameless(reference: str) -> bool:
    return "/#" in reference
