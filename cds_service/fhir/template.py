"""A prefetch template: which resources it asks for, and whether one of them is what it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from cds_service.fhir.record import Entry
from cds_service.fhir.resources import CodeableConcept, Observation

PATIENT_ID = "{{context.patientId}}"


@dataclass(frozen=True)
class Template:
    """One key of the prefetch, as discovery lists it: a read, or a search."""

    key: str
    query: str

    @cached_property
    def resource_type(self) -> str:
        return self.query.partition("?")[0].partition("/")[0]

    @property
    def is_search(self) -> bool:
        return "?" in self.query

    @cached_property
    def newest_first(self) -> bool:
        return ("_sort", "-date") in self.parameters("x")

    def parameters(self, patient_id: str) -> list[tuple[str, str]]:
        return parse_qsl(self.query.partition("?")[2].replace(PATIENT_ID, patient_id))

    def asks_for(self, entry: Entry) -> bool:
        """Whether this template would have found the resource, as far as its type, category and code tell."""
        if entry.resource.resource_type != self.resource_type:
            return False
        if not isinstance(entry.resource, Observation):
            return True
        categories, codes = self._wanted("category"), self._wanted("code")
        if codes and codes & _codes([entry.resource.code]):
            return True
        found = entry.resource.category
        return bool(categories & _codes(found if isinstance(found, list) else [found]))

    def _wanted(self, parameter: str) -> set[str]:
        return {code for name, value in self.parameters("x") if name == parameter for code in value.split(",")}


def _codes(concepts: Iterable[CodeableConcept | None]) -> set[str]:
    codings = [concept.coding for concept in concepts if concept is not None]
    listed = [coding if isinstance(coding, tuple) else (coding,) for coding in codings if coding is not None]
    return {coding.code for some in listed for coding in some if coding.code}
