"""A FHIR Bundle that is one patient's whole record, as `explain` and screening read it."""

from collections.abc import Mapping, Sequence

from cds_service.errors import UnreadableRecord
from cds_service.fhir.entries import NotABundleError, decode_bundle, newest_versions, read_bundle_entries
from cds_service.fhir.record import Entry, Gap, GapReason, PatientRecord
from cds_service.fhir.references import canonical
from cds_service.fhir.resources import READ, Patient


def read_bundle(body: bytes) -> PatientRecord:
    """The record that a Bundle of any type holds: exactly one Patient, and the rest.

    The file is the whole record: every resource type counts as searched, but those with an entry that cannot be read.
    Raises: UnreadableRecord.
    """
    try:
        read = read_bundle_entries(decode_bundle(body))
    except NotABundleError as error:
        raise UnreadableRecord("not-a-bundle", "the file is not a FHIR Bundle in JSON") from error
    entries = newest_versions(read.entries)
    patients = [entry.resource for entry in entries if isinstance(entry.resource, Patient)]
    if len(patients) != 1:
        problem = "no-patient" if not patients else "several-patients"
        raise UnreadableRecord(problem, f"the Bundle holds {len(patients)} Patient resources; it must hold exactly one")
    record = assemble(patients[0], entries, read.gaps, frozenset(READ), read.full_urls)
    unreadable = {gap.resource_type for gap in record.gaps if gap.reason is GapReason.UNREADABLE_ENTRY}
    if "Resource" in unreadable:
        unreadable = set(READ)
    return PatientRecord(record.patient, record.entries, record.searched - unreadable, record.gaps, record.by_reference)


def assemble(
    patient: Patient,
    entries: Sequence[Entry],
    gaps: Sequence[Gap],
    searched: frozenset[str],
    full_urls: Mapping[str, str] | None = None,
) -> PatientRecord:
    """One patient's record; what belongs to another patient is dropped and becomes a gap."""
    by_type: dict[str, list[Entry]] = {}
    found_gaps = list(gaps)
    for entry in entries:
        if belongs_to_another(entry, patient, full_urls):
            found_gaps.append(Gap(entry.resource.resource_type, GapReason.OTHER_PATIENT))
        else:
            by_type.setdefault(entry.resource.resource_type, []).append(entry)
    by_reference = {entry.reference: entry for entry in entries}
    for url, reference in (full_urls or {}).items():
        if reference in by_reference:
            by_reference[url] = by_reference[reference]
    return PatientRecord(patient, by_type, searched, tuple(found_gaps), by_reference)


def belongs_to_another(entry: Entry, patient: Patient, full_urls: Mapping[str, str] | None = None) -> bool:
    """Whether its subject is a resource other than this patient. Without a subject it counts as this patient's."""
    subject = getattr(entry.resource, "subject", None)
    reference = canonical(subject.reference, full_urls) if subject is not None else None
    return reference is not None and patient.id is not None and reference != f"Patient/{patient.id}"
