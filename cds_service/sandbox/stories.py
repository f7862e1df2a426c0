"""Patient stories: one FHIR Bundle a patient, and what the practice EHR does with each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import cast

from cds_service.errors import UnreadableRecord
from cds_service.sandbox.search import Json

DIRECTORY = Path(__file__).resolve().parents[2] / "fhir_fixtures" / "patients"
WRITTEN_FOR = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The day that the stories are written for; the demonstration judges on it, so that it never ages."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")


class Sends(Enum):
    """What the EHR sends along with the hook."""

    PREFETCH = "sends the record along"
    ACCESS = "leaves the service to read the record"
    NOTHING = "sends nothing, and its FHIR server refuses"


@dataclass(frozen=True, slots=True)
class Scene:
    """A story of the demonstration."""

    story: str
    sends: Sends


SCENES = (
    Scene("relapsed-cd117-positive", Sends.PREFETCH),
    Scene("relapsed-cd123-positive", Sends.ACCESS),
    Scene("hepatitis-b-carrier", Sends.PREFETCH),
    Scene("no-labs-yet", Sends.ACCESS),
    Scene("child-in-relapse", Sends.PREFETCH),
    Scene("leukaemia-of-unspecified-kind", Sends.ACCESS),
    Scene("type-2-diabetes", Sends.ACCESS),
    Scene("relapsed-but-ehr-refuses", Sends.NOTHING),
)


def load(directory: Path = DIRECTORY) -> dict[str, list[Json]]:
    """Story → its resources, Patient first. Raises: UnreadableRecord naming the file."""
    stories = {path.stem: _resources(path) for path in sorted(directory.glob("*.json"))}
    if not stories:
        raise UnreadableRecord("no-stories", f"there is no patient story in {directory}; name the folder with --fixtures")
    return stories


def told_on(day: date, patients: Mapping[str, list[Json]]) -> dict[str, list[Json]]:
    """The stories as if they were written for that day: all their dates are moved, days of birth too, and every span stays."""
    later = day - WRITTEN_FOR.date()
    return {story: [cast(Json, _moved(resource, later)) for resource in resources] for story, resources in patients.items()}


def _moved(value: object, later: timedelta) -> object:
    if isinstance(value, dict):
        return {key: _moved(inner, later) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, later) for inner in value]
    if isinstance(value, str) and (found := _DAY.match(value)):
        return f"{date.fromisoformat(found[0]) + later}{value[found.end() :]}"
    return value


def patient_id(resources: Sequence[Json]) -> str:
    return next(str(resource["id"]) for resource in resources if resource["resourceType"] == "Patient")


def _resources(path: Path) -> list[Json]:
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
        resources = [entry["resource"] for entry in bundle["entry"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableRecord("not-a-bundle", f"{path.name} is not a FHIR Bundle in JSON") from error
    return sorted(resources, key=lambda resource: resource["resourceType"] != "Patient")
