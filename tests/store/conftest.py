"""Both databases, for every test of the store."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.place import Place
from tests.store.server import PostgreSQL, missing_programs

NewPlace = Callable[[], Place]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running server. Without its programs the tests are skipped, unless REQUIRE_POSTGRESQL says that they must run."""
    if (lacking := missing_programs()) is not None:
        if os.environ.get("REQUIRE_POSTGRESQL") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    server = PostgreSQL()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewPlace]:
    """Makes empty databases of one kind."""
    made: list[Place] = []
    server: PostgreSQL | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None

    def new() -> Place:
        made.append(Place(f"sqlite:///{tmp_path}/{len(made)}.sqlite" if server is None else server.new_database()))
        return made[-1]

    yield new
    for database in (database for place in made for database in place.opened):
        database.close()


@pytest.fixture
def place(new_place: NewPlace) -> Place:
    return new_place()
