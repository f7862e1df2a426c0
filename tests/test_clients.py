"""The file of CDS clients: every fault named with its line, nothing assumed."""

import re
from pathlib import Path

import msgspec
import pytest

from cds_service.clients import ClientEntry, load, profiles
from cds_service.errors import KnowledgeErrors

KEYS = '{"keys": []}'
GOOD = "clients:\n  - iss: https://ehr.example\n    jwks: keys.json\n"


def written(folder: Path, text: str) -> Path:
    (folder / "keys.json").write_text(KEYS, encoding="utf-8")
    path = folder / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_client_has_the_defaults_of_the_specification(tmp_path: Path) -> None:
    (client,) = load(written(tmp_path, GOOD)).values()
    assert client.algorithms == {"ES384", "RS384"}
    assert client.max_lifetime == 900
    assert client.profile == profiles()["plain"]
    assert client.fhir_servers == frozenset()


def test_a_client_replaces_lines_of_its_profile(tmp_path: Path) -> None:
    text = GOOD + "    profile: epic\n    deadline: 2.5\n    prefetch_aliases: {labs: laboratory}\n    suggestions: false\n"
    (client,) = load(written(tmp_path, text)).values()
    assert client.profile.deadline == 2.5
    assert client.profile.prefetch_aliases == {"labs": "laboratory"}
    assert client.profile.suggestions is False
    assert client.profile.selection_behavior == "any"


def test_every_profile_is_whole() -> None:
    assert set(profiles()) == {"plain", "sandbox", "epic", "oracle"}
    assert profiles()["epic"].selection_behavior == "any"
    assert profiles()["oracle"].suggestions is False


FAULTS = [
    ("", "lists no clients"),
    ("clients: []\n", "lists no clients"),
    ("clients: {}\n", "lists no clients"),
    ("people: []\n", "lists no clients"),
    ("clients:\n  - iss: https://ehr.example\n", "has no keys"),
    (GOOD.replace("keys.json", "none.json"), "cannot be read"),
    (GOOD + "    colour: red\n", "right shape"),
    (GOOD + "    suggestions: perhaps\n", "right shape"),
    (GOOD + "    profile: meditech\n", "is no profile"),
    (GOOD + "    algorithms: [none]\n", "not all asymmetric"),
    (GOOD + "    algorithms: [HS384]\n", "not all asymmetric"),
    (GOOD + "    algorithms: []\n", "not all asymmetric"),
    (GOOD + "    max_lifetime: 0\n", "between a second and a day"),
    (GOOD + "    deadline: 0\n", "between 0 and 60"),
    (GOOD + "    detail: html\n", "is not known"),
    (GOOD + "    selection_behavior: all\n", "is not known"),
    (GOOD + "    jku: http://ehr.example/jwks\n", "not https"),
    (GOOD + "    fhir_servers: [http://fhir.example]\n", "not https"),
    (GOOD + "    fhir_servers: ['http://127.0.0.1:8080/fhir']\n", "not https"),
    (GOOD + "    fhir_servers: ['https://user:password@fhir.example']\n", "plain address"),
    (GOOD + "    fhir_servers: ['https://fhir.example/../admin']\n", "plain address"),
    (GOOD + "    fhir_servers: ['https://fhir.example:x/']\n", "no address"),
    (GOOD + "    fhir_servers: ['file:///etc/passwd']\n", "plain address"),
    (GOOD + GOOD.removeprefix("clients:\n"), "stands twice"),
    (GOOD.replace("https://ehr.example", "open"), "stands twice"),
    (GOOD.replace("https://ehr.example", "https://sandbox.cds-hooks.org"), "publishes its private key"),
]


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(KnowledgeErrors, match=said) as refusal:
        load(written(tmp_path, text))
    assert all(fault.file == "clients.yaml" and fault.fix for fault in refusal.value.faults)


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeErrors) as refusal:
        load(written(tmp_path, GOOD + "    deadline: 99\n    detail: html\n    algorithms: [none]\n"))
    assert len(refusal.value.faults) == 3


def test_plain_http_is_for_loopback_in_development(tmp_path: Path) -> None:
    text = GOOD + "    fhir_servers: ['http://127.0.0.1:8080/fhir/']\n"
    (client,) = load(written(tmp_path, text), development=True).values()
    assert client.fhir_servers == {"http://127.0.0.1:8080/fhir"}


def test_the_documentation_lists_every_line_of_a_client() -> None:
    documentation = Path("docs/connect.md").read_text(encoding="utf-8")
    table = documentation.partition("| line | default | meaning |\n")[2].partition("\n\n")[0].splitlines()[1:]
    named = {name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == {field.name for field in msgspec.structs.fields(ClientEntry)}
