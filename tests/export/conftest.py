"""All stories answered and all trials exported, once."""

from pathlib import Path
from typing import Any

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import Findings, evaluate
from cds_service.export.release import Release
from cds_service.fhir.bundle import read_bundle
from tests.conftest import ZONE
from tests.export import exported
from tests.records import AS_OF

STORIES = sorted(Path("fhir_fixtures/patients").glob("*.json"))


@pytest.fixture(scope="session")
def story_findings(knowledge: Knowledge) -> dict[str, Findings]:
    """Story → findings."""
    return {path.stem: evaluate(read_bundle(path.read_bytes()), knowledge, AS_OF, ZONE) for path in STORIES}


@pytest.fixture(scope="session")
def story_answers(story_findings: dict[str, Findings], knowledge: Knowledge) -> dict[str, Any]:
    """Story → Bundle of answers."""
    return {story: exported.answers(findings, knowledge) for story, findings in story_findings.items()}


@pytest.fixture(scope="session")
def exported_trials(knowledge: Knowledge) -> dict[Release, dict[str, Any]]:
    """Release → NCT number → Bundle, with the value sets."""
    return {release: exported.trials(knowledge, release) for release in Release}
