"""A database that an earlier version filled is brought up to date with every row in it, and the rows stay readable."""

from datetime import timedelta

import pytest

from cds_service.store.backend import PURPOSE, Purpose
from cds_service.store.database import Database
from cds_service.store.migrating import HEAD, upgrade
from cds_service.store.reports import acceptance, looks, purge
from cds_service.store.store import Store
from cds_service.store.tables import stamp
from tests.store.place import CLIENT, LATER, Place, look
from tests.store.writer import AT, card

AUDITED, UNTIL, EXPIRES = stamp(AT), stamp(AT + timedelta(days=30)), stamp(LATER)
ROWS = {
    "0001": (
        f"""INSERT INTO audit (at, client, service, "user", patient, status, sent, read, suppressed, silent, knowledge)
        VALUES ('{AUDITED}', '{CLIENT}', 's', 'u', 'p', 200, 'patient', 'Observation', 0, false, 'sha256:x')""",
        f"INSERT INTO audit_card VALUES (1, '{card(1, 1)}', 'NCT07144020'), (1, '{card(1, 2)}', 'othertrials')",
        f"""INSERT INTO feedback (received_at, client, service, card, outcome, outcome_at, reason, suggestions, commented)
        VALUES ('{AUDITED}', '{CLIENT}', 's', '{card(1, 1)}', 'overridden', '{AUDITED}', 'not-now', 0, false)""",
        f"INSERT INTO override VALUES ('{CLIENT}', '{card(1, 1)}', '{UNTIL}')",
        f"INSERT INTO seen_token VALUES ('seen', '{EXPIRES}')",
    ),
}
"""What a service of each earlier migration wrote: a row at least in every table."""


def fill(database: Database, revision: str) -> None:
    with database._engine.connect().execution_options(**{PURPOSE: Purpose.OPENING}) as connection, connection.begin():
        upgrade(connection, revision)
        for statement in ROWS[revision]:
            connection.exec_driver_sql(statement)


def test_the_rows_of_every_earlier_migration_are_written_down_here() -> None:
    assert list(ROWS) == [f"{number:04}" for number in range(1, int(HEAD))]


@pytest.mark.parametrize("revision", ROWS)
def test_an_earlier_database_is_updated_with_all_its_rows_and_used_on(place: Place, revision: str) -> None:
    old = place.database()
    fill(old, revision)
    old.close()
    database = place.database()
    store = Store(database)
    assert database.revision() == revision
    assert store.is_up()
    assert database.revision() == HEAD
    assert not store.is_new("seen", LATER, AT), "a token that the older version saw"
    (row,) = looks(database, "p")
    assert (row.at, row.user, row.cards, row.knowledge, row.request) == (AUDITED, "u", 2, "sha256:x", None)
    trial, others = acceptance(database)
    assert (trial.topic, trial.shown, dict(trial.reasons)) == ("NCT07144020", 1, {"not-now": 1})
    assert (others.topic, others.shown) == ("othertrials", 1)
    seen = look(request="3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    assert store.audit(seen, [card(1, 1), card(1, 2)]) == {card(1, 1)}, "it was overridden then"
    assert [row.request for row in looks(database, "p")] == [None, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
    assert purge(database, AT + timedelta(days=1), AT + timedelta(days=31)) == 4 + 2 + 1 + 1
