"""/healthz, /readyz and /metrics, for those who run the service."""

from typing import Literal

import msgspec
from flask import Blueprint, Response

from cds_service import __version__, metrics
from cds_service.criteria.knowledge import Knowledge
from cds_service.store.store import Store

METRICS = "text/plain; version=0.0.4; charset=utf-8"
State = Literal["up", "down"]


class Checks(msgspec.Struct, frozen=True):
    """What calls need, each by its name. Without knowledge no process starts; without the store calls are answered."""

    knowledge: State
    store: State


class Trials(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many trials are evaluated, and which CDS_REQUIRE_REVIEWED leaves out."""

    evaluated: int
    not_reviewed: tuple[str, ...] = ()


class Readiness(msgspec.Struct, frozen=True):
    """`degraded`: calls are answered, but nothing is remembered and feedback is refused."""

    status: str
    store: State
    checks: Checks
    version: str
    knowledge: str
    trials: Trials


def blueprint(knowledge: Knowledge, store: Store) -> Blueprint:
    routes = Blueprint("operations", __name__)
    trials = Trials(len(knowledge.trials), knowledge.not_reviewed)

    @routes.get("/healthz")
    def health() -> Response:
        return Response(b'{"status":"alive"}', mimetype="application/json")

    @routes.get("/readyz")
    def readiness() -> Response:
        up: State = "up" if store.is_up() else "down"
        checks = Checks("up", up)
        state = Readiness("ready" if up == "up" else "degraded", up, checks, __version__, knowledge.digest, trials)
        return Response(msgspec.json.encode(state), mimetype="application/json")

    @routes.get("/metrics")
    def counted() -> Response:
        body = metrics.exposition(__version__, knowledge.digest, store_up=store.is_up())
        return Response(body, content_type=METRICS)

    return routes
