"""A transaction or batch Bundle, as the practice EHR takes it: all of it, or nothing."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from cds_service.sandbox.search import Json, SearchRefusedError, as_json

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,40}")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


def resources_of(bundle: Json, new_id: Callable[[], str]) -> list[Json]:
    """The resources to be stored, with their ids and with references among themselves resolved.

    Raises: SearchRefusedError where any entry is not a PUT or POST of a resource.
    """
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("transaction", "batch"):
        raise SearchRefusedError("the body is not a Bundle of type transaction or batch")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise SearchRefusedError("entry is not a list")
    named = [(as_json(entry), _named(as_json(entry), new_id)) for entry in entries]
    ids = {
        str(entry["fullUrl"]): f"{resource['resourceType']}/{resource['id']}" for entry, resource in named if "fullUrl" in entry
    }
    return [cast(Json, _resolved(resource, ids)) for _, resource in named]


def _named(entry: Json, new_id: Callable[[], str]) -> Json:
    """The entry's resource under the id that its request gives it."""
    resource, request = as_json(entry.get("resource")), as_json(entry.get("request"))
    kind = str(resource.get("resourceType"))
    if not _TYPE.fullmatch(kind):
        raise SearchRefusedError("an entry's resource has no resourceType")
    match request.get("method"):
        case "PUT":
            url_kind, _, identifier = str(request.get("url")).partition("/")
            if url_kind != kind or not _ID.fullmatch(identifier):
                raise SearchRefusedError("a PUT's url is not the type and id of its resource")
        case "POST":
            identifier = new_id()
        case _:
            raise SearchRefusedError("only PUT and POST are supported in a transaction")
    return {**resource, "id": identifier}


def _resolved(value: object, ids: Mapping[str, str]) -> object:
    """References to other entries by their fullUrl become references by type and id."""
    if isinstance(value, dict):
        return {
            key: ids.get(item, item) if key == "reference" and isinstance(item, str) else _resolved(item, ids)
            for key, item in cast(Json, value).items()
        }
    if isinstance(value, list):
        return [_resolved(item, ids) for item in cast(Sequence[object], value)]
    return value
