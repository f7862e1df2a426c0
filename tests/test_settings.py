"""Settings: typed, refused when wrong, and documented as they are."""

from pathlib import Path

import pytest

from cds_service.assumptions import load as load_assumptions
from cds_service.errors import SettingsError
from cds_service.settings import SETTINGS, read_settings


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


def test_the_readme_lists_every_setting_with_its_default() -> None:
    readme = Path("README.md").read_text(encoding="utf-8")
    for setting in SETTINGS:
        assert f"| `{setting.name}` | `{setting.default or ' '}` | {setting.help} |" in readme


def test_the_readme_lists_every_assumption_with_its_source() -> None:
    readme = Path("README.md").read_text(encoding="utf-8")
    for name, (value, source) in load_assumptions().sources.items():
        assert f"| `{name}` | {value} | {source} |" in readme
