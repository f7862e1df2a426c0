"""An embedded FHIR R4 server in memory: read, search with paging, POST _search, transaction. For practice only."""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from cds_service.fhir.resources import READ
from cds_service.sandbox.search import PARAMETERS, Json, SearchRefusedError, as_json, matching
from cds_service.sandbox.transaction import resources_of

FHIR_JSON = "application/fhir+json"
DEFAULT_COUNT = 20
MAX_COUNT = 200
OPEN_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """What is left of a search whose first entries were answered."""

    rest: list[Json]
    total: int


class ResourceStore:
    """Resources by type and id, and the pages that are open."""

    def __init__(self, resources: Iterable[Json] = ()) -> None:
        self._by_type: dict[str, dict[str, Json]] = {kind: {} for kind in READ}
        self._pages: dict[str, Page] = {}
        self._page_numbers = itertools.count(1)
        self._new_ids = itertools.count(1)
        for resource in resources:
            self.put(resource)

    def put(self, resource: Json) -> str:
        """Create or replace; returns "Type/id"."""
        kind = str(resource.get("resourceType"))
        identifier = str(resource.get("id") or self.new_id())
        self._by_type.setdefault(kind, {})[identifier] = {**resource, "id": identifier}
        return f"{kind}/{identifier}"

    def new_id(self) -> str:
        return f"new-{next(self._new_ids)}"

    def get(self, kind: str, identifier: str) -> Json | None:
        return self._by_type.get(kind, {}).get(identifier)

    def of_type(self, kind: str) -> list[Json] | None:
        """None where the server has no such type."""
        found = self._by_type.get(kind)
        return list(found.values()) if found is not None else None

    def types(self) -> list[str]:
        return sorted(self._by_type)

    def keep_page(self, page: Page) -> str:
        name = f"page-{next(self._page_numbers)}"
        self._pages[name] = page
        if len(self._pages) > OPEN_PAGES:
            self._pages.pop(next(iter(self._pages)), None)
        return name

    def page(self, name: str) -> Page | None:
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
        left = store.page(request.args.get("_getpages", ""))
        return _outcome(410, "not-found", "this page is gone") if left is None else _searchset(left, _count(request.args))

    @app.post(base_path)
    def transaction() -> Response:
        saved = [store.put(resource) for resource in resources_of(as_json(request.get_json(force=True)), store.new_id)]
        response = [{"response": {"status": "201 Created", "location": location}} for location in saved]
        return _json({"resourceType": "Bundle", "type": "transaction-response", "entry": response})

    def _search(kind: str, parameters: Sequence[tuple[str, str]]) -> Response:
        if {value.rpartition("/")[2] for name, value in parameters if name in ("patient", "subject")} & refused:
            return _outcome(403, "forbidden", "access to this patient is refused")
        resources = store.of_type(kind)
        if resources is None:
            return _outcome(404, "not-supported", "no such resource type")
        found = matching(resources, parameters)
        return _searchset(Page(found, len(found)), _count(MultiDict(parameters)))

    def _searchset(page: Page, count: int) -> Response:
        base = f"{request.host_url.rstrip('/')}{base_path}"
        shown, rest = page.rest[:count], page.rest[count:]
        links = [{"relation": "self", "url": request.url}]
        if rest:
            opaque = urlencode({"_getpages": store.keep_page(Page(rest, page.total)), "_count": count})
            links.append({"relation": "next", "url": f"{base}?{opaque}"})
        entries = [
            {"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in shown
        ]
        return _json({"resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links, "entry": entries})

    @app.errorhandler(SearchRefusedError)
    def refuse(error: SearchRefusedError) -> Response:
        return _outcome(400, "not-supported", str(error))

    @app.errorhandler(HTTPException)
    def of_framework(error: HTTPException) -> Response:
        return _outcome(error.code or 500, "processing", error.name)

    @app.after_request
    def open_to_browsers(response: Response) -> Response:
        wanted = request.headers.get("Access-Control-Request-Headers", "*")
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Headers"] = wanted
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        return response

    return app


def _count(parameters: MultiDict[str, str]) -> int:
    text = parameters.get("_count", str(DEFAULT_COUNT))
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
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
