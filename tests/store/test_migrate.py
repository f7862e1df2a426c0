"""Tables made by a job of their own."""

import pytest

from cds_service.cli import main
from cds_service.store.migrating import HEAD
from tests.store.place import Place


def test_migrating_makes_the_tables_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_DATABASE_URL", place.address)
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == f"the tables are at {HEAD}; they were at nothing\n"
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == f"the tables are at {HEAD}\n"
