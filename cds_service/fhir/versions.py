"""Several entries of one resource: the newest version counts, and nothing depends on the order in which they came."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from cds_service.dates import parse_fhir_date
from cds_service.fhir.record import Entry

_UTC = ZoneInfo("UTC")


def newest_versions(entries: Iterable[Entry]) -> list[Entry]:
    """The newest version of each resource.

    Where nothing tells which of two that differ is newer, both are kept: neither may hide the other.
    """
    by_identity: dict[str, list[Entry]] = {}
    for entry in entries:
        by_identity.setdefault(entry.reference, []).append(entry)
    found: list[Entry] = []
    for versions in by_identity.values():
        found += versions if len(versions) == 1 else sorted(_newest(sorted(versions, key=_content)), key=_content)
    return found


def _content(entry: Entry) -> bytes:
    return bytes(entry.raw)


def _newest(versions: Sequence[Entry]) -> list[Entry]:
    servers = {entry.server for entry in versions if entry.server is not None}
    if len(servers) > 1:  # two hospitals that number alike: not versions of one resource
        return [one for server in (*sorted(servers), None) for one in _newest([e for e in versions if e.server == server])]
    latest = max((_version(entry) for entry in versions), default=None)
    distinct: list[Entry] = []
    for entry in versions:
        if _version(entry) == latest and all(entry.resource != known.resource for known in distinct):
            distinct.append(entry)
    return distinct


def _version(entry: Entry) -> tuple[float, int, str]:
    """When it was last updated; where that does not tell, its version's number."""
    meta = entry.resource.meta
    updated = parse_fhir_date(meta.last_updated, _UTC) if meta is not None else None
    moment = updated.moment.timestamp() if updated is not None and updated.moment is not None else 0.0
    version = (meta.version_id if meta is not None else None) or ""
    number = int(version) if version.isdecimal() and len(version) < 20 else 0
    return (moment, number, version)
