"""The record of one hook call: what the EHR sent along, and what is read for the rest, key by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

from cds_service.errors import DataUnavailable, WrongPatient
from cds_service.fhir import foreign_names
from cds_service.fhir.bundle import assemble, belongs_to_another
from cds_service.fhir.client import FhirClient
from cds_service.fhir.entries import read_resource
from cds_service.fhir.part import Part, forgive_the_old, read_part, together
from cds_service.fhir.record import Entry, Gap, GapReason, PatientRecord
from cds_service.fhir.resources import MedicationEvent, Patient
from cds_service.fhir.template import Template
from cds_service.fhir.versions import newest_versions
from cds_service.protocol import HookRequest

PATIENT, CONDITIONS = "patient", "conditions"
OF_ANY_AGE = frozenset({"marrowBlasts", "assessments"})
"""Keys of which an old result counts too: the course of the disease is read from all of them."""
MAX_MEDICATIONS_READ = 50


@dataclass(frozen=True)
class Begun:
    """A call's record before the rest is read: parts by key, and the patient if known."""

    request: HookRequest
    templates: Mapping[str, Template]
    parts: dict[str, Part] = field(default_factory=dict)

    def record(self) -> PatientRecord:
        """The record as far as it is known; without a Patient, one of whom only the id is known."""
        everything = together(self.parts.values())
        entries = newest_versions(everything.entries)
        gaps = [*everything.gaps, *(gap for key, part in self.parts.items() if (gap := self._gap(key, part)) is not None)]
        return assemble(self._patient(entries), entries, gaps, self._searched(), everything.full_urls)

    def _patient(self, entries: Sequence[Entry]) -> Entry:
        sent = newest_versions(self.parts.get(PATIENT, Part()).entries)
        found = (entry for entry in (*sent, *entries) if isinstance(entry.resource, Patient))
        unknown = Patient(id=self.request.patient_id)
        return next(found, Entry(f"Patient/{self.request.patient_id}", unknown, b""))

    def _gap(self, key: str, part: Part) -> Gap | None:
        if part.failed is None:
            return None
        return Gap(self.templates[key].resource_type, part.failed, key) if key in self.templates else None

    def _searched(self) -> frozenset[str]:
        """Types of which every template was had in full."""
        lacking = {one.resource_type for key, one in self.templates.items() if not self.parts.get(key, _NEVER_HAD).is_whole}
        return frozenset(one.resource_type for one in self.templates.values()) - lacking


_NEVER_HAD = Part(failed=GapReason.NOT_SENT)


def begin(request: HookRequest, templates: Mapping[str, str], fhir: FhirClient | None) -> Begun:
    """What was sent, and the patient and conditions, read if need be.

    Raises: WrongPatient if what was sent belongs to another patient.
    """
    ours = {key: _template(key, query) for key, query in templates.items()}
    sent = {name: read_part(value) for name, value in request.prefetch.items()}
    begun = Begun(request, ours, foreign_names.by_key(sent, ours))
    _refuse_other_patients(begun)
    for key in (PATIENT, CONDITIONS):
        begun.parts[key] = _had(begun, key, fhir)
    _refuse_other_patients(begun, keys=(PATIENT,))
    return begun


_template = lru_cache(Template)
"""They are the same in every call, and what they ask for is worked out once."""


def require_the_basis(begun: Begun) -> None:
    """Without a sign of the disease in what came, patient and conditions must be known, and every condition readable.

    Raises: DataUnavailable.
    """
    lacking = [key for key in (PATIENT, CONDITIONS) if begun.parts[key].failed is not None]
    if lacking:
        raise DataUnavailable(f"{' and '.join(lacking)}: not sent in full, and not readable from the FHIR server")
    if begun.parts[CONDITIONS].gaps:
        raise DataUnavailable("conditions: an entry cannot be read, so that nobody knows which disease it names; send FHIR R4")


def complete(begun: Begun, fhir: FhirClient | None, earliest: date) -> PatientRecord:
    """The rest of the record, with its gaps. `earliest`: where the longest window of a measurement begins."""
    for key, template in begun.templates.items():
        if key in (PATIENT, CONDITIONS):
            continue
        sent = begun.parts.get(key)
        forgivable = template.newest_first and key not in OF_ANY_AGE
        if sent is not None and forgivable:
            begun.parts[key] = forgive_the_old(sent, earliest)
        had = _had(begun, key, fhir)
        begun.parts[key] = forgive_the_old(had, earliest) if forgivable else had
    if fhir is not None:
        begun.parts["medications referred to"] = _referred_medications(begun, fhir)
    return begun.record()


def _had(begun: Begun, key: str, fhir: FhirClient | None) -> Part:
    """What was sent under this key, completed from the FHIR server where it fell short."""
    sent = begun.parts.get(key)
    if key == PATIENT and sent is not None and not any(isinstance(entry.resource, Patient) for entry in sent.entries):
        sent = None  # "no data" is no answer to who the patient is
    if sent is not None and sent.failed is None:
        return sent
    if fhir is None:
        return sent or _NEVER_HAD
    if sent is None:
        return _read(begun, key, fhir)
    if sent.next_links:
        rest = [fhir.rest_of(link) for link in sent.next_links]
        if all(pages.failed is None for pages in rest):
            return together((replace(sent, failed=None, next_links=()), *(Part(p.entries, p.gaps) for p in rest)))
    read = _read(begun, key, fhir)
    if read.failed is not None and sent.entries:
        return replace(sent, failed=GapReason.INCOMPLETE)
    return replace(read, entries=tuple(newest_versions((*sent.entries, *read.entries))))


def _read(begun: Begun, key: str, fhir: FhirClient) -> Part:
    template, patient_id = begun.templates[key], begun.request.patient_id
    if template.is_search:
        result = fhir.search(template.resource_type, template.parameters(patient_id))
        return Part(result.entries, result.gaps, result.failed)
    body = fhir.read(template.resource_type, patient_id)
    if isinstance(body, GapReason):
        return Part(failed=body)
    entry = read_resource(body)
    return Part((entry,)) if entry is not None else Part(failed=GapReason.UNREADABLE_ENTRY)


def _refuse_other_patients(begun: Begun, keys: tuple[str, ...] | None = None) -> None:
    """Raises: WrongPatient."""
    patient = f"Patient/{begun.request.patient_id}"
    for part in (part for key, part in begun.parts.items() if keys is None or key in keys):
        for entry in part.entries:
            another = isinstance(entry.resource, Patient) and f"Patient/{entry.resource.id}" != patient
            if another or belongs_to_another(entry, patient, part.full_urls):
                raise WrongPatient("prefetch holds data of another patient than context.patientId")


def _referred_medications(begun: Begun, fhir: FhirClient) -> Part:
    """Medications that orders name by reference alone, without a name of their own."""
    entries = newest_versions(together(begun.parts.values()).entries)
    known = {entry.reference for entry in entries}
    wanted = dict.fromkeys(
        identifier
        for entry in entries
        if isinstance(entry.resource, MedicationEvent)
        and (reference := entry.resource.medication_reference) is not None
        and reference.reference
        and not reference.display
        and (identifier := fhir.local(reference.reference, "Medication")) is not None
        and f"Medication/{identifier}" not in known
    )
    read = [fhir.read("Medication", identifier) for identifier in list(wanted)[:MAX_MEDICATIONS_READ]]
    found = [read_resource(body) for body in read if isinstance(body, bytes)]
    failed = {reason for reason in read if isinstance(reason, GapReason)}
    failed |= {GapReason.UNREADABLE_ENTRY} if None in found else set()
    failed |= {GapReason.INCOMPLETE} if len(wanted) > MAX_MEDICATIONS_READ else set()
    gaps = tuple(Gap("Medication", reason) for reason in sorted(failed, key=lambda reason: reason.value))
    return Part(tuple(entry for entry in found if entry is not None), gaps)
