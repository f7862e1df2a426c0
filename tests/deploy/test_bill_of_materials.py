"""The bill of materials is complete by the lock file and of allowed licences; an audit that could not ask says so."""

import json
import subprocess
from pathlib import Path

import pytest
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.model.license import DisjunctiveLicense

from deploy.container import bill_of_materials
from deploy.container.bill_of_materials import Unfit

LOCK = """# made by a tool
flask==3.1.3 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via cds-service
ancient==1 ; python_version < '3' \\
    --hash=sha256:cc
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(LOCK, encoding="utf-8")
    return path


def component(name: str, version: str = "3.1.3", sha256: str = "bb", licence: str = "BSD-3-Clause") -> Component:
    licences = [DisjunctiveLicense(id=licence)] if licence else []
    return Component(
        name=name, version=version, licenses=licences, hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
    )


def test_a_bill_that_lists_what_is_locked_for_this_python_is_accepted(lock: Path) -> None:
    bill_of_materials.judge(Bom(components=[component("Flask")]), lock)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([], "flask is not listed as it is locked"),
        ([component("Flask", "3.1.2")], "flask is not listed as it is locked"),
        ([component("Flask", sha256="dd")], "flask has no hash that the lock allows"),
        ([component("Flask"), component("ancient", "1")], "ancient is listed, and not locked"),
        ([component("Flask", licence="GPL-3.0-only")], "Flask is under GPL-3.0-only: replace it, or allow that here"),
        ([component("Flask", licence="LGPL-3.0-only")], "Flask is under LGPL-3.0-only"),
        ([component("Flask", licence="")], "Flask is under no licence that it names"),
    ],
)
def test_a_bill_that_is_not_what_the_image_may_hold_is_refused(lock: Path, listed: list[Component], said: str) -> None:
    with pytest.raises(Unfit, match=said):
        bill_of_materials.judge(Bom(components=listed), lock)


@pytest.mark.parametrize(
    ("name", "declared", "refused"),
    [
        ("any", ["MIT"], None),
        ("any", ["Apache-2.0 OR BSD-3-Clause"], None),
        ("any", ["GPL-2.0-only OR MIT"], None),
        ("any", ["GPL-2.0-only AND MIT"], "GPL-2.0-only AND MIT"),
        ("any", ["Apache-2.0 AND BSD-2-Clause"], None),
        ("any", ["MIT", "AGPL-3.0-only"], "AGPL-3.0-only"),
        ("any", ["Proprietary"], "Proprietary"),
        ("psycopg_binary", ["LGPL-3.0-only"], None),
    ],
)
def test_each_licence_that_a_package_declares_must_be_allowed(name: str, declared: list[str], refused: str | None) -> None:
    assert bill_of_materials.not_allowed(name, declared) == refused


def test_the_bill_has_the_program_on_top_and_a_hash_for_each_package() -> None:
    environment = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "Flask"}]}
    told = json.loads(bill_of_materials.valid(bill_of_materials.bill(environment, {"flask": "ab" * 32})))
    assert told["metadata"]["component"]["name"] == "cds-service"
    (flask,) = told["components"]
    assert flask["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert {"ref": "cds-service", "dependsOn": [flask["bom-ref"]]} in told["dependencies"]


KNOWS = 'case "$*" in *json*) echo \'["CVE-2020-28493"]\'; exit 1;; esac\n'


@pytest.mark.parametrize(
    ("pip_audit", "status", "said"),
    [
        ("echo No known vulnerabilities found", 2, "NOT CHECKED: the service that knows vulnerabilities does not tell"),
        ("echo Dependency not found on PyPI; exit 1", 2, "NOT CHECKED: the service that knows vulnerabilities does not tell"),
        (f"{KNOWS}echo No known vulnerabilities found", 0, "No known vulnerabilities found"),
        (f"{KNOWS}echo Found 2 known vulnerabilities in 1 package; exit 1", 1, "Found 2 known"),
        (f"{KNOWS}echo connection lost; exit 1", 2, "NOT CHECKED: requirements.txt could not be asked about"),
    ],
)
def test_an_audit_that_could_not_ask_never_says_that_none_is_known(
    lock: Path, tmp_path: Path, pip_audit: str, status: int, said: str
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\n{pip_audit}\n", encoding="utf-8")
    program.chmod(0o755)
    command = [Path("deploy/container/audit").resolve(), program, lock.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
    assert (status == 2) == ("NOT CHECKED" in done.stderr)
    assert status == 0 or "No known vulnerabilities" not in done.stdout
