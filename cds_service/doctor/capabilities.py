"""Does a FHIR server say that it supports the reads and searches that we send?

Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from cds_service.doctor.finding import Finding, State
from cds_service.fhir.template import Template
from cds_service.json_bytes import UNDECODABLE

MEDICATION = "Medication"
"""Read where an order names its medicine by reference alone."""
_VERSION = "4.0."


class _Named(msgspec.Struct, frozen=True):
    name: str | None = None


class _Interaction(msgspec.Struct, frozen=True):
    code: str | None = None


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    type: str | None = None
    interaction: list[_Interaction] = []
    search_param: list[_Named] = []


class _Rest(msgspec.Struct, frozen=True):
    mode: str | None = None
    resource: list[_Resource] = []


class CapabilityStatement(msgspec.Struct, frozen=True, rename="camel"):
    """The part that tells what can be read and searched."""

    resource_type: str
    fhir_version: str | None = None
    rest: list[_Rest] = []

    def offered(self) -> dict[str, _Resource]:
        return {one.type: one for rest in self.rest if rest.mode != "client" for one in rest.resource if one.type is not None}


def decode(body: bytes) -> CapabilityStatement | None:
    """None for what is no CapabilityStatement."""
    try:
        statement = msgspec.json.decode(body, type=CapabilityStatement)
    except UNDECODABLE:
        return None
    return statement if statement.resource_type == "CapabilityStatement" else None


def judge(
    server: str, statement: CapabilityStatement, templates: Iterable[Template], not_offered: Collection[str]
) -> Iterator[Finding]:
    """What this server lacks of what our templates ask for, a line a resource type; or that it lacks nothing."""
    if not (statement.fhir_version or "").startswith(_VERSION):
        version = "no version" if statement.fhir_version is None else "another version"
        yield Finding(server, State.FAILED, f"it names {version} of FHIR", "name the base address of its R4 endpoint")
    wanted: dict[str, set[str]] = {MEDICATION: set()}
    searched: set[str] = set()
    for template in templates:
        names = wanted.setdefault(template.resource_type, set())
        if template.is_search:
            searched.add(template.resource_type)
            names |= {name for name, _ in template.parameters("x") if not name.startswith("_")}
            names |= {"date"} if template.newest_first else set()
    offered = statement.offered()
    complete = []
    for kind, names in sorted(wanted.items()):
        if kind in not_offered:
            continue
        finding = _judged(server, kind, names, "search-type" if kind in searched else "read", offered.get(kind))
        if finding is None:
            complete.append(kind)
        else:
            yield finding
    if complete:
        yield Finding(server, State.OK, f"offers what is asked of {', '.join(complete)}")


def _judged(server: str, kind: str, names: Collection[str], interaction: str, offered: _Resource | None) -> Finding | None:
    if offered is None:
        fix = f"have the EHR prefetch it, or write {kind} into the client's not_offered"
        return Finding(server, State.LOOK, f"offers no {kind}", fix)
    if interaction not in {one.code for one in offered.interaction}:
        fix = "have the EHR prefetch it, or ask the server's administrator"
        return Finding(server, State.LOOK, f"{kind}: does not offer {interaction}", fix)
    lacking = sorted(set(names) - {parameter.name for parameter in offered.search_param})
    if not lacking:
        return None
    fix = "try it: many servers take more than they list; else have the EHR prefetch it"
    return Finding(server, State.LOOK, f"{kind}: does not list the search parameter {', '.join(lacking)}", fix)
