"""create_app: the only place where things are built and joined."""

import secrets

from flask import Flask

from cds_service import hooks, logs
from cds_service.cards import Display
from cds_service.criteria.knowledge import knowledge_of_site
from cds_service.fhir import validate
from cds_service.fhir.client import Cache
from cds_service.outbound.door import Door, Limits
from cds_service.settings import Settings, now
from cds_service.web import cors, errors, operations
from cds_service.web.routes import Clock, Service, blueprint


def create_app(settings: Settings, clock: Clock = now) -> Flask:
    """The service as a WSGI application. Raises: KnowledgeErrors, SettingsError: a broken file stops the start."""
    knowledge = knowledge_of_site(settings)
    validate.warm_up()
    limits = Limits(settings.connect_timeout, settings.read_timeout, settings.max_body_bytes)
    if settings.hash_key is None:
        logs.event("card_ids_change_at_restart")
    service = Service(
        settings=settings,
        knowledge=knowledge,
        hooks=hooks.services(),
        door=Door(limits, settings.proxy, settings.ca_bundle, settings.client_certificate),
        cache=Cache(settings.cache_seconds),
        clock=clock,
        display=Display(
            hash_key=settings.hash_key or secrets.token_bytes(32),
            show_trials=settings.show_trials,
            show_closed_trials=settings.show_closed_trials,
            show_sensitive_reasons=settings.show_sensitive_reasons,
        ),
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    errors.register(app)
    cors.register(app, settings.cors_origins)
    app.register_blueprint(blueprint(service))
    app.register_blueprint(operations.blueprint(knowledge))
    logs.event("started", trials=len(knowledge.trials), digest=knowledge.digest)
    return app
