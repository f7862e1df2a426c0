"""The record of one hook call: what the EHR sent along, and what is read for the rest.

Six states of a prefetch key are told apart: absent, null, a resource, an empty Bundle, an OperationOutcome (bare or as an
entry), and a Bundle with more pages. Null and empty are answers; absent and failed are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import parse_qsl

from cds_service.errors import DataUnavailable, WrongPatient
from cds_service.fhir.bundle import assemble, belongs_to_another
from cds_service.fhir.client import FhirClient, SearchResult
from cds_service.fhir.entries import (
    NotABundleError,
    decode_bundle,
    is_error,
    newest_versions,
    read_bundle_entries,
    read_resource,
    resource_type_of,
)
from cds_service.fhir.record import Entry, Gap, GapReason, PatientRecord
from cds_service.fhir.resources import MedicationEvent, Patient
from cds_service.protocol import HookRequest

PATIENT, CONDITIONS = "patient", "conditions"
LOOK_BACK = timedelta(days=90)
"""The longest window of a measurement: an incomplete search that reaches further back lacks nothing that decides."""
MAX_MEDICATIONS_READ = 50


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one prefetch key."""

    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failed: GapReason | None = None
    next_link: str | None = None


@dataclass(frozen=True)
class Begun:
    """A call's record before the rest is read: parts by key, and the patient if known."""

    request: HookRequest
    templates: Mapping[str, str]
    parts: dict[str, Part] = field(default_factory=dict)

    def entries(self) -> list[Entry]:
        return newest_versions([entry for part in self.parts.values() for entry in part.entries])

    def record(self) -> PatientRecord:
        """The record as far as it is known; without a Patient, one of whom only the id is known."""
        entries = self.entries()
        patients = [entry.resource for entry in entries if isinstance(entry.resource, Patient)]
        patient = patients[0] if patients else Patient(resource_type="Patient", id=self.request.patient_id)
        gaps = [gap for key, part in self.parts.items() for gap in _gaps(key, self.templates, part)]
        return assemble(patient, entries, gaps, self._searched())

    def _searched(self) -> frozenset[str]:
        """Types of which every template was had in full."""
        types = {key: resource_type(template) for key, template in self.templates.items()}
        whole = {key for key, part in self.parts.items() if part.failed is None and not part.gaps}
        return frozenset(kind for kind in types.values() if all(key in whole for key, one in types.items() if one == kind))


def begin(request: HookRequest, templates: Mapping[str, str], fhir: FhirClient | None) -> Begun:
    """What was sent, and the patient and conditions, read if need be.

    Raises: WrongPatient if what was sent belongs to another patient.
    """
    begun = Begun(request, templates, _sent(request, templates))
    _refuse_other_patients(begun)
    for key in (PATIENT, CONDITIONS):
        begun.parts[key] = _had(begun, key, fhir)
    _refuse_other_patients(begun, keys=(PATIENT,))
    return begun


def require_the_basis(begun: Begun) -> None:
    """Without a sign of the disease in what came, patient and conditions must be known.

    Raises: DataUnavailable.
    """
    lacking = [key for key in (PATIENT, CONDITIONS) if begun.parts[key].failed is not None]
    if lacking:
        raise DataUnavailable(f"{' and '.join(lacking)}: not prefetched and not readable from the FHIR server")


def complete(begun: Begun, fhir: FhirClient | None, as_of: date) -> PatientRecord:
    """The rest of the record, with its gaps."""
    for key in begun.templates:
        begun.parts[key] = _had(begun, key, fhir)
        begun.parts[key] = _forgive_the_old(begun.parts[key], begun.templates[key], as_of)
    if fhir is not None:
        begun.parts["medications referred to"] = _referred_medications(begun, fhir)
    return begun.record()


def resource_type(template: str) -> str:
    return template.partition("?")[0].partition("/")[0]


def _sent(request: HookRequest, templates: Mapping[str, str]) -> dict[str, Part]:
    """The parts that came along; under foreign names, by the type of what they hold."""
    known = {key: _part(value) for key, value in request.prefetch.items() if key in templates}
    foreign = {key: _part(value) for key, value in request.prefetch.items() if key not in templates}
    own_names = bool(known.keys() - {PATIENT, CONDITIONS})
    for name, part in foreign.items():
        for key, template in templates.items():
            fits = _holds(part, name, key, resource_type(template))
            if fits and key not in known and (not own_names or key in (PATIENT, CONDITIONS)):
                known[key] = part
    kept = {id(part) for part in known.values()}
    known |= {key: part for key, part in foreign.items() if id(part) not in kept}
    return known


def _holds(part: Part, name: str, key: str, kind: str) -> bool:
    """Whether a part under a foreign name answers this key: by what it holds; if it is empty, by its name."""
    if part.entries:
        return any(entry.resource.resource_type == kind for entry in part.entries)
    return key != PATIENT and any(word.lower() in name.lower() for word in (key, kind))


def _part(value: bytes) -> Part:
    if value.strip() == b"null":
        return Part()
    kind = resource_type_of(value)
    if kind == "OperationOutcome":
        return Part(failed=GapReason.OPERATION_OUTCOME) if is_error(value) else Part()
    if kind != "Bundle":
        entry = read_resource(value)
        unreadable = (Gap(kind or "Resource", GapReason.UNREADABLE_ENTRY),)
        return Part((entry,)) if entry is not None else Part(gaps=unreadable, failed=GapReason.UNREADABLE_ENTRY)
    try:
        bundle = decode_bundle(value)
    except NotABundleError:
        return Part(failed=GapReason.UNREADABLE_ENTRY)
    read = read_bundle_entries(bundle)
    if read.error and not read.entries:
        return Part(failed=GapReason.OPERATION_OUTCOME)
    cut_off = read.next_link is not None or (bundle.total or 0) > len(bundle.entry or ())
    return Part(read.entries, read.gaps, GapReason.INCOMPLETE if cut_off else None, read.next_link)


def _had(begun: Begun, key: str, fhir: FhirClient | None) -> Part:
    """What was sent under this key, completed from the FHIR server where it fell short."""
    part = begun.parts.get(key)
    if key == PATIENT and part is not None and not any(isinstance(entry.resource, Patient) for entry in part.entries):
        part = None  # "no data" is no answer to who the patient is
    if part is not None and part.failed is None:
        return part
    if fhir is None:
        return part or Part(failed=GapReason.NOT_SENT)
    if part is not None and part.failed is GapReason.NOT_OFFERED:
        return part
    sent = part.entries if part is not None else ()
    if part is not None and part.next_link is not None and (rest := fhir.rest_of(part.next_link)).failed is None:
        return Part((*sent, *rest.entries), (*part.gaps, *rest.gaps))
    read = _read(begun, key, fhir)
    return replace(read, entries=(*sent, *read.entries))


def _read(begun: Begun, key: str, fhir: FhirClient) -> Part:
    template = begun.templates[key].replace("{{context.patientId}}", begun.request.patient_id)
    kind = resource_type(template)
    if "?" in template:
        result: SearchResult = fhir.search(kind, parse_qsl(template.partition("?")[2]))
        return Part(result.entries, result.gaps, result.failed)
    body = fhir.read(kind, begun.request.patient_id)
    if isinstance(body, GapReason):
        return Part(failed=body)
    entry = read_resource(body)
    return Part((entry,)) if entry is not None else Part(failed=GapReason.UNREADABLE_ENTRY)


def _refuse_other_patients(begun: Begun, keys: tuple[str, ...] | None = None) -> None:
    """Raises: WrongPatient."""
    named = Patient(resource_type="Patient", id=begun.request.patient_id)
    parts = [part for key, part in begun.parts.items() if keys is None or key in keys]
    for entry in (entry for part in parts for entry in part.entries):
        another = isinstance(entry.resource, Patient) and entry.resource.id != named.id
        if another or belongs_to_another(entry, named):
            raise WrongPatient("prefetch holds data of another patient than context.patientId")


def _gaps(key: str, templates: Mapping[str, str], part: Part) -> list[Gap]:
    gaps = list(part.gaps)
    if part.failed is not None and key in templates:
        gaps.append(Gap(resource_type(templates[key]), part.failed, key))
    return gaps


def _forgive_the_old(part: Part, template: str, as_of: date) -> Part:
    """A cut-off search of measurements that reaches back far enough lacks nothing that decides."""
    if part.failed is not GapReason.INCOMPLETE or resource_type(template) != "Observation" or "_sort=-date" not in template:
        return part
    dates = [str(getattr(entry.resource, "effective_date_time", None) or "")[:10] for entry in part.entries]
    oldest = min((text for text in dates if text), default="")
    return replace(part, failed=None) if oldest and oldest < (as_of - LOOK_BACK).isoformat() else part


def _referred_medications(begun: Begun, fhir: FhirClient) -> Part:
    """Medications that orders name by reference alone, without a name of their own."""
    entries = begun.entries()
    known = {entry.reference for entry in entries}
    wanted = []
    for entry in entries:
        reference = entry.resource.medication_reference if isinstance(entry.resource, MedicationEvent) else None
        if reference is not None and reference.reference and not reference.display and not reference.reference.startswith("#"):
            kind, _, identifier = reference.reference.rpartition("/")
            if kind.endswith("Medication") and f"Medication/{identifier}" not in known:
                wanted.append(identifier)
    read = [fhir.read("Medication", identifier) for identifier in dict.fromkeys(wanted[:MAX_MEDICATIONS_READ])]
    found = [read_resource(body) for body in read if isinstance(body, bytes)]
    return Part(tuple(entry for entry in found if entry is not None))
