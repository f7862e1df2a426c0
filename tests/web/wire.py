"""A test client that holds every answer against /openapi.json and the rules of CDS Hooks for what is written."""

import json
import re
from typing import Any

import jsonschema
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.hooks import services
from cds_service.web.openapi import document

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(services())))
FRAMEWORK = {404, 405}


class CheckedClient(FlaskClient):
    """Fails the test where an answer is not what the service promises."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        if response.request.method != "OPTIONS":
            check(response.request.method, response.request.path, response)
        return response


def checked(app: Flask) -> Flask:
    app.test_client_class = CheckedClient
    return app


def check(method: str, path: str, response: TestResponse) -> None:
    operation = documented(method, path)
    status = response.status_code
    assert operation is not None or status in FRAMEWORK, f"{method} {path} is not in /openapi.json"
    assert response.headers["Cache-Control"] == "no-store"
    promised = operation["responses"] if operation is not None else {}
    if "text/plain" in promised.get(str(status), {}).get("content", {}):
        assert response.mimetype == "text/plain"
        return
    assert response.mimetype == "application/json", response.mimetype
    assert str(status) in promised or status in FRAMEWORK, f"{status} is not promised for {method} {path}"
    if method == "HEAD":
        return
    content = json.loads(response.data)
    schema = (
        resolved(promised[str(status)])
        if str(status) in promised
        else resolved(DOCUMENT["components"]["responses"]["Refused404"])
    )
    jsonschema.validate(content, with_components(schema), format_checker=jsonschema.FormatChecker())
    if path == "/openapi.json":
        return  # OpenAPI has empty arrays of its own
    assert not list(empties(content)), f"{list(empties(content))} are null or empty"


def documented(method: str, path: str) -> dict[str, Any] | None:
    for template, item in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = item.get("get" if method == "HEAD" else method.lower())
            return found
    return None


def resolved(response: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


def with_components(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": DOCUMENT["components"]}


def empties(node: Any, place: str = "$") -> Any:
    """Every null and every empty text, array and object, but `cards: []` and the `{}` that answers feedback."""
    allowed = ("$.cards", "$.services") if node == [] else ("$",) if node == {} else ()
    if (node is None or node in ("", [], {})) and place not in allowed:
        yield place
    if isinstance(node, dict):
        for key, value in node.items():
            yield from empties(value, f"{place}.{key}")
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from empties(value, f"{place}[{index}]")
