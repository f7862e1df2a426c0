"""Nothing acknowledged is lost, nothing is half-written, and a store that is down delays nobody."""

import logging
import multiprocessing
import re
import sqlite3
import subprocess
import sys
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from cds_service.errors import SettingsError, StoreDown
from cds_service.store import database as database_module
from cds_service.store.database import HEAD, MIGRATIONS, Database, existing
from cds_service.store.in_process import TokensOfThisProcess
from cds_service.store.records import Look, Outcome, Pseudonyms, ShownCard
from cds_service.store.reports import acceptance, looks, purge
from cds_service.store.store import Store
from cds_service.store.tables import METADATA
from tests.store.writer import AT, ITEMS, card, feedback

CLIENT = "https://ehr.example"
OPENERS = 6
LATER = AT + timedelta(minutes=15)


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/store.sqlite"


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "store.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def look(**change: object) -> Look:
    fields = {
        "at": AT,
        "client": CLIENT,
        "service": "s",
        "user": "u",
        "patient": "p",
        "status": 200,
        "sent": ("patient", "conditions"),
        "read": ("Observation",),
        "cards": (ShownCard(card(1, 1), "NCT07144020"), ShownCard(card(1, 2), "othertrials")),
        "suppressed": 0,
        "silent": False,
        "knowledge": "sha256:x",
    }
    return Look(**{**fields, **change})  # type: ignore[arg-type]


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    assert Database(url(tmp_path)).is_up()
    engine = sa.create_engine(url(tmp_path))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_store_can_be_taken_back_to_nothing_and_forward_again(tmp_path: Path) -> None:
    store = Database(url(tmp_path))
    assert store.is_up()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")
    assert acceptance(store) == []


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    assert Database(url(tmp_path)).is_up()
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert not Database(url(tmp_path)).is_up()


def test_a_new_store_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    assert Database(url(tmp_path)).is_up()
    assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0] * len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("address", ["", "store.sqlite", "sqlite://", "sqlite:///:memory:", "nosuch:///x"])
def test_an_address_that_keeps_nothing_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="CDS_STORE"):
        Database(address)


def test_a_report_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        existing(url(tmp_path))
    assert list(tmp_path.iterdir()) == []


def writer(folder: Path, number: int, count: int, tokens: int = 0) -> "subprocess.Popen[str]":
    arguments = [url(folder), str(number), str(count), str(tokens)]
    return subprocess.Popen([sys.executable, "-m", "tests.store.writer", *arguments], stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_lose_nothing_and_accept_each_token_once(tmp_path: Path) -> None:
    count, tokens = 40, 100
    processes = [writer(tmp_path, number, count, tokens) for number in (1, 2)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(lines[-1].removeprefix("won ")) for lines in said) == tokens
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT card) FROM feedback") == [(2 * count * ITEMS, 2 * count * ITEMS)]


def open_together(folder: Path, rounds: int, together: Barrier) -> None:
    """Open a store that does not exist yet in each round; ends with status 0 if each time it was up."""
    for number in range(rounds):
        together.wait(timeout=20)
        store = Database(f"sqlite:///{folder}/{number}.sqlite")
        with store.writing():
            pass
        store.close()


def test_processes_that_open_a_new_store_at_once_all_find_it_up(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(OPENERS)
    processes = [spawn.Process(target=open_together, args=(tmp_path, 60, together)) for _ in range(OPENERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * OPENERS


def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    process = writer(tmp_path, 1, 10_000)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(20)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().splitlines() if line.isdigit()]
    process.wait()
    process.stdout.close()
    kept = {row[0] for row in rows(tmp_path, "SELECT card FROM feedback")}
    assert {card(1, number * ITEMS + item) for number in acknowledged for item in range(ITEMS)} <= kept
    assert len(kept) % ITEMS == 0, "a batch is kept whole or not at all"
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert Store(Database(url(tmp_path))).is_up()


def fill_the_disk(store: Database) -> None:
    """No page can be added to the file any more, as on a full disk."""

    @event.listens_for(store._engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    store.close()


def test_a_full_disk_refuses_feedback_whole_and_answers_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url(tmp_path))
    store = Store(database)
    feedback(store, 1, 0)
    fill_the_disk(database)
    with pytest.raises(StoreDown):
        for number in range(1, 500):
            feedback(store, 1, number)
    assert len(rows(tmp_path, "SELECT 1 FROM feedback")) % ITEMS == 0
    assert not store.is_up()
    database._rest_until = 0.0
    assert not store.is_up(), "it can be read, but nothing can be written"
    database._rest_until = 0.0
    with caplog.at_level(logging.INFO, "cds_service"):
        for _ in range(200):  # the last page has room for some
            store.audit(look())
    assert "audit" in caplog.messages
    assert store.is_new("token", LATER, AT)
    assert not store.is_new("token", LATER, AT), "this process still remembers it"
    assert store.overridden(CLIENT, [card(1, 0)], AT) == frozenset()


def test_a_store_that_recovers_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "REST", 0.0)
    folder = tmp_path / "mounted-later"
    database = Database(url(folder))
    assert not database.is_up()
    folder.mkdir()
    assert database.is_up()
    feedback(Store(database), 1, 0)
    assert len(rows(folder, "SELECT 1 FROM feedback")) == ITEMS


def test_a_store_that_is_down_is_not_asked_again_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "mounted-later"
    database = Database(url(folder))
    assert not database.is_up()
    folder.mkdir()
    assert not database.is_up(), "left alone for some seconds"


def test_a_file_that_is_no_database_is_a_store_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    assert not Database(url(tmp_path)).is_up()


def test_feedback_that_is_repeated_changes_nothing(tmp_path: Path) -> None:
    store = Store(Database(url(tmp_path)))
    for _ in range(3):
        feedback(store, 1, 0)
    assert len(rows(tmp_path, "SELECT 1 FROM feedback")) == ITEMS


def test_an_override_holds_for_its_client_and_its_time(tmp_path: Path) -> None:
    store = Store(Database(url(tmp_path)))
    feedback(store, 1, 0)
    one = card(1, 0)
    assert store.overridden(CLIENT, [one, card(1, 99)], AT) == {one}
    assert store.overridden("https://other.example", [one], AT) == frozenset()
    assert store.overridden(CLIENT, [one], AT + timedelta(days=31)) == frozenset()
    sooner = Outcome(one, "overridden", AT + timedelta(hours=1), "not-now", until=AT + timedelta(days=7))
    store.keep_feedback(CLIENT, "s", [sooner], AT)
    assert store.overridden(CLIENT, [one], AT + timedelta(days=8)) == frozenset(), "the last override counts"


def test_an_expired_token_id_is_forgotten(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    assert Store(database).is_new("a", LATER, AT)
    assert Store(database).is_new("b", AT + timedelta(days=1), AT + timedelta(hours=1))
    assert rows(tmp_path, "SELECT digest FROM seen_token") == [("b",)]


def test_a_process_that_is_full_of_tokens_refuses_rather_than_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.store.in_process.MOST_TOKENS", 2)
    tokens = TokensOfThisProcess()
    assert [tokens.is_new(name, LATER, AT) for name in ("a", "b", "c")] == [True, True, False]
    assert tokens.is_new("c", LATER + timedelta(hours=1), LATER + timedelta(minutes=1)), "the expired make room"


@pytest.fixture
def answered(tmp_path: Path) -> Database:
    """Cards of two topics shown; one accepted, one overridden, one card unknown."""
    database = Database(url(tmp_path))
    store = Store(database)
    store.audit(look())
    store.audit(look())
    store.audit(look(silent=True, cards=(ShownCard(card(1, 3), "NCT04265963"),)))
    outcomes = [
        Outcome(card(1, 1), "accepted", AT),
        Outcome(card(1, 1), "overridden", AT, "not-a-candidate"),
        Outcome(card(1, 2), "overridden", AT, None),
        Outcome(card(9, 9), "overridden", AT, "other"),
    ]
    store.keep_feedback(CLIENT, "s", outcomes, AT)
    return database


def test_the_report_counts_cards_and_outcomes_per_trial(answered: Database) -> None:
    trial, others, unknown = acceptance(answered)
    assert (trial.topic, trial.shown, trial.accepted, trial.overridden, trial.share) == ("NCT07144020", 1, 1, 1, 0.5)
    assert trial.reasons == {"not-a-candidate": 1}
    assert (others.topic, others.accepted, dict(others.reasons), others.share) == ("othertrials", 0, {"no reason": 1}, 0.0)
    assert (unknown.topic, unknown.shown, dict(unknown.reasons)) == ("unknown card", 0, {"other": 1})
    assert acceptance(answered, AT + timedelta(days=1)) == []


def test_who_looked_at_a_patient_is_told_with_the_key_alone(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    ours, other = Pseudonyms(b"key"), Pseudonyms(b"another key")
    Store(database).audit(look(patient=ours.of("patient", "p1"), user=ours.of("user", "Practitioner/7")))
    (row,) = looks(database, ours.of("patient", "p1"))
    assert (row.client, row.sent, row.read, row.cards) == (CLIENT, "patient,conditions", "Observation", 2)
    assert row.user == ours.of("user", "Practitioner/7") != ours.of("patient", "Practitioner/7")
    assert looks(database, other.of("patient", "p1")) == []


def test_purging_forgets_what_is_old_and_keeps_the_rest(answered: Database, tmp_path: Path) -> None:
    Store(answered).audit(look(at=AT + timedelta(days=100)))
    assert purge(answered, AT + timedelta(days=50), AT) == 3 + 5 + 4
    counts = [rows(tmp_path, f"SELECT count(*) FROM {table}") for table in ("audit", "audit_card", "feedback")]
    assert counts == [[(1,)], [(2,)], [(0,)]]


def test_times_of_any_zone_are_kept_as_one(tmp_path: Path) -> None:
    store = Store(Database(url(tmp_path)))
    local = AT.astimezone(ZoneInfo("Asia/Kathmandu"))
    for at in (AT, local):
        store.keep_feedback(CLIENT, "s", [Outcome(card(1, 1), "accepted", at)], at)
    assert rows(tmp_path, "SELECT outcome_at FROM feedback") == [("2026-11-24T12:00:00.000+00:00",)]


def test_the_documentation_names_every_table() -> None:
    rows = [
        line.split("|")[1]
        for line in Path("docs/operations.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(METADATA.tables)
