"""What is cited as evidence, checked by `fhir.resources` (R4B, the nearest to R4).

What is not valid FHIR but reads well still counts; it is marked, so that a strict library never costs a patient an answer.
"""

from collections.abc import Iterable
from typing import cast

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from cds_service.fhir.plain import is_plain
from cds_service.fhir.record import Json, PatientRecord
from cds_service.fhir.resources import READ


def problems(record: PatientRecord, references: Iterable[str]) -> dict[str, str]:
    """Reference → why the resource is not valid FHIR: element and kind of error, never a value."""
    found: dict[str, str] = {}
    for reference in sorted(references):
        entry = record.by_reference.get(reference)
        if entry is None:
            continue
        resource_type = entry.resource.resource_type
        if not is_plain(resource_type, entry.raw) and (problem := _problem(resource_type, entry.raw)):
            found[reference] = problem
    return found


def warm_up() -> None:
    """Build the models at start, not in the first call."""
    for resource_type in READ:
        _model(resource_type)


def _model(resource_type: str) -> type[BaseModel]:
    return cast(type[BaseModel], get_fhir_model_class(resource_type))


def _problem(resource_type: str, raw: Json) -> str | None:
    try:
        _model(resource_type).model_validate_json(bytes(raw))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        elements = ".".join(part for part in first["loc"] if isinstance(part, str) and part.isalpha()) or resource_type
        return f"{elements}: {first['type'].replace('_', ' ')}"
    except Exception:  # noqa: BLE001  # the library fails in ways of its own on odd elements, and never costs an answer
        return "cannot be read as this type"
    return None
