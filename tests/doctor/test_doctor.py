"""What is wrong around the service is told in one report, with what to do, before a clinician notices."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import responses

from cds_service.cli import main
from cds_service.doctor.capabilities import decode, judge
from cds_service.doctor.examination import examine
from cds_service.doctor.finding import Finding, State
from cds_service.fhir.template import Template
from cds_service.hooks.patient_view import PREFETCH
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server
from cds_service.sandbox.running import running
from cds_service.settings import read_settings
from cds_service.store.database import Database
from cds_service.store.migrating import HEAD
from tests.web.ehr import KEYS

TEMPLATES = [Template(key, query) for key, query in PREFETCH.items()]
FHIR = "https://ehr.example/fhir"
JKU = "https://ehr.example/keys"


@pytest.fixture
def fhir_server() -> Iterator[str]:
    with running(create_fhir_server(ResourceStore([]))) as address:
        yield f"{address}/fhir"


def open_settings(folder: Path, **more: str) -> dict[str, str]:
    """Settings of a site where all is well."""
    return {"CDS_AUTH": "off", "CDS_TIMEZONE": "Europe/Berlin", "CDS_DATABASE_URL": f"sqlite:///{folder}/s.sqlite", **more}


def found(settings: dict[str, str], *servers: str) -> list[Finding]:
    return list(examine(read_settings(settings), servers))


def of(findings: list[Finding], subject: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.subject == subject]
    return finding


def test_a_site_where_all_is_well_has_nothing_to_do(tmp_path: Path, fhir_server: str) -> None:
    database = Database(f"sqlite:///{tmp_path}/s.sqlite")
    database.migrate()
    database.close()
    findings = found(open_settings(tmp_path), fhir_server)
    assert [(finding.said, finding.fix) for finding in findings if finding.state is not State.OK] == []
    assert "Condition" in of(findings, fhir_server).said


def test_the_report_is_a_table_with_an_exit_status(
    tmp_path: Path, fhir_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in open_settings(tmp_path, COLUMNS="200").items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", "--fhir-server", fhir_server]) == 0
    assert capsys.readouterr().out.endswith("0 failed, 1 to look at\n")
    assert main(["doctor", "--fhir-server", "http://127.0.0.1:1/fhir"]) == 1
    said = capsys.readouterr().out
    assert "metadata: unreachable" in said
    assert said.endswith("1 failed, 1 to look at\n")
    assert list(tmp_path.iterdir()) == [], "nothing is made by looking"


@pytest.mark.parametrize(
    ("change", "subject", "said"),
    [
        ({"CDS_AUTH": "on"}, "clients", "CDS_CLIENTS must name the file"),
        ({"CDS_ASSUMPTIONS": __file__}, "knowledge", "test_doctor.py"),
        ({"CDS_HOST": "0.0.0.0"}, "settings", "CDS_HASH_KEY must be set"),
        ({"CDS_HOST": "0.0.0.0", "CDS_HASH_KEY": "short"}, "settings", "32 characters or more"),
        ({"CDS_HOST": "0.0.0.0", "CDS_CORS_ORIGINS": "*"}, "settings", "for development on loopback"),
        ({"CDS_DATABASE_URL": "sqlite:////nowhere/s.sqlite"}, "database", "/nowhere cannot be written to"),
        ({"CDS_DATABASE_URL": "nowhere"}, "database", "must be a database address"),
        ({"CDS_DATABASE_URL": "postgresql://cds:secret@127.0.0.1:1/cds"}, "database", "cannot be reached or read"),
    ],
)
def test_what_keeps_the_service_from_its_work_is_a_failure(
    tmp_path: Path, change: dict[str, str], subject: str, said: str
) -> None:
    finding = of(found(open_settings(tmp_path) | change), subject)
    assert finding.state is State.FAILED
    assert said in finding.said
    assert "secret" not in finding.said + finding.fix


def test_tables_of_another_version_are_told_with_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/s.sqlite")
    database.migrate()
    database.close()

    def told(statement: str) -> tuple[State, str]:
        with closing(sqlite3.connect(tmp_path / "s.sqlite")) as connection:
            connection.execute(statement)
            connection.commit()
        finding = of(found(open_settings(tmp_path)), "database")
        return finding.state, finding.said

    older = told("UPDATE alembic_version SET version_num = '0001'")
    newer = told("UPDATE alembic_version SET version_num = '9999'")
    none = told("DROP TABLE alembic_version")
    assert older == (State.LOOK, f"its tables are at 0001, this version's are {HEAD}")
    assert newer == (State.FAILED, "its tables are of a newer version of this program")
    assert none == (State.LOOK, "it has no tables yet")


def test_an_hour_that_is_utc_is_to_be_looked_at(tmp_path: Path) -> None:
    assert any("CDS_TIMEZONE" in finding.said for finding in found(open_settings(tmp_path, CDS_TIMEZONE="UTC")))


def site(folder: Path, client: str) -> dict[str, str]:
    """A site with one client, which has these lines beside its iss."""
    (folder / "keys.json").write_text(KEYS, encoding="utf-8")
    (folder / "clients.yaml").write_text(
        f"clients:\n  - iss: ehr\n    fhir_servers: [{FHIR}]\n    {client}\n", encoding="utf-8"
    )
    known = {"CDS_CLIENTS": str(folder / "clients.yaml"), "CDS_PUBLIC_URL": "https://cds.example", "CDS_HASH_KEY": "k" * 32}
    return open_settings(folder, CDS_AUTH="on", **known)


CAPABLE = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": []}]}


@responses.activate
def test_keys_and_fhir_server_of_each_client_are_looked_at(tmp_path: Path) -> None:
    responses.get(JKU, body=KEYS)
    responses.get(f"{FHIR}/metadata", json=CAPABLE)
    findings = found(site(tmp_path, f"jku: {JKU}"))
    assert of(findings, "keys of ehr") == Finding("keys of ehr", State.OK, f"2 keys from {JKU}")
    assert {finding.said for finding in findings if finding.subject == FHIR} >= {"offers no Condition", "offers no Observation"}
    assert of(found(site(tmp_path, "jwks: keys.json")), "keys of ehr").said == "2 keys from its file"


@responses.activate
def test_a_type_that_the_client_is_known_not_to_offer_is_no_finding(tmp_path: Path) -> None:
    responses.get(f"{FHIR}/metadata", json=CAPABLE)
    findings = found(site(tmp_path, "jwks: keys.json\n    not_offered: [Procedure, MedicationStatement]"))
    assert not any("Procedure" in finding.said or "MedicationStatement" in finding.said for finding in findings)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, "", "answered 500"),
        (200, "<html>", "holds no key with a kid"),
        (200, '{"keys": []}', "holds no key with a kid"),
        (302, "", "redirect-refused"),
    ],
)
@responses.activate
def test_keys_that_cannot_be_had_are_a_failure(tmp_path: Path, status: int, body: str, said: str) -> None:
    responses.get(JKU, body=body, status=status, headers={"Location": "https://elsewhere.example"})
    responses.get(f"{FHIR}/metadata", json=CAPABLE)
    finding = of(found(site(tmp_path, f"jku: {JKU}")), "keys of ehr")
    assert finding.state is State.FAILED
    assert said in finding.said
    assert finding.fix


@pytest.mark.parametrize("body", ["<html>", "{}", '{"resourceType": "Patient"}', "[" * 100_000])
@responses.activate
def test_metadata_that_are_no_capability_statement_are_a_failure(tmp_path: Path, body: str) -> None:
    responses.get(f"{FHIR}/metadata", body=body)
    finding = of(found(site(tmp_path, "jwks: keys.json")), FHIR)
    assert (finding.state, finding.said) == (State.FAILED, "its metadata is no CapabilityStatement")


def statement(**change: Any) -> bytes:
    """A server that offers everything, but for what is changed by resource type."""
    types = {template.resource_type for template in TEMPLATES} | {"Medication"}
    parameters = [{"name": name} for name in ("patient", "category", "code", "date")]
    whole = {"interaction": [{"code": "read"}, {"code": "search-type"}], "searchParam": parameters}
    resources = [{"type": kind, **whole, **change.get(kind, {})} for kind in sorted(types)]
    return json.dumps({**CAPABLE, "rest": [{"mode": "server", "resource": resources}], **change.get("all", {})}).encode()


def judged(**change: Any) -> list[Finding]:
    decoded = decode(statement(**change))
    assert decoded is not None
    return [finding for finding in judge("s", decoded, TEMPLATES, ()) if finding.state is not State.OK]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        (
            {"Observation": {"searchParam": [{"name": "patient"}]}},
            ["Observation: does not list the search parameter category, code, date"],
        ),
        ({"Condition": {"interaction": [{"code": "read"}]}}, ["Condition: does not offer search-type"]),
        ({"Patient": {"interaction": [{"code": "search-type"}]}}, ["Patient: does not offer read"]),
        ({"Patient": {"searchParam": []}}, []),
        ({"all": {"fhirVersion": "5.0.0"}}, ["it names another version of FHIR"]),
        ({"all": {"fhirVersion": None}}, ["it names no version of FHIR"]),
    ],
)
def test_what_a_server_lacks_of_our_searches_is_told_by_type(change: dict[str, Any], said: list[str]) -> None:
    assert [finding.said for finding in judged(**change)] == said
