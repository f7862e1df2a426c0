"""An embedded FHIR R4 server in memory: read, search with paging, POST _search, transaction. For practice only."""

import itertools
import json
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cds_service.sandbox.search import PARAMETERS, Json, SearchRefusedError, as_json, matching

FHIR_JSON = "application/fhir+json"
DEFAULT_COUNT = 20
MAX_COUNT = 200


class ResourceStore:
    """Resources by type and id, and the pages that are open."""

    def __init__(self, resources: Iterable[Json] = ()) -> None:
        self._by_type: dict[str, dict[str, Json]] = {}
        self._pages: dict[str, list[Json]] = {}
        self._page_numbers = itertools.count(1)
        self._new_ids = itertools.count(1)
        for resource in resources:
            self.put(resource)

    def put(self, resource: Json) -> str:
        """Create or replace; returns "Type/id"."""
        kind = str(resource.get("resourceType"))
        identifier = str(resource.get("id") or f"new-{next(self._new_ids)}")
        self._by_type.setdefault(kind, {})[identifier] = {**resource, "id": identifier}
        return f"{kind}/{identifier}"

    def get(self, kind: str, identifier: str) -> Json | None:
        return self._by_type.get(kind, {}).get(identifier)

    def of_type(self, kind: str) -> list[Json]:
        return list(self._by_type.get(kind, {}).values())

    def types(self) -> list[str]:
        return sorted(self._by_type)

    def keep_page(self, rest: list[Json]) -> str:
        name = f"page-{next(self._page_numbers)}"
        self._pages[name] = rest
        return name

    def take_page(self, name: str) -> list[Json] | None:
        return self._pages.get(name)


def create_fhir_server(store: ResourceStore, base_path: str = "/fhir", refused: frozenset[str] = frozenset()) -> Flask:
    """The server as a WSGI application. `refused`: patients about whom it answers 403."""
    app = Flask(__name__, static_folder=None)

    @app.get(f"{base_path}/metadata")
    def metadata() -> Response:
        return _json(_capabilities(store))

    @app.get(f"{base_path}/<kind>/<identifier>")
    def read(kind: str, identifier: str) -> Response:
        if kind == "Patient" and identifier in refused:
            return _outcome(403, "forbidden", "access to this patient is refused")
        resource = store.get(kind, identifier)
        return _outcome(404, "not-found", "no such resource") if resource is None else _json(resource)

    @app.route(f"{base_path}/<kind>", methods=["GET"])
    def search(kind: str) -> Response:
        return _search(kind, list(request.args.items(multi=True)))

    @app.route(f"{base_path}/<kind>/_search", methods=["POST"])
    def post_search(kind: str) -> Response:
        return _search(kind, [*request.args.items(multi=True), *request.form.items(multi=True)])

    @app.get(base_path)
    def page() -> Response:
        rest = store.take_page(request.args.get("_getpages", ""))
        return (
            _outcome(410, "not-found", "this page is gone")
            if rest is None
            else _searchset(rest, len(rest), _count(request.args))
        )

    @app.post(base_path)
    def transaction() -> Response:
        bundle = as_json(request.get_json(force=True))
        entries = bundle.get("entry")
        saved = (
            [store.put(as_json(entry.get("resource"))) for entry in entries if isinstance(entry, dict)]
            if isinstance(entries, list)
            else []
        )
        response = [{"response": {"status": "201 Created", "location": location}} for location in saved]
        return _json({"resourceType": "Bundle", "type": "transaction-response", "entry": response})

    def _search(kind: str, parameters: Sequence[tuple[str, str]]) -> Response:
        if {value.rpartition("/")[2] for name, value in parameters if name in ("patient", "subject")} & refused:
            return _outcome(403, "forbidden", "access to this patient is refused")
        found = matching(store.of_type(kind), parameters)
        return _searchset(found, len(found), _count(dict(parameters)))

    def _searchset(found: list[Json], total: int, count: int) -> Response:
        base = f"{request.host_url.rstrip('/')}{base_path}"
        shown, rest = found[:count], found[count:]
        links = [{"relation": "self", "url": request.url}]
        if rest:
            opaque = urlencode({"_getpages": store.keep_page(rest), "_count": count})
            links.append({"relation": "next", "url": f"{base}?{opaque}"})
        entries = [
            {"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in shown
        ]
        return _json({"resourceType": "Bundle", "type": "searchset", "total": total, "link": links, "entry": entries})

    @app.errorhandler(SearchRefusedError)
    def refuse(error: SearchRefusedError) -> Response:
        return _outcome(400, "not-supported", str(error))

    @app.errorhandler(HTTPException)
    def of_framework(error: HTTPException) -> Response:
        return _outcome(error.code or 500, "processing", error.name)

    @app.after_request
    def open_to_browsers(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Headers"] = "*"
        return response

    return app


def _count(parameters: "dict[str, str] | object") -> int:
    text = parameters.get("_count", str(DEFAULT_COUNT)) if hasattr(parameters, "get") else str(DEFAULT_COUNT)
    if not str(text).isdecimal() or int(text) < 1:
        raise SearchRefusedError("_count is not a number of 1 or more")
    return min(int(text), MAX_COUNT)


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, mimetype=FHIR_JSON)


def _outcome(status: int, code: str, diagnostics: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": diagnostics}
    return _json({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def _capabilities(store: ResourceStore) -> Json:
    parameters = [{"name": name, "type": "date" if name == "date" else "token"} for name in PARAMETERS]
    resources = [
        {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}], "searchParam": parameters}
        for kind in store.types()
    ]
    rest = [{"mode": "server", "resource": resources}]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "kind": "instance",
        "date": "2026-11-22",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": rest,
    }
