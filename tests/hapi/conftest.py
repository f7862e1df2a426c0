"""One HAPI FHIR server for all tests here, with all stories loaded."""

import os
from collections.abc import Iterator

import pytest

from cds_service.outbound.door import Door, Limits
from cds_service.sandbox import stories
from cds_service.sandbox.ehr import PracticeEhr
from tests.hapi.server import hapi_server, missing_tools

DOOR = Door(Limits(connect=5, read=120, body=100_000_000))


@pytest.fixture(scope="session")
def hapi() -> Iterator[str]:
    """Its base URL. Without its tools the tests are skipped, unless REQUIRE_HAPI says that they must run."""
    if (lacking := missing_tools()) is not None:
        if os.environ.get("REQUIRE_HAPI") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    with hapi_server() as base:
        ehr = PracticeEhr("", base, DOOR)
        for resources in stories.load().values():
            ehr.load(resources)
        yield base
