"""The record of one hook call: what the EHR sent along, and what is read for the rest, key by key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial

from msgspec.structs import replace

from cds_service.errors import DataUnavailable, WrongPatient
from cds_service.fhir import foreign_names
from cds_service.fhir.bundle import assemble, belongs_to_another
from cds_service.fhir.choice import NamedObservation, read_wanted
from cds_service.fhir.client import FhirClient, SearchResult
from cds_service.fhir.glance import codes_of
from cds_service.fhir.part import Part, forgive_the_old, read_part, together
from cds_service.fhir.record import Entry, Gap, GapReason, Json, PatientRecord
from cds_service.fhir.resources import MedicationEvent, Patient
from cds_service.fhir.template import Template
from cds_service.fhir.versions import newest_versions
from cds_service.protocol import HookRequest

PATIENT, CONDITIONS = "patient", "conditions"
OF_ANY_AGE = frozenset({"marrowBlasts", "assessments"})
"""Keys of which an old result counts too: the course of the disease is read from all of them."""
MAX_MEDICATIONS_READ = 50


@dataclass
class Begun:
    """A call's record before the rest is read: parts by key, and the patient if known."""

    request: HookRequest
    templates: Mapping[str, Template]
    parts: dict[str, Part] = field(default_factory=dict)
    unread: Mapping[str, Json] = field(default_factory=dict)
    """Results that came along, by key, which wait until something asks for them."""
    _record: PatientRecord | None = field(default=None, repr=False)
    _made_of: dict[str, Part] = field(default_factory=dict, repr=False)

    def may_hold(self, is_wanted: Callable[[str], bool]) -> bool:
        """Whether the unread results may hold one with such a code; a no is sure."""
        glances = (codes_of(value, f"Patient/{self.request.patient_id}") for value in self.unread.values())
        return any(codes is None or any(map(is_wanted, codes)) for codes in glances)

    def read_results(self, is_wanted: Callable[[NamedObservation], bool] | None = None) -> None:
        """Read the results that came along: where nothing lacks, only those that are wanted. Raises: WrongPatient."""
        results = self._wanted(is_wanted) if is_wanted is not None else None
        if results is None:
            results = {key: read_part(value) for key, value in self.unread.items()}
        _refuse_other_patients(results, self.request)
        had = self.parts | results
        as_sent = [key for key in self.request.prefetch if key in self.templates]  # in order, as if read with the others
        self.parts = {key: had[key] for key in dict.fromkeys((*as_sent, *had))}
        self.unread = {}

    def _wanted(self, is_wanted: Callable[[NamedObservation], bool]) -> dict[str, Part] | None:
        """None where something lacks: what is read for it from the server may hold another version of any of them."""
        rest = self.templates.keys() - self.unread.keys()
        if any(self.parts.get(key, _NEVER_HAD).failed is not None for key in rest):
            return None
        known = {entry.reference for part in self.parts.values() for entry in part.entries}
        return read_wanted(self.unread, f"Patient/{self.request.patient_id}", known, is_wanted)

    def record(self) -> PatientRecord:
        """The record as far as it is known; without a Patient, one of whom only the id is known."""
        if self._record is None or self._made_of != self.parts:  # mostly all came along, and nothing changes it
            self._record, self._made_of = self._assembled(), dict(self.parts)
        return self._record

    def _assembled(self) -> PatientRecord:
        everything = together(self.parts.values())
        entries = newest_versions(everything.entries)
        gaps = [*everything.gaps, *(gap for key, part in self.parts.items() if (gap := self._gap(key, part)) is not None)]
        return assemble(self._patient(entries), entries, gaps, self._searched(), everything.full_urls)

    def _patient(self, entries: Sequence[Entry]) -> Entry:
        sent = newest_versions(self.parts.get(PATIENT, Part()).entries)
        found = (entry for entry in (*sent, *entries) if isinstance(entry.resource, Patient))
        unknown = Patient(id=self.request.patient_id)
        return next(found, Entry(f"Patient/{self.request.patient_id}", unknown, (b"",)))

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
    """What was sent but the results, and the patient and conditions, read if need be.

    Raises: WrongPatient if any of it belongs to another patient.
    """
    ours = {key: _template(key, query) for key, query in templates.items()}
    results = {key for key, template in ours.items() if template.resource_type == "Observation"}
    unread = {key: value for key, value in request.prefetch.items() if key in results}
    sent = {name: read_part(value) for name, value in request.prefetch.items() if name not in unread}
    rest = {key: template for key, template in ours.items() if key not in unread}
    begun = Begun(request, ours, foreign_names.by_key(sent, rest), unread)
    _refuse_other_patients(begun.parts, request)
    basis = (PATIENT, CONDITIONS)
    if fhir is not None and any((_sent(begun, key) or _NEVER_HAD).failed is not None for key in basis):
        begun.read_results()  # nothing is asked of a server while what came along may be another patient's
    begun.parts.update(_had_at_once(begun, basis, fhir))
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
    begun.read_results()
    rest = [key for key in begun.templates if key not in (PATIENT, CONDITIONS)]
    forgivable = {key for key in rest if begun.templates[key].newest_first and key not in OF_ANY_AGE}
    for key in forgivable & begun.parts.keys():
        begun.parts[key] = forgive_the_old(begun.parts[key], earliest)
    for key, had in _had_at_once(begun, rest, fhir).items():
        begun.parts[key] = forgive_the_old(had, earliest) if key in forgivable else had
    if fhir is not None:
        begun.parts["medications referred to"] = _referred_medications(begun, fhir)
    return begun.record()


def _had_at_once(begun: Begun, keys: Sequence[str], fhir: FhirClient | None) -> dict[str, Part]:
    """What can be had under each key; what must be read, side by side."""
    sent = {key: _sent(begun, key) for key in keys}
    had = {key: part or _NEVER_HAD for key, part in sent.items()}
    lacking = [key for key, part in had.items() if part.failed is not None]
    if fhir is None or not lacking:
        return had
    reads = [partial(_completed, begun, key, sent[key], fhir) for key in lacking]
    instead = [partial(_not_read, sent[key]) for key in lacking]
    return had | dict(zip(lacking, fhir.at_once(reads, instead), strict=True))


def _sent(begun: Begun, key: str) -> Part | None:
    """What was sent under this key; "no data" is no answer to who the patient is."""
    sent = begun.parts.get(key)
    if key == PATIENT and sent is not None and not any(isinstance(entry.resource, Patient) for entry in sent.entries):
        return None
    return sent


def _completed(begun: Begun, key: str, sent: Part | None, fhir: FhirClient) -> Part:
    """What was sent under this key, completed from the FHIR server."""
    if sent is None:
        return _read(begun, key, fhir)
    if sent.failed is GapReason.INCOMPLETE and sent.next_links:
        rest = [fhir.rest_of(link) for link in sent.next_links]
        if all(pages.failed is None for pages in rest) and sum(pages.matches for pages in rest) >= sent.lacking:
            return together((replace(sent, failed=None, next_links=(), lacking=0), *(Part(p.entries, p.gaps) for p in rest)))
    read = _read(begun, key, fhir)
    return _left_with(sent, read) if read.failed is not None else _with(sent, read)


def _not_read(sent: Part | None, reason: GapReason) -> Part:
    """What there is where nothing was read."""
    return _left_with(sent, Part(failed=reason))


def _left_with(sent: Part | None, read: Part) -> Part:
    """What there is where not all could be read."""
    if sent is None or not sent.entries:
        return read
    said = (failed for failed in (sent.failed, read.failed) if failed in (GapReason.WITHHELD, GapReason.NOT_WHOLE))
    failed = next(said, GapReason.INCOMPLETE)
    return replace(_with(sent, read), gaps=(*sent.gaps, *read.gaps), failed=failed, full_urls=sent.full_urls)


def _with(sent: Part, read: Part) -> Part:
    return replace(read, entries=tuple(newest_versions((*sent.entries, *read.entries))))


def _read(begun: Begun, key: str, fhir: FhirClient) -> Part:
    template, patient_id = begun.templates[key], begun.request.patient_id
    if template.is_search:
        result = fhir.search(template.resource_type, template.parameters(patient_id))
    else:
        result = fhir.read(template.resource_type, patient_id)
        if any(entry.reference != f"{template.resource_type}/{patient_id}" for entry in result.entries):
            return Part(failed=GapReason.OTHER_PATIENT)
    return Part(result.entries, tuple(replace(gap, key=key) for gap in result.gaps), result.failed)


def _refuse_other_patients(parts: Mapping[str, Part], request: HookRequest) -> None:
    """Raises: WrongPatient."""
    patient = f"Patient/{request.patient_id}"
    for part in parts.values():
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
    asked = [partial(fhir.read, "Medication", identifier) for identifier in list(wanted)[:MAX_MEDICATIONS_READ]]
    read = fhir.at_once(asked, [lambda reason: SearchResult(failed=reason)] * len(asked))
    failed = {result.failed for result in read if result.failed is not None}
    failed |= {GapReason.INCOMPLETE} if len(wanted) > MAX_MEDICATIONS_READ else set()
    gaps = tuple(Gap("Medication", reason) for reason in sorted(failed, key=lambda reason: reason.value))
    return Part(tuple(entry for result in read for entry in result.entries), gaps)
