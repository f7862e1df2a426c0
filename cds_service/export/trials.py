"""A trial as a Bundle: the study and its criteria, on wish with the value sets that they name."""

from collections.abc import Iterable

from fhir.resources.bundle import Bundle as R5Bundle
from fhir.resources.bundle import BundleEntry as R5BundleEntry
from fhir.resources.R4B.bundle import Bundle as R4Bundle
from fhir.resources.R4B.bundle import BundleEntry as R4BundleEntry
from fhir.resources.R4B.resource import Resource as R4Resource
from fhir.resources.R4B.valueset import ValueSet as R4ValueSet
from fhir.resources.resource import Resource as R5Resource
from fhir.resources.valueset import ValueSet as R5ValueSet

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.trial import Trial
from cds_service.export import evidence_variable, group
from cds_service.export.criterion_codes import criterion_codes
from cds_service.export.identifiers import url_of
from cds_service.export.release import Release
from cds_service.export.sentences import readings_of, words_of
from cds_service.export.study import research_study_r4, research_study_r5
from cds_service.terminology import value_set_files


def trial_bundle(trial: Trial, knowledge: Knowledge, release: Release, *, with_value_sets: bool) -> R4Bundle | R5Bundle:
    """R4: ResearchStudy, Group and its codes. R5: ResearchStudy, EvidenceVariable and one more for each shared reading."""
    sets = [_content(name) for name in _value_sets(trial, knowledge)] if with_value_sets else []
    match release:
        case Release.R4:
            told = (research_study_r4(trial), group.criteria(trial, knowledge), criterion_codes(trial, knowledge.digest))
            return _r4([*told, *map(R4ValueSet.model_validate_json, sets)])
        case Release.R5:
            readings = [evidence_variable.shared_reading(name, knowledge) for name in readings_of(trial, knowledge)]
            criteria = evidence_variable.criteria(trial, knowledge)
            return _r5([research_study_r5(trial), criteria, *readings, *map(R5ValueSet.model_validate_json, sets)])


def _value_sets(trial: Trial, knowledge: Knowledge) -> list[str]:
    """The names of the value sets that its words ask for, with those that these leave out."""
    names = {name for word in words_of(trial, knowledge) for name in word.value_sets()}
    while wider := {narrow for name in names for narrow in knowledge.terminology[name].excluded} - names:
        names |= wider
    return sorted(names)


def _content(name: str) -> bytes:
    """A value set as it lies in its file: a FHIR resource already."""
    return (value_set_files.DIRECTORY / f"{name}.json").read_bytes()


def _r4(resources: Iterable[R4Resource]) -> R4Bundle:
    entries = [R4BundleEntry(fullUrl=url_of(one.get_resource_type(), str(one.id)), resource=one) for one in resources]
    return R4Bundle(type="collection", entry=entries)


def _r5(resources: Iterable[R5Resource]) -> R5Bundle:
    entries = [R5BundleEntry(fullUrl=url_of(one.get_resource_type(), str(one.id)), resource=one) for one in resources]
    return R5Bundle(type="collection", entry=entries)
