"""A FHIR Bundle that is one patient's whole record, as `explain` and screening read it."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from cds_service.errors import UnreadableRecord
from cds_service.fhir.bundle_elements import NotABundleError
from cds_service.fhir.entries import Read, read_bundle_entries
from cds_service.fhir.record import Entry, Gap, GapReason, PatientRecord
from cds_service.fhir.references import canonical, is_nameless
from cds_service.fhir.resources import READ, Patient
from cds_service.fhir.versions import newest_versions


def read_bundle(body: bytes) -> PatientRecord:
    """The record that a Bundle of any type holds: exactly one Patient, and the rest.

    The file is the whole record: every resource type counts as searched, but those with an entry that cannot be read. Where an
    OperationOutcome in it says that something is missing, none does.
    Raises: UnreadableRecord.
    """
    try:
        read = read_bundle_entries(body)
    except NotABundleError as error:
        raise UnreadableRecord("not-a-bundle", _why_no_bundle(body)) from error
    entries = newest_versions(read.entries)
    gaps = read.gaps if read.lacks is None else (*read.gaps, Gap("Resource", read.lacks))
    record = assemble(_patient(entries, read), entries, gaps, frozenset(READ), read.full_urls)
    lacking = {gap.resource_type for gap in record.gaps}
    if "Resource" in lacking:
        lacking = set(READ)
    return replace(record, searched=record.searched - lacking)


def _patient(entries: Sequence[Entry], read: Read) -> Entry:
    """Raises: UnreadableRecord."""
    patients = [entry for entry in entries if isinstance(entry.resource, Patient)]
    if len(patients) == 1:
        return _named_by_the_others(patients[0], entries, read)
    if not patients and any(gap.resource_type == "Patient" for gap in read.gaps):
        raise UnreadableRecord("no-patient", "the Bundle's Patient resource cannot be read; its elements must be those of R4")
    problem = "no-patient" if not patients else "several-patients"
    raise UnreadableRecord(problem, f"the Bundle holds {len(patients)} Patient resources; it must hold exactly one")


def _named_by_the_others(patient: Entry, entries: Sequence[Entry], read: Read) -> Entry:
    """A Patient without an id or fullUrl is the one of whom all the other resources speak."""
    if not is_nameless(patient.reference):
        return patient
    subjects = {subject for entry in entries if (subject := subject_of(entry, read.full_urls)) is not None}
    return replace(patient, reference=subjects.pop()) if len(subjects) == 1 else patient


_FORMATS = (
    (b"\x1f\x8b", "is compressed; unpack it"),
    (b"PK", "is a zip archive; unpack it"),
    (b"\xff\xfe", "is in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is in UTF-16; save it as UTF-8"),
    (b"<", "is XML or HTML; save the Bundle as JSON"),
)


def _why_no_bundle(body: bytes) -> str:
    """What the file is instead, and what to do. Holds nothing of its content."""
    text = body.strip()
    if not text:
        return "the file is empty; it must be a FHIR Bundle in JSON"
    for start, problem in _FORMATS:
        if text.startswith(start):
            return f"the file {problem}"
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        if "trailing characters" in str(error):
            return "the file holds several JSON documents (NDJSON?); put one patient's resources into one Bundle"
        problem = str(error).removeprefix("JSON is malformed: ")
        return f"the file is not JSON: {problem[:1].lower()}{problem[1:]}"
    except (UnicodeDecodeError, RecursionError):
        return "the file is not JSON that can be read"
    return "the file is JSON, but not a FHIR Bundle; its resourceType must be Bundle, and its entry a list"


def assemble(
    patient: Entry,
    entries: Sequence[Entry],
    gaps: Sequence[Gap],
    searched: frozenset[str],
    full_urls: Mapping[str, str] | None = None,
) -> PatientRecord:
    """One patient's record, in an order of its own.

    What belongs to another patient is dropped and becomes a gap: in a record that holds such, silence says nothing.
    """
    by_type: dict[str, list[Entry]] = {}
    by_reference: dict[str, Entry] = {}
    found_gaps = list(gaps)
    for entry in sorted(entries, key=lambda entry: entry.reference):
        if belongs_to_another(entry, patient.reference, full_urls):
            found_gaps.append(Gap(entry.resource.resource_type, GapReason.OTHER_PATIENT))
        else:
            by_type.setdefault(entry.resource.resource_type, []).append(entry)
            by_reference[entry.reference] = entry
    for url, reference in (full_urls or {}).items():
        if reference in by_reference:
            by_reference[url] = by_reference[reference]
    mixed_up = {gap.resource_type for gap in found_gaps if gap.reason is GapReason.OTHER_PATIENT}
    resource = patient.resource if isinstance(patient.resource, Patient) else Patient()
    return PatientRecord(resource, by_type, searched - mixed_up, tuple(found_gaps), by_reference)


def belongs_to_another(entry: Entry, patient: str, full_urls: Mapping[str, str] | None = None) -> bool:
    """Whether its subject is another than this patient ("Patient/id"). Without a subject it counts as this patient's."""
    subject = getattr(entry.resource, "subject", None)
    if subject is None or subject.reference == patient:  # as most records write it
        return False
    return subject_of(entry, full_urls) not in (None, patient)


def subject_of(entry: Entry, full_urls: Mapping[str, str] | None = None) -> str | None:
    """Of whom a resource speaks; None where it names nobody."""
    subject = getattr(entry.resource, "subject", None)
    return canonical(subject.reference, full_urls) if subject is not None else None
