"""Looks at the configuration, the database, the clients' keys and their FHIR servers, as the service would use them."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from cds_service import app, hooks
from cds_service.clients import Client, clients_of
from cds_service.criteria.knowledge import knowledge_of_site
from cds_service.doctor import capabilities
from cds_service.doctor.finding import Finding, State
from cds_service.errors import KnowledgeErrors, OutboundError, SettingsError, StoreDown
from cds_service.fhir.template import Template
from cds_service.outbound.door import Door
from cds_service.settings import SETTINGS, Settings
from cds_service.store.backend import OF_A_CALL
from cds_service.store.database import Database, file_of
from cds_service.store.migrating import HEAD
from cds_service.web import key_sets

FIXES = {
    "address-refused": "list its network in CDS_PRIVATE_NETWORKS if it lies inside the hospital",
    "tls": "name the certificates of its authority in CDS_CA_BUNDLE; see that the name in its certificate is the address's",
    "timeout": "see that firewalls let this machine through, and the server's load",
    "unreachable": "see that the name is known here, that the server runs, and that firewalls and CDS_PROXY let us through",
    "redirect-refused": "write the address that it redirects to",
    "unreadable": "see what compresses its answers, and whether its Content-Encoding header is true",
    "too-large": "raise CDS_MAX_BODY_MB",
}
_HEADERS = {"Accept": "application/fhir+json"}


def examine(settings: Settings, more_servers: Sequence[str] = ()) -> Iterator[Finding]:
    """Every finding, in the order in which to mend them."""
    yield from _configuration(settings)
    yield from _database(settings)
    try:
        door, clients = app.door_of(settings), clients_of(settings).values()
    except (SettingsError, KnowledgeErrors):
        return  # told above
    for client in clients:
        yield from _keys(client, door)
    templates = [Template(key, query) for hook in hooks.services().values() for key, query in hook.entry.prefetch.items()]
    not_offered = {server: set(client.profile.not_offered) for client in clients for server in sorted(client.fhir_servers)}
    for server in (*not_offered, *more_servers):
        yield from _fhir_server(server, door, templates, not_offered.get(server, set()))


def _configuration(settings: Settings) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("settings", lambda: _settings(settings)),
        ("knowledge", lambda: _knowledge(settings)),
        ("clients", lambda: ", ".join(sorted(clients_of(settings)))),
    )
    for subject, check in checks:
        try:
            yield Finding(subject, State.OK, check())
        except (SettingsError, KnowledgeErrors) as error:
            yield Finding(subject, State.FAILED, str(error))
    if settings.timezone.key == "UTC":
        fix = "set it, such as Europe/Berlin, unless the hospital lives by UTC"
        yield Finding("settings", State.LOOK, "CDS_TIMEZONE is UTC: results before midnight count for another day", fix)


def _knowledge(settings: Settings) -> str:
    """Raises: KnowledgeErrors, SettingsError."""
    knowledge = knowledge_of_site(settings)
    app.require_shown(settings, knowledge)
    evaluated = f"{len(knowledge.trials)} {'trial' if len(knowledge.trials) == 1 else 'trials'}, {knowledge.digest[:19]}"
    left_out = ", ".join(knowledge.not_reviewed)
    return f"{evaluated}; CDS_REQUIRE_REVIEWED leaves out {left_out}" if left_out else evaluated


def _settings(settings: Settings) -> str:
    """Raises: SettingsError."""
    app.require_safe(settings)
    return f"{len(SETTINGS)} settings, each valid"


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        file = file_of(settings.database_url)
        if file is not None and not file.is_file():
            yield _new_file(file)
            return
        database = Database(settings.database_url, OF_A_CALL)
    except SettingsError as error:
        yield Finding("database", State.FAILED, str(error))
        return
    try:
        at = database.revision()
    except StoreDown as error:
        fix = "see that it runs, that its address, user and password are right, and that firewalls let this machine through"
        yield Finding("database", State.FAILED, f"cannot be reached or read ({type(error.__cause__).__name__})", fix)
        return
    finally:
        database.close()
    if at == HEAD:
        yield Finding("database", State.OK, f"its tables are at {HEAD}, this version's")
    elif at is None:
        yield Finding(
            "database", State.LOOK, "it has no tables yet", "run cds-service migrate, or let the service's start do it"
        )
    elif at < HEAD:
        fix = "run cds-service migrate, or let the service's start do it"
        yield Finding("database", State.LOOK, f"its tables are at {at}, this version's are {HEAD}", fix)
    else:
        fix = "run that version, or restore the backup of before"
        yield Finding("database", State.FAILED, "its tables are of a newer version of this program", fix)


def _new_file(file: Path) -> Finding:
    if file.parent.is_dir() and os.access(file.parent, os.W_OK):
        return Finding("database", State.LOOK, f"{file} does not exist yet: the service's start makes it")
    return Finding(
        "database", State.FAILED, f"{file.parent} cannot be written to", "make the directory, or give it to the user"
    )


def _keys(client: Client, door: Door) -> Iterator[Finding]:
    subject = f"keys of {client.iss}"
    if client.key_set is not None:
        yield _key_set(subject, client.key_set, "its file")
    elif client.jku is not None:
        answer = _got(client.jku, door, {"Accept": "application/json"})
        if isinstance(answer, bytes):
            yield _key_set(subject, answer, client.jku)
        else:
            yield Finding(subject, State.FAILED, f"{client.jku}: {answer[0]}", answer[1])


def _key_set(subject: str, body: bytes, where: str) -> Finding:
    keys = key_sets.parse(body)
    if not keys:
        return Finding(
            subject, State.FAILED, f"{where} holds no key with a kid", "publish a JSON Web Key Set whose keys have a kid"
        )
    return Finding(subject, State.OK, f"{len(keys)} {'key' if len(keys) == 1 else 'keys'} from {where}")


def _fhir_server(server: str, door: Door, templates: Sequence[Template], not_offered: Collection[str]) -> Iterator[Finding]:
    answer = _got(f"{server.rstrip('/')}/metadata", door, _HEADERS)
    if not isinstance(answer, bytes):
        yield Finding(server, State.FAILED, f"metadata: {answer[0]}", answer[1])
        return
    statement = capabilities.decode(answer)
    if statement is None:
        fix = "name the base address: GET on it with /metadata gives a CapabilityStatement in JSON"
        yield Finding(server, State.FAILED, "its metadata is no CapabilityStatement", fix)
        return
    yield from capabilities.judge(server, statement, templates, not_offered)


def _got(url: str, door: Door, headers: dict[str, str]) -> bytes | tuple[str, str]:
    """The body, or what went wrong and the fix."""
    try:
        reply = door.get(url, headers)
    except OutboundError as error:
        return error.reason, FIXES.get(error.reason, FIXES["unreachable"])
    return reply.body if reply.status == 200 else (f"answered {reply.status}", "see that the address is right and open to us")
