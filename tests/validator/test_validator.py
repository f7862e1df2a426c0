"""Every export against HAPI FHIR's own validator: structure, invariants and required bindings, in R4 and R5."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import evaluate
from cds_service.export.release import Release
from cds_service.fhir.bundle import read_bundle
from tests.conftest import ZONE
from tests.export.exported import answers, trials
from tests.hapi.server import missing_tools
from tests.records import AS_OF

pytestmark = pytest.mark.hapi
HERE = Path(__file__).parent
FLAGS = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
STORIES = ["relapsed-cd117-positive", "hepatitis-b-carrier", "no-labs-yet", "deceased", "type-2-diabetes", "on-tacrolimus"]

Finding = tuple[str, str, str]
"""Severity, place, message."""
Validate = Callable[[Release, dict[str, Any]], list[Finding]]


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Without its tools the tests are skipped, unless REQUIRE_HAPI says that they must run."""
    if (lacking := missing_tools()) is not None:
        if os.environ.get("REQUIRE_HAPI") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    subprocess.run(["mvn", "-B", "-ntp", "-q", "compile"], cwd=HERE, check=True)
    classes = f"target/classes{os.pathsep}{(HERE / 'target' / 'cp.txt').read_text(encoding='utf-8').strip()}"

    def run(release: Release, bundles: dict[str, Any]) -> list[Finding]:
        directory = tmp_path_factory.mktemp("bundles")
        for name, bundle in bundles.items():
            (directory / f"{name}.json").write_text(json.dumps(bundle), encoding="utf-8")
        command = ["java", *FLAGS, "-cp", classes, "Validate", release.value, *map(str, sorted(directory.iterdir()))]
        done = subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        assert {Path(file).stem for file, severity, _, _ in lines if severity == "VALIDATED"} == bundles.keys()
        return [(severity, f"{Path(file).stem}: {place}", message) for file, severity, place, message in lines]

    return run


def serious(findings: list[Finding]) -> list[Finding]:
    """What is wrong, and every warning but those about our value sets and about a status that only text can tell."""
    return [
        finding
        for finding in findings
        if finding[0] in ("ERROR", "FATAL")
        or (finding[0] == "WARNING" and "*ValueSet/" not in finding[1] and ".progressStatus" not in finding[1])
    ]


@pytest.mark.parametrize("release", list(Release))
def test_the_validator_has_nothing_against_our_trials(validate: Validate, knowledge: Knowledge, release: Release) -> None:
    assert serious(validate(release, trials(knowledge, release))) == []


def test_the_validator_has_nothing_against_our_answers(validate: Validate, knowledge: Knowledge) -> None:
    bundles = {}
    for story in [*(f"patients/{name}" for name in STORIES), "reject/odd-entries-survived"]:
        record = read_bundle(Path(f"fhir_fixtures/{story}.json").read_bytes())
        bundles[Path(story).name] = answers(evaluate(record, knowledge, AS_OF, ZONE), knowledge)
    assert serious(validate(Release.R4, bundles)) == []


def test_the_validator_finds_a_code_that_is_not_in_its_required_value_set(validate: Validate, knowledge: Knowledge) -> None:
    bundle = trials(knowledge, Release.R4)["NCT05943314"]
    bundle["entry"][0]["resource"]["status"] = "recruiting"
    found = serious(validate(Release.R4, {"wrong": bundle}))
    assert found
    assert all(
        severity == "ERROR" and place.endswith(".status") and "recruiting" in message for severity, place, message in found
    )
