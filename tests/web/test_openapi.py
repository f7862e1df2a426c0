"""/openapi.json cannot drift from the service."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from cds_service.web import openapi
from tests.web.ehr import service
from tests.web.test_service import REJECTS, REQUESTS, SETTINGS, client_of

SCHEMAS = Path("docs/schemas")
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(SETTINGS)


def served(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(client.get("/openapi.json").data)
    return document


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    document = served(client)
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_described_and_every_description_has_a_route(client: FlaskClient) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?\w+>", "{id}", rule.rule), method.lower())
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }
    paths = served(client)["paths"]
    assert routes == {(path, method) for path, item in paths.items() for method in item.keys() & METHODS}


def test_authentication_is_described_as_it_is(client: FlaskClient, tmp_path: Path) -> None:
    open_call = served(client)["paths"]["/cds-services/{id}"]["post"]
    assert "security" not in open_call
    closed = served(service(tmp_path).test_client())
    assert closed["servers"] == [{"url": "https://cds.example"}]
    for path, item in closed["paths"].items():
        for method in item.keys() & METHODS:
            assert ("security" in item[method]) is path.startswith("/cds-services")


@pytest.mark.parametrize("name", sorted(openapi.SCHEMAS.values()))
def test_the_schemas_served_are_those_of_the_docs(name: str) -> None:
    published = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    assert openapi.schema(name) == {key: value for key, value in published.items() if key != "$schema"}


@pytest.mark.parametrize("path", sorted(REQUESTS.glob("*.json")), ids=lambda path: path.stem)
def test_the_request_schema_takes_what_the_service_takes(path: Path) -> None:
    jsonschema.validate(json.loads(path.read_bytes()), openapi.schema("request"))


SHAPES = ["another-hook", "context-is-a-list", "patient-id-with-a-type", "without-context", "without-hook-instance"]


@pytest.mark.parametrize("name", SHAPES)
def test_the_request_schema_refuses_what_the_service_refuses(name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads((REJECTS / f"{name}.json").read_bytes()), openapi.schema("request"))
