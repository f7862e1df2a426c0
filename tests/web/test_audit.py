"""Who looked at this patient can be answered, and nothing else can be read from the audit."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.store.database import Database
from cds_service.store.records import Pseudonyms
from cds_service.store.reports import LookRow, acceptance, looks
from tests.web.ehr import ISS, SERVICE, bearer, service
from tests.web.test_service import request_of

KEY = b"k" * 32
PATIENT = "relapsed-cd117-positive"


def asked(folder: Path, body: dict[str, Any], **settings: str) -> int:
    return service(folder, **settings).test_client().post(SERVICE, json=body, headers=bearer()).status_code


def rows(folder: Path, patient: str = PATIENT) -> list[LookRow]:
    return looks(Database(f"sqlite:///{folder}/store.sqlite"), Pseudonyms(KEY).of("patient", patient))


def test_a_look_says_who_when_what_was_sent_and_which_cards(tmp_path: Path) -> None:
    assert asked(tmp_path, request_of("sandbox-with-prefetch.json")) == 200
    (row,) = rows(tmp_path)
    assert (row.client, row.service, row.status) == (ISS, SERVICE.rpartition("/")[2], 200)
    assert row.user == Pseudonyms(KEY).of("user", "Practitioner/COREPRACTITIONER1")
    assert row.sent.startswith("patient,conditions,laboratory,")
    assert row.read == ""
    assert row.cards == 4
    assert row.knowledge.startswith("sha256:")


def test_parts_under_foreign_names_are_counted_not_named(tmp_path: Path) -> None:
    asked(tmp_path, request_of("epic-own-key-names.json"))
    assert rows(tmp_path)[0].sent == "patient,others:5"


def test_a_refused_look_is_a_look(tmp_path: Path) -> None:
    body = request_of("without-fhir-server.json")
    del body["prefetch"]
    assert asked(tmp_path, body) == 412
    body["prefetch"] = {"patient": {"resourceType": "Patient", "id": "another"}}
    assert asked(tmp_path, body) == 400
    assert [row.status for row in rows(tmp_path)] == [412, 400]


def test_what_a_patient_is_shown_is_audited_too(tmp_path: Path) -> None:
    body = request_of("sandbox-with-prefetch.json")
    body["context"]["userId"] = "Patient/x"
    asked(tmp_path, body)
    assert rows(tmp_path)[0].cards == 0


def test_in_silent_mode_the_cards_are_audited_and_not_counted_as_shown(tmp_path: Path) -> None:
    asked(tmp_path, request_of("sandbox-with-prefetch.json"), CDS_SILENT="true")
    assert rows(tmp_path)[0].cards == 4
    assert acceptance(Database(f"sqlite:///{tmp_path}/store.sqlite")) == []


def test_nothing_in_the_store_names_patient_or_user(tmp_path: Path) -> None:
    asked(tmp_path, request_of("sandbox-with-prefetch.json"))
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert ISS in dump
    for secret in (PATIENT, "COREPRACTITIONER1", "Ahorn", "invented-token"):
        assert secret not in dump


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    asked(tmp_path, request_of("sandbox-with-prefetch.json"))
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/store.sqlite")
    monkeypatch.setenv("CDS_HASH_KEY", KEY.decode())
    monkeypatch.setenv("COLUMNS", "250")
    return tmp_path


@pytest.mark.usefixtures("environment")
def test_the_command_tells_who_looked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["audit", PATIENT]) == 0
    assert ISS in capsys.readouterr().out
    assert main(["audit", PATIENT, "--user", "Practitioner/COREPRACTITIONER1"]) == 0
    assert ISS in capsys.readouterr().out
    assert main(["audit", PATIENT, "--user", "Practitioner/another"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told == "no look is on record under this CDS_HASH_KEY; those under another key are found with that one"
    monkeypatch.setenv("CDS_HASH_KEY", "")
    assert main(["audit", PATIENT]) == 1
    assert "CDS_HASH_KEY" in capsys.readouterr().err


def test_the_report_is_a_table_and_a_plot(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = service(environment).test_client()
    cards = json.loads(client.post(SERVICE, json=request_of("sandbox-with-prefetch.json"), headers=bearer()).data)["cards"]
    items = [
        {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": "2026-11-24T08:00:00Z"}
        for card, outcome in zip(cards, ("accepted", "overridden", "accepted", "overridden"), strict=True)
    ]
    path = f"{SERVICE}/feedback"
    assert client.post(path, json={"feedback": items}, headers=bearer(path)).status_code == 200
    plot = environment / "feedback.svg"
    assert main(["feedback", "report", "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert "NCT07144020" in shown
    assert "100%" in shown
    assert "Overridden" in shown, "a terminal of 80 columns shows the heads whole"
    assert "no reason" in " ".join(shown.replace("-", " ").split())
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    assert main(["feedback", "report", "--since", "2027-01-01"]) == 0
    assert "no cards were shown" in capsys.readouterr().out


def test_purging_deletes_what_is_older_than_the_setting(
    environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.cli.purge.now", lambda: WRITTEN_FOR + timedelta(hours=1))
    assert main(["purge"]) == 0
    assert capsys.readouterr().out == "1 rows deleted\n", "the token of the call has expired"
    assert len(rows(environment)) == 1
    monkeypatch.setenv("CDS_KEEP_DAYS", "0")
    monkeypatch.setattr("cds_service.cli.purge.now", lambda: WRITTEN_FOR + timedelta(days=1))
    assert main(["purge"]) == 0
    assert rows(environment) == []
