"""Whole exports, to be read and compared."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import Findings
from cds_service.export.answers import answers_bundle
from cds_service.export.release import Release
from cds_service.export.trials import trial_bundle
from tests.records import AS_OF

GOLDEN = Path(__file__).with_name("golden")
IF_MEANT = "if the change is meant: WRITE_GOLDEN=1 .venv/bin/pytest tests/export/test_golden.py"
DIGEST = "sha256:of-the-golden-files"
"""Instead of the knowledge's own, which changes with every word of it."""


def compare(name: str, exported: str) -> None:
    path = GOLDEN / name
    if os.environ.get("WRITE_GOLDEN") == "1":
        path.write_text(exported + "\n", encoding="utf-8")
    assert json.loads(exported) == json.loads(path.read_text(encoding="utf-8")), IF_MEANT


@pytest.mark.parametrize("release", list(Release))
def test_a_trial_is_exported_as_in_its_golden_file(knowledge: Knowledge, release: Release) -> None:
    known = replace(knowledge, digest=DIGEST)
    (told,) = [trial_bundle(one, known, release, with_value_sets=False) for one in known.trials if one.id == "NCT05943314"]
    compare(f"NCT05943314.{release.value}.json", told.model_dump_json(indent=2))


@pytest.mark.parametrize("story", ["relapsed-cd117-positive", "hepatitis-b-carrier"])
def test_a_patients_answers_are_exported_as_in_their_golden_file(
    knowledge: Knowledge, story_findings: dict[str, Findings], story: str
) -> None:
    findings = structs.replace(story_findings[story], digest=DIGEST)
    told = answers_bundle(findings, AS_OF, knowledge.terminology, {"NCT07144020"})
    compare(f"{story}.NCT07144020.json", told.model_dump_json(indent=2))
