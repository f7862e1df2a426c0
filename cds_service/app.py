"""create_app: the only place where things are built and joined."""

import secrets

from flask import Flask

from cds_service import __version__, hooks, logs, tracing
from cds_service.cards import Display
from cds_service.clients import clients_of
from cds_service.criteria.knowledge import Knowledge, knowledge_of_site
from cds_service.errors import SettingsError
from cds_service.fhir import validate
from cds_service.fhir.client import Means
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.door import Door, Limits
from cds_service.settings import Settings, now
from cds_service.store.database import Database
from cds_service.store.records import Pseudonyms
from cds_service.store.store import Store
from cds_service.web import cors, errors, headers, metering, openapi, operations, request_id
from cds_service.web.guard import Guard, Rates
from cds_service.web.key_sets import KeySets
from cds_service.web.memory import Memory
from cds_service.web.routes import Clock, Service, blueprint
from cds_service.web.security import Authenticator
from cds_service.web.turns import Turns

SHORTEST_KEY = 32
WAITING = 8
"""So many calls wait for each that is answered."""
PATIENCE = 0.4
"""How much of the shortest deadline a call waits for its turn."""


def create_app(settings: Settings, clock: Clock = now) -> Flask:
    """The service as a WSGI application. Raises: KnowledgeErrors, SettingsError: a broken file stops the start."""
    clients = clients_of(settings)
    require_safe(settings)
    if settings.hash_key is None:
        logs.event("card_ids_change_at_restart")
    hash_key = settings.hash_key or secrets.token_bytes(32)
    knowledge = knowledge_of_site(settings)
    require_shown(settings, knowledge)
    if knowledge.not_reviewed:
        logs.event("trials_left_out", level=30, reason="not-reviewed", left_out=", ".join(knowledge.not_reviewed))
    knowledge.warm_up()
    validate.warm_up()
    door = door_of(settings)
    database = Database(settings.database_url)
    store = Store(database)
    if not store.is_up():
        logs.event("started_without_store", level=40)
    guard = Guard(
        clients,
        Authenticator(clients, settings.public_url or "", KeySets(door), store.is_new),
        Rates(settings.rate_limit),
        clock,
    )
    turns = Turns(settings.threads, WAITING * settings.threads, PATIENCE * guard.shortest_deadline)
    service = Service(
        settings=settings,
        knowledge=knowledge,
        hooks=hooks.services(),
        door=door,
        means=Means(
            settings.readers,
            cache_seconds=settings.cache_seconds,
            cache_bytes=settings.cache_bytes,
            max_pages=settings.max_pages,
        ),
        clock=clock,
        display=Display(
            hash_key=hash_key,
            show_trials=settings.show_trials,
            show_closed_trials=settings.show_closed_trials,
            show_sensitive_reasons=settings.show_sensitive_reasons,
        ),
        memory=Memory(store, Pseudonyms(hash_key), settings.suppress_days, silent=settings.silent),
    )
    if settings.traces is not None:
        try:
            tracing.start(settings.traces, __version__)
        except ImportError as error:
            raise SettingsError("CDS_TRACES needs OpenTelemetry: pip install 'cds-service[otel]'") from error
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.merge_slashes = False  # a doubled slash is another address, not a redirect
    request_id.register(app)
    metering.register(app, service.hooks)
    errors.register(app)
    headers.register(app)
    cors.register(app, settings.cors_origins)
    app.register_blueprint(blueprint(service, guard, turns))
    app.register_blueprint(openapi.blueprint(service.hooks, auth=settings.auth, public_url=settings.public_url))
    app.register_blueprint(operations.blueprint(knowledge, store))
    if not settings.auth:
        logs.event("authentication_is_off", level=30)
    database.close()  # the server forks: each process opens connections of its own
    logs.event("started", trials=len(knowledge.trials), digest=knowledge.digest)
    return app


def require_safe(settings: Settings) -> None:
    """Raises: SettingsError where others than this machine call, and a setting is for development alone."""
    if settings.is_loopback():
        return
    if "*" in settings.cors_origins:
        raise SettingsError("CDS_CORS_ORIGINS=* is for development on loopback; list the origins of browser-based clients")
    if settings.hash_key is None:
        raise SettingsError(f"CDS_HASH_KEY must be set beyond loopback, the same for all processes; {SHORTEST_KEY} characters")
    if len(settings.hash_key) < SHORTEST_KEY:
        raise SettingsError(f"CDS_HASH_KEY must have {SHORTEST_KEY} characters or more")


def require_shown(settings: Settings, knowledge: Knowledge) -> None:
    """Raises: SettingsError where CDS_SHOW_TRIALS names what is not evaluated."""
    known = [trial.id for trial in knowledge.trials]
    for name in sorted(settings.show_trials - set(known)):
        if name in knowledge.not_reviewed:
            fix = "have it reviewed, or take it off the list"
            raise SettingsError(f"CDS_SHOW_TRIALS names {name}, which CDS_REQUIRE_REVIEWED leaves out; {fix}")
        raise SettingsError(f"CDS_SHOW_TRIALS names {name}, which is no trial here; there are {', '.join(known)}")


def door_of(settings: Settings) -> Door:
    limits = Limits(settings.connect_timeout, settings.read_timeout, settings.max_body_bytes, settings.readers)
    rules = AddressRules(settings.private_networks, loopback=settings.is_loopback())
    return Door(limits, settings.proxy, settings.ca_bundle, settings.client_certificate, rules)
