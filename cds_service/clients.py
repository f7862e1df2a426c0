"""The CDS clients (EHRs) that may call: how each proves who it is, which FHIR servers it may name, what it can show.

Read once, at start, from the file that CDS_CLIENTS names; every fault is reported with its line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from cds_service import strict_yaml
from cds_service.errors import KnowledgeErrors, KnowledgeFault, SettingsError
from cds_service.settings import Settings, is_loopback_url

PROFILES = Path(__file__).with_name("client_profiles.yaml")
ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"})
"""Asymmetric signatures alone: a client's public key must never serve as a shared secret."""
SANDBOX = "https://sandbox.cds-hooks.org"
"""The official sandbox, whose private key is published: whoever trusts it trusts everybody."""
LONGEST_ISS = 255
OPEN = "open"
"""The issuer that stands for everybody while authentication is off."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client sends and can show. Units: `deadline` in seconds."""

    prefetch_aliases: dict[str, str]
    not_offered: list[str]
    fhir_access: bool
    deadline: float
    suggestions: bool
    selection_behavior: str
    detail: str
    links: list[str]
    override_reasons: dict[str, str]


class ClientEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client as the file has it: who it is, and what differs from its profile."""

    iss: str
    profile: str = "plain"
    jku: str | None = None
    jwks: str | None = None
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    tenants: list[str] = []
    audiences: list[str] = []
    max_lifetime: int = 900
    fhir_servers: list[str] = []
    prefetch_aliases: dict[str, str] | UnsetType = UNSET
    not_offered: list[str] | UnsetType = UNSET
    fhir_access: bool | UnsetType = UNSET
    deadline: float | UnsetType = UNSET
    suggestions: bool | UnsetType = UNSET
    selection_behavior: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    links: list[str] | UnsetType = UNSET
    override_reasons: dict[str, str] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Client:
    """One CDS client. `key_set`: its keys as a JSON Web Key Set, where they are not fetched from `jku`."""

    iss: str
    profile: Profile
    jku: str | None = None
    key_set: bytes | None = None
    algorithms: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    """Accepted as `aud` in place of the endpoint's own address."""
    max_lifetime: int = 900
    fhir_servers: frozenset[str] = frozenset()


Clients = Mapping[str, Client]


def clients_of(settings: Settings) -> Clients:
    """The clients by issuer; with authentication off, one that stands for everybody on this machine.

    Raises: SettingsError where the service would be open by accident; KnowledgeErrors with each fault of the file.
    """
    if settings.clients is not None and not settings.auth:
        raise SettingsError("CDS_AUTH=off and CDS_CLIENTS exclude each other; remove one")
    if settings.clients is None and settings.auth:
        raise SettingsError("CDS_CLIENTS must name the file of clients that may call; for development there is CDS_AUTH=off")
    if settings.clients is None:
        if not settings.is_loopback():
            raise SettingsError("CDS_AUTH=off needs loopback in CDS_HOST and CDS_PUBLIC_URL: nobody else may call")
        return {OPEN: _everybody(settings)}
    if settings.public_url is None:
        raise SettingsError("CDS_PUBLIC_URL must say where clients call: the aud of their tokens begins with it")
    if settings.fhir_servers:
        raise SettingsError("CDS_FHIR_SERVERS is for CDS_AUTH=off; name each client's fhir_servers in CDS_CLIENTS")
    return load(settings.clients, development=settings.is_loopback())


def _everybody(settings: Settings) -> Client:
    for server in settings.fhir_servers:
        if (problem := _address_problem(server, development=True)) is not None:
            raise SettingsError(f"CDS_FHIR_SERVERS: an address {problem}")
    return Client(OPEN, profiles()["plain"], fhir_servers=frozenset(settings.fhir_servers))


def profiles() -> Mapping[str, Profile]:
    """The profiles shipped, by name."""
    return msgspec.convert(strict_yaml.load(PROFILES).tree, dict[str, Profile], strict=False)


def load(path: Path, *, development: bool = False) -> Clients:
    """Raises: KnowledgeErrors naming file, line and place of each fault."""
    document = strict_yaml.load(path)
    tree = document.tree
    entries = tree.get("clients") if isinstance(tree, dict) and set(tree) == {"clients"} else None
    if not isinstance(entries, list) or not entries:
        raise KnowledgeErrors([document.fault("", "lists no clients", "write `clients:` and a list of them")])
    reader = _Reader(document, path.parent, development)
    clients = [reader.client(f"clients[{index}]", entry) for index, entry in enumerate(entries)]
    if reader.faults:
        raise KnowledgeErrors(reader.faults)
    return {client.iss: client for client in clients if client is not None}


Value = TypeVar("Value")


class _Reader:
    def __init__(self, document: strict_yaml.Document, folder: Path, development: bool) -> None:
        self.faults: list[KnowledgeFault] = []
        self._document = document
        self._folder = folder
        self._development = development
        self._profiles = profiles()
        self._issuers: set[str] = set()

    def client(self, place: str, tree: strict_yaml.Tree) -> Client | None:
        try:
            entry = msgspec.convert(tree, ClientEntry, strict=False)
        except msgspec.ValidationError as error:
            self._fault(place, f"does not have the right shape: {error}", "compare it with docs/connect.md")
            return None
        self._check(place, entry)
        base = self._profiles.get(entry.profile, self._profiles["plain"])
        return Client(
            iss=entry.iss,
            profile=self._profile(place, entry, base),
            jku=entry.jku,
            key_set=self._key_set(place, entry.jwks),
            algorithms=frozenset(entry.algorithms),
            tenants=frozenset(entry.tenants),
            audiences=frozenset(entry.audiences),
            max_lifetime=entry.max_lifetime,
            fhir_servers=frozenset(server.rstrip("/") for server in entry.fhir_servers),
        )

    def _check(self, place: str, entry: ClientEntry) -> None:
        if not entry.iss or entry.iss in self._issuers or entry.iss == OPEN:
            self._fault(f"{place}.iss", "is empty or stands twice", "give each client one entry with its iss")
        self._issuers.add(entry.iss)
        if len(entry.iss) > LONGEST_ISS:
            self._fault(f"{place}.iss", "is too long to be kept", f"use an issuer of at most {LONGEST_ISS} characters")
        if entry.iss == SANDBOX and not self._development:
            self._fault(f"{place}.iss", "publishes its private key", "keep the sandbox to development on loopback")
        if entry.profile not in self._profiles:
            self._fault(f"{place}.profile", "is no profile", f"write one of {', '.join(self._profiles)}")
        if entry.jku is None and entry.jwks is None:
            self._fault(place, "has no keys", "name its jku, or its key set's file as jwks")
        if not entry.algorithms or not ALGORITHMS.issuperset(entry.algorithms):
            self._fault(f"{place}.algorithms", "are not all asymmetric", f"choose from {', '.join(sorted(ALGORITHMS))}")
        if not 0 < entry.max_lifetime <= 86_400:
            self._fault(f"{place}.max_lifetime", "is not between a second and a day", "write seconds, such as 900")
        addresses = {f"{place}.fhir_servers[{n}]": server for n, server in enumerate(entry.fhir_servers)}
        if entry.jku is not None:
            addresses[f"{place}.jku"] = entry.jku
        for where, url in addresses.items():
            if (problem := _address_problem(url, development=self._development)) is not None:
                self._fault(where, problem, "write an https address without user, query or fragment")

    def _profile(self, place: str, entry: ClientEntry, base: Profile) -> Profile:
        profile = Profile(
            prefetch_aliases=_given(entry.prefetch_aliases, base.prefetch_aliases),
            not_offered=_given(entry.not_offered, base.not_offered),
            fhir_access=_given(entry.fhir_access, base.fhir_access),
            deadline=_given(entry.deadline, base.deadline),
            suggestions=_given(entry.suggestions, base.suggestions),
            selection_behavior=_given(entry.selection_behavior, base.selection_behavior),
            detail=_given(entry.detail, base.detail),
            links=_given(entry.links, base.links),
            override_reasons=_given(entry.override_reasons, base.override_reasons),
        )
        choices: dict[str, tuple[str, Sequence[str]]] = {
            "detail": (profile.detail, ("markdown", "plain")),
            "selection_behavior": (profile.selection_behavior, ("any", "at-most-one")),
        }
        for name, (value, allowed) in choices.items():
            if value not in allowed:
                self._fault(f"{place}.{name}", "is not known", f"write {' or '.join(allowed)}")
        if not 0 < profile.deadline <= 60:
            self._fault(f"{place}.deadline", "is not between 0 and 60 seconds", "write seconds, such as 2.5")
        return profile

    def _key_set(self, place: str, name: str | None) -> bytes | None:
        if name is None:
            return None
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            self._fault(f"{place}.jwks", "cannot be read", "name a file beside this one")
            return None

    def _fault(self, place: str, problem: str, fix: str) -> None:
        self.faults.append(self._document.fault(place, problem, fix))


def _given(own: Value | UnsetType, base: Value) -> Value:
    return base if isinstance(own, UnsetType) else own


def _address_problem(url: str, *, development: bool) -> str | None:
    """Why the service would not call an address; None for a good one."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if not host or "@" in parts.netloc or parts.query or parts.fragment or ".." in parts.path or "\\" in url:
        return "is not a plain address"
    if parts.scheme != "https" and not (parts.scheme == "http" and development and is_loopback_url(url)):
        return "is not https (http is for loopback, in development)"
    return None
