"""FHIR resources → facts: one function per resource type, in one table per kind of fact. FHIR's shapes end here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from zoneinfo import ZoneInfo

from cds_service.dates import parse_fhir_date
from cds_service.facts import observations
from cds_service.facts.concepts import Recogniser, label, many, period, statuses_of, texts
from cds_service.facts.medications import MedicationReader, reasons_of
from cds_service.facts.model import (
    ClinicalStatus,
    Diagnosis,
    Fact,
    Kind,
    PatientFacts,
    Person,
    Procedure,
    Result,
    Therapy,
    Verification,
)
from cds_service.fhir import resources as fhir
from cds_service.fhir.record import Entry, PatientRecord
from cds_service.terminology.value_set import AskedOf

F = TypeVar("F", bound=Fact)

_STATUS = {status.value: status for status in ClinicalStatus}
_UNCONFIRMED = frozenset({"provisional", "differential", "unconfirmed"})
_DONE = frozenset({"completed", "in-progress", "stopped"})
_THERAPY_TYPES = frozenset({"MedicationStatement", "MedicationRequest", "MedicationAdministration"})


@dataclass
class _Reader:
    """What the functions of the table need: the value sets, the zone, what others refer to, and the day of judging."""

    recogniser: Recogniser
    zone: ZoneInfo
    record: PatientRecord
    as_of: date

    def condition(self, entry: Entry) -> Iterator[Diagnosis]:
        resource = entry.resource
        if not isinstance(resource, fhir.Condition):
            return
        verification = statuses_of(resource.verification_status)
        if "entered-in-error" in verification:
            return
        onset = parse_fhir_date(resource.onset_date_time, self.zone) or period(resource.onset_period, self.zone)
        abated = parse_fhir_date(resource.abatement_date_time, self.zone) or period(resource.abatement_period, self.zone)
        recorded = parse_fhir_date(resource.recorded_date, self.zone)
        statuses = [_STATUS[code] for code in statuses_of(resource.clinical_status) if code in _STATUS]
        status = statuses[0] if len(statuses) == 1 else None
        if status is None and (resource.abatement_boolean or resource.abatement_string):
            status = ClinicalStatus.RESOLVED
        recognition = self.recogniser.recognise(AskedOf.CONDITION, (resource.code,))
        yield Diagnosis(
            reference=entry.reference,
            label=label(resource.code),
            recognition=recognition.refuted() if "refuted" in verification else recognition,
            when=onset or recorded,
            verification=Verification.UNCONFIRMED if verification & _UNCONFIRMED else Verification.CONFIRMED,
            status=status,
            onset=onset,
            recorded=recorded,
            abated=abated if abated is None or abated.first <= self.as_of else None,
        )

    def observation(self, entry: Entry) -> Iterable[Result]:
        resource = entry.resource
        if isinstance(resource, fhir.Observation):
            return observations.results(entry.reference, resource, self.recogniser, self.zone)
        return ()

    def report(self, entry: Entry) -> Iterable[Result]:
        resource = entry.resource
        if isinstance(resource, fhir.DiagnosticReport):
            return observations.report_results(entry.reference, resource, self.recogniser, self.zone)
        return ()

    def medication_event(self, entry: Entry) -> Iterable[Therapy]:
        reader = MedicationReader(self.recogniser, self.zone, self.record.by_reference, self.as_of)
        match entry.resource:
            case fhir.MedicationStatement() as resource:
                return reader.statement(entry.reference, resource)
            case fhir.MedicationRequest() as resource:
                return reader.request(entry.reference, resource)
            case fhir.MedicationAdministration() as resource:
                return reader.administration(entry.reference, resource)
            case fhir.MedicationDispense() as resource:
                return reader.dispense(entry.reference, resource)
        return ()

    def procedure(self, entry: Entry) -> Iterator[Procedure]:
        resource = entry.resource
        if not isinstance(resource, fhir.Procedure) or resource.status not in _DONE:
            return
        when = parse_fhir_date(resource.performed_date_time, self.zone) or period(resource.performed_period, self.zone)
        concepts, displays = reasons_of(resource, self.record.by_reference)
        yield Procedure(
            reference=entry.reference,
            label=label(resource.code),
            recognition=self.recogniser.recognise(AskedOf.PROCEDURE, (resource.code,)),
            when=when,
            ongoing=resource.status == "in-progress",
            reasons=self.recogniser.recognise(AskedOf.CONDITION, concepts, [*displays, *texts(resource.code)]),
        )


_Table = Mapping[str, Callable[[_Reader, Entry], Iterable[F]]]
_RESULTS: _Table[Result] = {"Observation": _Reader.observation, "DiagnosticReport": _Reader.report}
_DIAGNOSES: _Table[Diagnosis] = {"Condition": _Reader.condition}
_THERAPIES: _Table[Therapy] = {
    "MedicationStatement": _Reader.medication_event,
    "MedicationRequest": _Reader.medication_event,
    "MedicationAdministration": _Reader.medication_event,
    "MedicationDispense": _Reader.medication_event,
}
_PROCEDURES: _Table[Procedure] = {"Procedure": _Reader.procedure}


def facts(record: PatientRecord, recogniser: Recogniser, as_of: date, zone: ZoneInfo) -> PatientFacts:
    """Everything that the criteria can ask of this record, on one day."""
    reader = _Reader(recogniser, zone, record, as_of)
    return PatientFacts(
        person=person(record.patient, zone),
        as_of=as_of,
        results=_read(reader, _RESULTS),
        diagnoses=_read(reader, _DIAGNOSES),
        therapies=_read(reader, _THERAPIES),
        procedures=_read(reader, _PROCEDURES),
        searched=frozenset(_searched(record)),
    )


def _read(reader: _Reader, table: _Table[F]) -> tuple[F, ...]:
    found = [fact for kind, read in table.items() for entry in reader.record.of_type(kind) for fact in read(reader, entry)]
    return tuple(sorted(found, key=_chronology))


def person(patient: fhir.Patient, zone: ZoneInfo) -> Person:
    replaced = any(link.type == "replaced-by" for link in many(patient.link))
    return Person(
        reference=f"Patient/{patient.id}" if patient.id else "Patient",
        birth=parse_fhir_date(patient.birth_date, zone),
        sex=patient.gender.strip().lower() if patient.gender else None,
        deceased=bool(patient.deceased_boolean) or patient.deceased_date_time is not None,
        inactive=patient.active is False or replaced,
    )


def _chronology(fact: Fact) -> tuple[date, date, str]:
    """Oldest first, whatever the order of the record's entries; what has no date comes last."""
    when = fact.when
    return (when.first, when.last, fact.reference) if when is not None else (date.max, date.max, fact.reference)


def _searched(record: PatientRecord) -> Iterator[Kind]:
    """Therapy is searched when any one of the three medication types was had in full."""
    if "Observation" in record.searched:
        yield Kind.RESULT
    if "Condition" in record.searched:
        yield Kind.DIAGNOSIS
    if "Procedure" in record.searched:
        yield Kind.PROCEDURE
    if record.searched & _THERAPY_TYPES:
        yield Kind.THERAPY
