"""Each call is logged and counted with what it got. An address is logged as its route, never as it was called."""

import time
from collections.abc import Collection

from flask import Flask, Response, g, request

from cds_service import logs, metrics

ENDPOINTS = {"cds_hooks.discovery": "discovery", "cds_hooks.fire": "call", "cds_hooks.feedback": "feedback"}
PROBES = frozenset({"operations.health", "operations.readiness", "operations.counted"})
"""Asked every few seconds: not logged."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
"""A service id, address or method that there is not: what callers make up is no label and in no log."""


def register(app: Flask, services: Collection[str]) -> None:
    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        endpoint = ENDPOINTS.get(request.endpoint or "")
        if request.endpoint not in PROBES:
            route = request.url_rule.rule if request.url_rule is not None else UNKNOWN
            method = request.method if request.method in METHODS else UNKNOWN
            duration = round((time.perf_counter() - g.begun) * 1000, 1)
            logs.event("access", method=method, route=route, status=response.status_code, duration_ms=duration)
        if endpoint is not None:
            named = (request.view_args or {}).get("service_id", "")
            service = named if named in services or not named else UNKNOWN
            answered = endpoint == "call" and response.status_code == 200
            seconds = time.perf_counter() - g.begun if answered else None
            metrics.call_answered(service, endpoint, g.get("outcome", "done"), seconds)
        return response


def outcome(what: str) -> None:
    """Say what the call that is being answered gets."""
    g.outcome = what
