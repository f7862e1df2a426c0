"""References between resources, compared by type and id: relative, absolute, versioned or urn:uuid."""

import re
from collections.abc import Mapping

_TYPE_AND_ID = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.\-]{1,64})(?:/_history/[^/]+)?$")


def canonical(reference: str | None, full_urls: Mapping[str, str] | None = None) -> str | None:
    """ "Type/id" of a reference; None where it names no resource. `full_urls`: a Bundle's fullUrls → "Type/id"."""
    if not reference:
        return None
    if full_urls is not None and reference in full_urls:
        return full_urls[reference]
    match = _TYPE_AND_ID.search(reference)
    return f"{match['type']}/{match['id']}" if match else reference
