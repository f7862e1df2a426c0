"""/healthz and /readyz, for those who run the service."""

import msgspec
from flask import Blueprint, Response

from cds_service import __version__
from cds_service.criteria.knowledge import Knowledge
from cds_service.store.store import Store


class Readiness(msgspec.Struct, frozen=True):
    """`degraded`: calls are answered, but nothing is remembered and feedback is refused."""

    status: str
    store: str
    version: str
    knowledge: str


def blueprint(knowledge: Knowledge, store: Store) -> Blueprint:
    routes = Blueprint("operations", __name__)

    @routes.get("/healthz")
    def health() -> Response:
        return Response(b'{"status":"alive"}', mimetype="application/json")

    @routes.get("/readyz")
    def readiness() -> Response:
        up = store.is_up()
        state = Readiness("ready" if up else "degraded", "up" if up else "down", __version__, knowledge.digest)
        return Response(msgspec.json.encode(state), mimetype="application/json")

    return routes
