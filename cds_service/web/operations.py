"""/healthz and /readyz, for those who run the service."""

import msgspec
from flask import Blueprint, Response

from cds_service import __version__
from cds_service.criteria.knowledge import Knowledge


def blueprint(knowledge: Knowledge) -> Blueprint:
    routes = Blueprint("operations", __name__)
    ready = msgspec.json.encode({"status": "ready", "version": __version__, "knowledge": knowledge.digest})

    @routes.get("/healthz")
    def health() -> Response:
        return Response(b'{"status":"alive"}', mimetype="application/json")

    @routes.get("/readyz")
    def readiness() -> Response:
        return Response(ready, mimetype="application/json")

    return routes
