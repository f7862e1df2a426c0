"""FHIR search as the practice EHR offers it: a few parameters, and every other one refused."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast
from zoneinfo import ZoneInfo

from cds_service.dates import DateRange, parse_fhir_date

Json = dict[str, object]
UTC = ZoneInfo("UTC")
_PREFIXED = re.compile(r"(?P<prefix>eq|ge|le|gt|lt)?(?P<date>\d{4}.*)")
DATES = ("effectiveDateTime", "performedDateTime", "authoredOn", "recordedDate", "onsetDateTime", "dateAsserted", "issued")
PERIODS = ("effectivePeriod", "performedPeriod")
CONCEPTS = ("code", "medicationCodeableConcept")


class SearchRefusedError(Exception):
    """A parameter that this server does not know, or that has no value; the message may be shown."""


def matching(resources: Iterable[Json], parameters: Sequence[tuple[str, str]]) -> list[Json]:
    """Resources that all parameters let through, sorted. Raises: SearchRefusedError."""
    found = list(resources)
    for name, value in parameters:
        if name in ("_sort", "_count"):
            continue
        if name not in _TESTS:
            raise SearchRefusedError(f"the search parameter {name} is not supported")
        if not value:
            raise SearchRefusedError(f"the search parameter {name} is empty")
        wanted = value.split(",")
        found = [resource for resource in found if any(_TESTS[name](resource, one) for one in wanted)]
    for name, value in parameters:
        if name == "_sort":
            found = _sorted(found, value)
    return found


def _sorted(resources: list[Json], by: str) -> list[Json]:
    """Newest first for -date; what has no date comes last."""
    if by.lstrip("-") not in ("date", "_id"):
        raise SearchRefusedError("only _sort by date and _id is supported")
    if by.lstrip("-") == "_id":
        return sorted(resources, key=lambda resource: str(resource.get("id")), reverse=by.startswith("-"))
    dated = [resource for resource in resources if _date(resource) is not None]
    undated = [resource for resource in resources if _date(resource) is None]
    return sorted(dated, key=lambda r: str(_date(r)), reverse=by.startswith("-")) + undated


def _of_patient(resource: Json, value: str) -> bool:
    subject = resource.get("subject") or resource.get("patient")
    reference = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
    return reference.rpartition("/")[2] == value.rpartition("/")[2] and "Patient/" in reference


def _has_id(resource: Json, value: str) -> bool:
    return resource.get("id") == value


def _has_status(resource: Json, value: str) -> bool:
    return resource.get("status") == value


def _has_category(resource: Json, value: str) -> bool:
    return any(_is_coding(coding, value) for coding in _codings(resource.get("category")))


def _has_code(resource: Json, value: str) -> bool:
    return any(_is_coding(coding, value) for key in CONCEPTS for coding in _codings(resource.get(key)))


def _codings(concepts: object) -> Iterator[Mapping[str, object]]:
    for concept in concepts if isinstance(concepts, list) else [concepts]:
        codings = concept.get("coding") if isinstance(concept, dict) else None
        yield from (coding for coding in codings or () if isinstance(coding, dict))


def _is_coding(coding: Mapping[str, object], value: str) -> bool:
    """system|code, |code, or a bare code; case matters."""
    system, bar, code = value.rpartition("|")
    return coding.get("code") == code and (not system or coding.get("system") == system) if bar else coding.get("code") == value


def _on_date(resource: Json, value: str) -> bool:
    match = _PREFIXED.fullmatch(value)
    wanted = parse_fhir_date(match["date"], UTC) if match is not None else None
    if match is None or wanted is None:
        raise SearchRefusedError("the search parameter date is not a date")
    when = parse_fhir_date(_date(resource), UTC)
    return when is not None and _COMPARISONS[match["prefix"] or "eq"](when, wanted)


_COMPARISONS: dict[str, Callable[[DateRange, DateRange], bool]] = {
    "eq": lambda when, wanted: wanted.first <= when.first and when.last <= wanted.last,
    "ge": lambda when, wanted: when.last >= wanted.first,
    "gt": lambda when, wanted: when.last > wanted.last,
    "le": lambda when, wanted: when.first <= wanted.last,
    "lt": lambda when, wanted: when.first < wanted.first,
}


def _date(resource: Json) -> str | None:
    for key in DATES:
        if resource.get(key):
            return str(resource[key])
    for key in PERIODS:
        period = resource.get(key)
        if isinstance(period, dict) and period.get("start"):
            return str(period["start"])
    return None


_TESTS: dict[str, Callable[[Json, str], bool]] = {
    "_id": _has_id,
    "category": _has_category,
    "code": _has_code,
    "date": _on_date,
    "patient": _of_patient,
    "status": _has_status,
    "subject": _of_patient,
}
PARAMETERS = tuple(_TESTS)


def as_json(value: object) -> Json:
    """A JSON object. Raises: SearchRefusedError."""
    if not isinstance(value, dict):
        raise SearchRefusedError("the body is not a JSON object")
    return cast(Json, value)
