"""Whatever is sent: no 500, no body that is not JSON, no answer that breaks its schema. `make fuzz` runs many more cases."""

from pathlib import Path

import pytest
from flask import Flask

from tests.fuzz.campaign import bend, generate, service
from tests.fuzz.mutations import valid


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return service(tmp_path_factory.mktemp("fuzz"))


def test_bent_calls_are_answered_or_refused_as_promised(app: Flask) -> None:
    counts = bend(app, 300, start=1_000_000)
    assert counts.total() == 300
    assert counts["call 200"] > 150, "most get past the first check"


def test_generated_calls_are_answered_or_refused_as_promised(app: Flask) -> None:
    assert generate(app, 120, start=1).total() >= 100


def test_what_is_bent_was_valid(app: Flask, tmp_path: Path) -> None:
    client = app.test_client()
    path = "/cds-services/aml-cell-therapy-trials"
    statuses = [client.post(path, json=request).status_code for request in valid()]
    assert statuses.count(412) == 1, "only the call without prefetch"
    assert statuses.count(200) == len(statuses) - 1
