"""Settings: typed, refused when wrong, and documented as they are."""

import re
from pathlib import Path

import pytest

from cds_service.assumptions import load as load_assumptions
from cds_service.cli import main
from cds_service.cli.settings import markdown
from cds_service.errors import SettingsError
from cds_service.settings import SETTINGS, current_values, read_settings


def test_the_defaults_are_valid() -> None:
    settings = read_settings({})
    assert settings.is_loopback()
    assert settings.hash_key is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CDS_PORT", "many", "CDS_PORT must be a number"),
        ("CDS_PORT", "80.5", "whole number"),
        ("CDS_READ_TIMEOUT", "-1", "of 0 or more"),
        ("CDS_SILENT", "perhaps", "true or false"),
        ("CDS_TIMEZONE", "Nowhere", "time zone"),
        ("CDS_ASSUMPTIONS", "/nowhere.yaml", "does not exist"),
        ("CDS_CONCEPT_MAPS", "/nowhere", "directory that does not exist"),
        ("CDS_COLOUR", "red", "is no setting"),
        ("CDS_STORE", "sqlite:///x", "CDS_STORE is called CDS_DATABASE_URL now"),
        ("CDS_AUTH", "perhaps", "must be on or off"),
        ("CDS_PUBLIC_URL", "cds.hospital.example", "must begin with https://"),
        ("CDS_RATE_LIMIT", "often", "must be a rate"),
        ("CDS_PRIVATE_NETWORKS", "10.20.0.1/16", "must list networks"),
        ("CDS_PRIVATE_NETWORKS", "the-clinic", "must list networks"),
        ("CDS_SUPPRESS_DAYS", "not-now=7", "must be days, then days by reason"),
        ("CDS_SUPPRESS_DAYS", "30, not-now=soon", "of 0 or more"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings({name: value})


def test_lists_are_split_at_commas() -> None:
    settings = read_settings({"CDS_FHIR_SERVERS": "https://a.example/fhir/, https://b.example"})
    assert settings.fhir_servers == ("https://a.example/fhir", "https://b.example")


def test_the_documents_have_the_table_of_settings_and_of_files() -> None:
    page = Path("docs/settings.md").read_text(encoding="utf-8")
    assert f"\n{markdown()}\n" in page, "cds-service settings --markdown writes it"
    assert set(re.findall(r"CDS_\w+_FILE", page)) == {setting.in_file for setting in SETTINGS} - {None}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("k" * 32 + "\n")
    assert read_settings({"CDS_HASH_KEY_FILE": str(secret)}).hash_key == b"k" * 32
    secret.write_text("postgresql://cds:secret@db.example/cds\n")
    given = {"CDS_DATABASE_URL_FILE": str(secret)}
    assert read_settings(given).database_url == "postgresql://cds:secret@db.example/cds"
    assert current_values(given)["CDS_DATABASE_URL"] == "postgresql://cds:***@db.example/cds"


@pytest.mark.parametrize(
    ("content", "beside", "said"),
    [
        (None, {}, "cannot be read"),
        (b"", {}, "is empty"),
        (b" \n", {}, "is empty"),
        (b"\xff\xfe", {}, "it is no text"),
        (b"k", {"CDS_HASH_KEY": "x"}, "exclude each other"),
    ],
)
def test_a_file_that_holds_no_secret_stops_the_start(
    tmp_path: Path, content: bytes | None, beside: dict[str, str], said: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SettingsError, match=said) as refused:
        read_settings({"CDS_HASH_KEY_FILE": str(tmp_path / "secret"), **beside})
    assert "CDS_HASH_KEY_FILE" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("CDS_HASH_KEY", "secret", "***"),
        ("CDS_HASH_KEY", "", ""),
        ("CDS_DATABASE_URL", "postgresql://cds:se/cr@et@db.example/cds", "postgresql://cds:***@db.example/cds"),
        ("CDS_DATABASE_URL", "postgresql://db/cds?user=cds&password=secret&sslmode=require", None),
        ("CDS_DATABASE_URL", "sqlite:////var/lib/store.sqlite", "sqlite:////var/lib/store.sqlite"),
        ("CDS_DATABASE_URL", "postgresql://cds://secret@db.example/cds", "postgresql://cds:***@db.example/cds"),
        ("CDS_PROXY", "http://user:secret@proxy.example:3128", "http://user:***@proxy.example:3128"),
        ("CDS_PROXY", "http://proxy.example:3128", "http://proxy.example:3128"),
    ],
)
def test_no_secret_and_no_password_is_shown(name: str, value: str, shown: str | None) -> None:
    expected = shown if shown is not None else "postgresql://db/cds?user=cds&password=***&sslmode=require"
    assert current_values({name: value})[name] == expected


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CDS_PROT", "8080", "did you mean CDS_PORT?"),
        ("CDS_HASHKEY", "x", "did you mean CDS_HASH_KEY"),
        ("CDS_COLOUR", "red", "lists them all"),
        ("CDS_SERVICE_PORT", "tcp://10.0.0.1:8080", "enableServiceLinks: false"),
        ("CDS_SERVICE_SERVICE_HOST", "10.0.0.1", "enableServiceLinks: false"),
        ("CDS_SERVICE_PORT_8080_TCP_PORT", "8080", "enableServiceLinks: false"),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_likely_fix(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        read_settings({name: value})


def test_the_list_of_settings_is_shown_although_one_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_PROT", "8080")
    assert main(["settings"]) == 1
    said = capsys.readouterr()
    assert "CDS_PORT" in said.out
    assert "CDS_PROT is no setting" in said.err
    monkeypatch.delenv("CDS_PROT")
    monkeypatch.setenv("CDS_PORT", "many")
    assert main(["settings"]) == 1
    assert "many" in capsys.readouterr().out


def test_the_table_for_documents_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown()


def test_the_documents_list_every_assumption_with_its_source() -> None:
    page = Path("docs/assumptions.md").read_text(encoding="utf-8")
    for name, (value, source) in load_assumptions().sources.items():
        assert f"| `{name}` | {value} | {source} |" in page
