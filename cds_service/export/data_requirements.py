"""What would settle the open questions, as R4 DataRequirements: which resources, with codes of which value set."""

from collections.abc import Iterable, Iterator

from fhir.resources.R4B.datarequirement import DataRequirement, DataRequirementCodeFilter

from cds_service.criteria.match import TrialMatch
from cds_service.criteria.reasons import Wanted
from cds_service.criteria.verdict import Missing
from cds_service.export.identifiers import value_set_url
from cds_service.terminology.value_set import AskedOf, Terminology

_WANTED = {
    Wanted.BIRTH_DATE: [("Patient", "birthDate")],
    Wanted.SEX: [("Patient", "gender")],
    Wanted.MARROW: [("Observation", "marrow_blasts")],
    Wanted.MARROW_WITH_FLOW: [("Observation", "marrow_blasts"), ("Observation", "marrow_blasts_flow")],
    Wanted.BLOOD_COUNTS: [("Observation", "neutrophils"), ("Observation", "platelets")],
    Wanted.RESPONSE: [("Observation", "marrow_blasts"), ("Observation", "disease_status")],
    Wanted.DISEASE_STATEMENT: [("Observation", "disease_status"), ("Observation", "marrow_blasts")],
    Wanted.TREATMENT_HISTORY: [("MedicationAdministration", "antileukemic")],
}
"""What no single test settles: resource types, each with the element or the value set that is asked of it."""


def data_requirements(match: TrialMatch, terminology: Terminology) -> list[DataRequirement]:
    """What is missing for this trial, each once."""
    wanted = dict.fromkeys(key for answer in match.own for key in _keys(answer.verdict.missing, terminology))
    return [_requirement(resource_type, of) for resource_type, of in wanted]


def value_set_by_title(terminology: Terminology) -> dict[str, str]:
    """The name of each test's value set by its title, which is what is said to be missing."""
    return {one.title: one.name for one in terminology if one.asked_of is AskedOf.OBSERVATION}


def _keys(missing: Iterable[Missing], terminology: Terminology) -> Iterator[tuple[str, str]]:
    tests = value_set_by_title(terminology)
    for item in missing:
        if isinstance(item.what, Wanted):
            yield from _WANTED.get(item.what, ())
        elif item.what in tests:
            yield "Observation", tests[item.what]


def _requirement(resource_type: str, of: str) -> DataRequirement:
    if resource_type == "Patient":
        return DataRequirement(type=resource_type, mustSupport=[of])
    codes = DataRequirementCodeFilter(path="code", valueSet=value_set_url(of))
    return DataRequirement(type=resource_type, codeFilter=[codes])
