"""Which of the results that came along are read in full: those that somebody may ask for.

Most results of a long chart are sodium and weight. Of these it is enough to know whose they are and what they are of.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from cds_service.fhir.bundle_elements import AboutBundle, AboutEntry
from cds_service.fhir.entries import OriginalsOfBundle, next_page
from cds_service.fhir.glance import surely_of
from cds_service.fhir.part import Part
from cds_service.fhir.record import Entry, Json
from cds_service.fhir.resources import CodeableConcept, Observation, Reference
from cds_service.json_bytes import UNDECODABLE


class NamedObservation(msgspec.Struct, frozen=True, rename="camel", gc=False, kw_only=True):
    """As much of an Observation as tells whether anybody may ask for it. By its id its versions are found."""

    resource_type: Literal["Observation"]
    id: Annotated[str, Meta(min_length=1)]
    subject: Reference | None = None
    code: CodeableConcept | None = None
    component: Raw | UnsetType = UNSET
    value_string: Raw | UnsetType = UNSET
    value_codeable_concept: Raw | UnsetType = UNSET

    def may_tell_more(self) -> bool:
        """Whether it may be of more than its code names: it has components, or words for a value."""
        return self.component is not UNSET or self.value_string is not UNSET or self.value_codeable_concept is not UNSET


class NamedEntry(AboutEntry, frozen=True, gc=False, kw_only=True):
    resource: NamedObservation


class NamedBundle(AboutBundle, frozen=True, gc=False, kw_only=True):
    entry: list[NamedEntry] = msgspec.field(default_factory=list)

    def is_whole(self) -> bool:
        """Whether it surely holds all that was found, and nothing else."""
        all_match = all(one.search is None or one.is_match() for one in self.entry)
        return all_match and next_page(self.link or []) == (None, False) and (self.total or 0) <= len(self.entry)


NO_RESULTS = NamedBundle(resource_type="Bundle")
"""In the place of null, which is how some EHRs say that there is nothing."""

_BUNDLE = msgspec.json.Decoder(NamedBundle | None)
_OBSERVATION = msgspec.json.Decoder(Observation)


def read_wanted(
    results: Mapping[str, Json], patient: str, known: Collection[str], is_wanted: Callable[[NamedObservation], bool]
) -> dict[str, Part] | None:
    """Of the results under several keys all versions of those of which one is wanted.

    None where all must be read: something in them is odd, lacks, or may be another patient's. `known`: references of what
    is read already, and may be here in a newer version.
    """
    try:
        bundles = {key: _BUNDLE.decode(value) or NO_RESULTS for key, value in results.items()}
        named = [one.resource for bundle in bundles.values() for one in bundle.entry]
        if not (surely_of(patient, [one.subject for one in named]) and all(bundle.is_whole() for bundle in bundles.values())):
            return None
        chosen = {one.id for one in named if is_wanted(one) or f"Observation/{one.id}" in known}
        return {key: Part(_entries(results[key], bundle, chosen)) for key, bundle in bundles.items()}
    except UNDECODABLE:
        return None


def _entries(body: Json, bundle: NamedBundle, chosen: Collection[str]) -> tuple[Entry, ...]:
    """Raises: what decoding raises."""
    originals = OriginalsOfBundle(body)
    return tuple(
        Entry(f"Observation/{one.resource.id}", _OBSERVATION.decode(originals.all()[place]), originals, place, one.full_url)
        for place, one in enumerate(bundle.entry)
        if one.resource.id in chosen
    )
