"""Exports as plain JSON, and what the tests ask of them."""

import json
from collections.abc import Iterator
from typing import Any

from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import Findings
from cds_service.export.answers import answers_bundle
from cds_service.export.release import Release
from cds_service.export.trials import trial_bundle
from tests.records import AS_OF

BASE = "https://cds-service.example"
OURS = f"{BASE}/StructureDefinition/"


def trials(knowledge: Knowledge, release: Release) -> dict[str, Any]:
    """NCT number → Bundle, with the value sets."""
    return {
        trial.id: json.loads(trial_bundle(trial, knowledge, release, with_value_sets=True).model_dump_json())
        for trial in knowledge.trials
    }


def answers(findings: Findings, knowledge: Knowledge) -> Any:
    return json.loads(answers_bundle(findings, AS_OF, knowledge.terminology).model_dump_json())


def of_type(bundle: Any, resource_type: str) -> list[Any]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == resource_type]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a JSON value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def extras(element: Any) -> dict[str, Any]:
    """Our extensions of an element: name → value, or name → values of its parts; a repeated one is a list."""
    told: dict[str, Any] = {}
    for extension in element.get("extension", []):
        name = extension["url"].removeprefix(OURS)
        value = (
            extras(extension) if "extension" in extension else next(v for k, v in extension.items() if k.startswith("value"))
        )
        told[name] = [*told.get(name, []), value] if name in ("part", "shared-reading") else value
    return told
