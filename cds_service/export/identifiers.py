"""The URLs and identifiers under which what is exported is known; the extensions of ours are told in docs/standards.md."""

import re
from uuid import NAMESPACE_URL, uuid5

from cds_service.terminology.value_set_files import BASE

REGISTRY = "http://clinicaltrials.gov"
"""The system of NCT numbers, as FHIR's own mapping of ResearchStudy names it."""
UCUM = "http://unitsofmeasure.org"
FROM_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/valueset-reference"
"""FHIR's own extension of a Coding: the value set that its codes are constrained to."""

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]")


def extension_url(name: str) -> str:
    return f"{BASE}/StructureDefinition/{name}"


def value_set_url(name: str) -> str:
    return f"{BASE}/ValueSet/{name}"


def criteria_url(trial: str) -> str:
    """The canonical of a trial's criteria, as R5 EvidenceVariable."""
    return f"{BASE}/EvidenceVariable/{trial}"


def criterion_system(trial: str) -> str:
    """The system in which the ids of a trial's criteria are codes."""
    return f"{BASE}/CodeSystem/{trial}"


def reading_id(name: str) -> str:
    """The id of a reading that trials share."""
    return f"reading-{as_id(name)}"


def as_id(text: str) -> str:
    """The text as FHIR's `id` type allows it: "X*" becomes "X-"."""
    return _NOT_IN_AN_ID.sub("-", text)


def url_of(resource_type: str, resource_id: str) -> str:
    return f"{BASE}/{resource_type}/{resource_id}"


def stable_uuid(*parts: str) -> str:
    """The same for the same parts, so that a second export replaces the first instead of standing beside it."""
    return str(uuid5(NAMESPACE_URL, "|".join((BASE, *parts))))
