"""Nothing acknowledged is lost, nothing is half-written, and a store that is down delays nobody."""

import logging
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Sequence
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

from cds_service.errors import SettingsError
from cds_service.store.backend import Patience
from cds_service.store.database import Database
from cds_service.store.in_process import TokensOfThisProcess
from cds_service.store.migrating import HEAD, MIGRATIONS
from cds_service.store.records import Outcome, Pseudonyms, ShownCard
from cds_service.store.reports import acceptance, looks, purge
from cds_service.store.store import Store
from cds_service.store.tables import METADATA
from tests.store.conftest import NewPlace
from tests.store.place import CLIENT, LATER, Place, look
from tests.store.writer import AT, ITEMS, card, feedback

OPENERS = 6


def test_the_migrations_make_the_tables_that_the_code_uses(place: Place) -> None:
    assert place.database().is_up()
    engine = sa.create_engine(place.address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_store_can_be_taken_back_to_nothing_and_forward_again(place: Place) -> None:
    store = place.database()
    assert store.is_up()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")
    assert acceptance(store) == []


def test_a_store_of_a_newer_version_is_left_alone(place: Place) -> None:
    assert place.database().is_up()
    place.change("UPDATE alembic_version SET version_num = '9999'")
    assert not place.database().is_up()


@pytest.mark.parametrize(
    "address", ["", "store.sqlite", "sqlite://", "sqlite:///:memory:", "nosuch:///x", "mysql://h/d", "postgresql://h"]
)
def test_an_address_that_keeps_nothing_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="CDS_DATABASE_URL"):
        Database(address)


def writer(address: str, number: int, count: int, tokens: int = 0) -> "subprocess.Popen[str]":
    arguments = [address, str(number), str(count), str(tokens)]
    return subprocess.Popen([sys.executable, "-m", "tests.store.writer", *arguments], stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_lose_nothing_and_accept_each_token_once(place: Place) -> None:
    count, tokens = 40, 100
    processes = [writer(place.address, number, count, tokens) for number in (1, 2)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(lines[-1].removeprefix("won ")) for lines in said) == tokens
    assert place.rows("SELECT count(*), count(DISTINCT card) FROM feedback") == [(2 * count * ITEMS, 2 * count * ITEMS)]


def open_together(addresses: Sequence[str], together: Barrier) -> None:
    """Open stores that do not exist yet, one a round; ends with status 0 if each time it was up."""
    for address in addresses:
        together.wait(timeout=60)
        store = Database(address)
        with store.writing():
            pass
        store.close()


def test_processes_that_open_a_new_store_at_once_all_find_it_up(new_place: NewPlace) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(OPENERS)
    addresses = [new_place().address for _ in range(20)]
    processes = [spawn.Process(target=open_together, args=(addresses, together)) for _ in range(OPENERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * OPENERS


def override_together(address: str, number: int, together: Barrier) -> None:
    """The same cards, in another order by each process; ends with status 0 if all were kept."""
    store = Store(Database(address, Patience(60.0, 60.0)))
    for batch in range(20):
        until = AT + timedelta(days=30 + number)
        items = [Outcome(card(batch, item), "overridden", AT, "not-now", until=until) for item in range(10)]
        together.wait(timeout=60)
        store.keep_feedback(CLIENT, "s", items if number % 2 else items[::-1], AT)


def test_processes_told_the_same_at_once_keep_it_once_and_do_not_block_each_other(place: Place) -> None:
    assert place.database().is_up()
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(4)
    processes = [spawn.Process(target=override_together, args=(place.address, number, together)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert place.rows("SELECT count(*) FROM feedback") == place.rows("SELECT count(*) FROM override") == [(200,)]


def test_a_report_makes_no_tables(place: Place) -> None:
    with pytest.raises(SettingsError, match="CDS_DATABASE_URL names"):
        place.existing()
    assert place.database().is_up()
    assert acceptance(place.existing()) == []


def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_half_written(place: Place) -> None:
    process = writer(place.address, 1, 10_000)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(20)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().splitlines() if line.isdigit()]
    process.wait()
    process.stdout.close()
    kept = {row[0] for row in place.rows("SELECT card FROM feedback")}
    assert {card(1, number * ITEMS + item) for number in acknowledged for item in range(ITEMS)} <= kept
    assert len(kept) % ITEMS == 0, "a batch is kept whole or not at all"
    assert Store(place.database()).is_up()


def test_feedback_that_is_repeated_changes_nothing(place: Place) -> None:
    store = Store(place.database())
    for _ in range(3):
        feedback(store, 1, 0)
    assert len(place.rows("SELECT 1 FROM feedback")) == ITEMS


def test_an_override_holds_for_its_client_and_its_time(place: Place) -> None:
    store = Store(place.database())
    feedback(store, 1, 0)
    one = card(1, 0)
    assert store.audit(look(), [one, card(1, 99)]) == {one}
    assert store.audit(look(client="https://other.example"), [one]) == frozenset()
    assert store.audit(look(at=AT + timedelta(days=31)), [one]) == frozenset()
    sooner = Outcome(one, "overridden", AT + timedelta(hours=1), "not-now", until=AT + timedelta(days=7))
    store.keep_feedback(CLIENT, "s", [sooner], AT)
    assert store.audit(look(at=AT + timedelta(days=8)), [one]) == frozenset(), "the last override counts"


def test_a_card_that_is_away_is_kept_in_the_audit_as_suppressed_and_not_as_shown(place: Place) -> None:
    store = Store(place.database())
    feedback(store, 1, 0)
    cards = (ShownCard(card(1, 0), "NCT07144020"), ShownCard(card(2, 2), "othertrials"))
    assert store.audit(look(cards=cards), [card(1, 0), card(2, 2)]) == {card(1, 0)}
    assert place.rows("SELECT suppressed FROM audit") == [(1,)]
    assert place.rows("SELECT card FROM audit_card") == [(card(2, 2),)]


def test_a_card_that_is_away_stays_away_though_the_audit_row_cannot_be_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = place.database()
    store = Store(database)
    feedback(store, 1, 0)

    def fails(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("cds_service.store.store._insert_look", fails)
    cards = (ShownCard(card(1, 0), "NCT07144020"),)
    with caplog.at_level(logging.INFO, "cds_service"):
        assert store.audit(look(cards=cards), [card(1, 0)]) == {card(1, 0)}
    (told,) = [record for record in caplog.records if record.message == "audit"]
    assert told.__dict__["fields"]["suppressed"] == 1
    assert place.rows("SELECT 1 FROM audit") == []


def test_an_expired_token_id_is_forgotten(place: Place) -> None:
    database = place.database()
    assert Store(database).is_new("a", LATER, AT)
    assert Store(database).is_new("b", AT + timedelta(days=1), AT + timedelta(hours=1))
    assert place.rows("SELECT digest FROM seen_token") == [("b",)]


def test_a_process_that_is_full_of_tokens_refuses_rather_than_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.store.in_process.MOST_TOKENS", 2)
    tokens = TokensOfThisProcess()
    assert [tokens.is_new(name, LATER, AT) for name in ("a", "b", "c")] == [True, True, False]
    assert tokens.is_new("c", LATER + timedelta(hours=1), LATER + timedelta(minutes=1)), "the expired make room"


@pytest.fixture
def answered(place: Place) -> Database:
    """Cards of two topics shown; one accepted, one overridden, one card unknown."""
    database = place.database()
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


def test_who_looked_at_a_patient_is_told_with_the_key_alone(place: Place) -> None:
    database = place.database()
    ours, other = Pseudonyms(b"key"), Pseudonyms(b"another key")
    Store(database).audit(look(patient=ours.of("patient", "p1"), user=ours.of("user", "Practitioner/7")))
    (row,) = looks(database, ours.of("patient", "p1"))
    assert (row.client, row.sent, row.read, row.cards) == (CLIENT, "patient,conditions", "Observation", 2)
    assert row.user == ours.of("user", "Practitioner/7") != ours.of("patient", "Practitioner/7")
    assert looks(database, other.of("patient", "p1")) == []


def test_purging_forgets_what_is_old_and_keeps_the_rest(answered: Database, place: Place) -> None:
    Store(answered).audit(look(at=AT + timedelta(days=100)))
    assert purge(answered, AT + timedelta(days=50), AT) == 3 + 5 + 4
    counts = [place.rows(f"SELECT count(*) FROM {table}") for table in ("audit", "audit_card", "feedback")]
    assert counts == [[(1,)], [(2,)], [(0,)]]


def test_times_of_any_zone_are_kept_as_one(place: Place) -> None:
    store = Store(place.database())
    local = AT.astimezone(ZoneInfo("Asia/Kathmandu"))
    for at in (AT, local):
        store.keep_feedback(CLIENT, "s", [Outcome(card(1, 1), "accepted", at)], at)
    assert place.rows("SELECT outcome_at FROM feedback") == [("2026-11-24T12:00:00.000+00:00",)]


def test_the_documentation_tells_every_column() -> None:
    page = Path("docs/security.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+\.\w+)` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)
    assert sorted(told) == sorted(
        f"{table.name}.{column.name}" for table in METADATA.tables.values() for column in table.columns
    )
