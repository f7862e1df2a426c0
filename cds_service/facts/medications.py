"""MedicationStatement, -Request, -Administration and -Dispense → therapies.

What proves that a medicine was given: ruling 16. Drafts, cancelled orders, what was not done or entered in error prove
nothing and are passed over; where the status is unknown or missing, it may have been taken.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from cds_service.dates import DateRange, parse_fhir_date, span
from cds_service.facts import dosage
from cds_service.facts.amounts import amount_of
from cds_service.facts.concepts import Recogniser, codes_of, label, many, period, texts, words_of
from cds_service.facts.model import Giving, Therapy
from cds_service.fhir import resources as fhir
from cds_service.fhir.record import Entry
from cds_service.fhir.references import canonical
from cds_service.json_bytes import UNDECODABLE
from cds_service.terminology.value_set import AskedOf, Recognition
from cds_service.value import Value

_UNCLEAR = {None, "", "unknown"}
_ADMINISTERED = {"completed", "in-progress", "stopped", "on-hold", *_UNCLEAR}
_STATED = {"active", "completed", "stopped", "on-hold", *_UNCLEAR}
_DISPENSED = {"completed", "in-progress", "stopped", "on-hold", *_UNCLEAR}
_ORDERED = {"active", "on-hold", "completed", "stopped", *_UNCLEAR}
_ONGOING = {"active", "in-progress"}
_LONGEST_SUPPLY = 1000
"""Days; more is no supply of a medicine."""


class _Course(Value, frozen=True):
    """How, and from when to when, a medicine was taken, as far as one resource tells."""

    giving: Giving
    when: DateRange | None
    started: DateRange | None
    ended: DateRange | None
    ongoing: bool
    is_unclear: bool = False


class MedicationReader(Value, frozen=True):
    """Reads one record's medication resources; `others` finds the Medication and the Conditions that one refers to."""

    recogniser: Recogniser
    zone: ZoneInfo
    others: Mapping[str, Entry]
    as_of: date

    def statement(self, reference: str, resource: fhir.MedicationStatement) -> Iterator[Therapy]:
        if resource.status not in _STATED:
            return
        moment = parse_fhir_date(resource.effective_date_time, self.zone)
        started, ended = self._start(resource.effective_period), self._end(resource.effective_period)
        when = span(started, ended) or moment
        ongoing = resource.status in _ONGOING and ended is None
        course = _Course(_given(resource.status), when, started or moment, ended, ongoing, resource.status in _UNCLEAR)
        yield self._therapy(reference, resource, course, list(many(resource.dosage)))

    def request(self, reference: str, resource: fhir.MedicationRequest) -> Iterator[Therapy]:
        if resource.status not in _ORDERED or resource.intent in ("proposal", "plan", "option") or resource.do_not_perform:
            return
        dosages = list(many(resource.dosage_instruction))
        bounds = [d.timing.repeat.bounds_period for d in dosages if d.timing is not None and d.timing.repeat is not None]
        starts = [start for limits in bounds if (start := self._start(limits)) is not None]
        ends = [end for limits in bounds if (end := self._end(limits)) is not None]
        started = starts[-1] if starts else parse_fhir_date(resource.authored_on, self.zone)
        ended = ends[-1] if ends else None
        if resource.status == "stopped" and ended is not None and ended.last > self.as_of:
            ended = None  # stopped before its planned end, on a day that is not told
        ongoing = resource.status in _ONGOING and ended is None
        giving = Giving.ORDER_COMPLETED if resource.status == "completed" else Giving.ORDERED
        course = _Course(giving, span(started, ended), started, ended, ongoing, resource.status in _UNCLEAR)
        yield self._therapy(reference, resource, course, dosages)

    def administration(self, reference: str, resource: fhir.MedicationAdministration) -> Iterator[Therapy]:
        if resource.status not in _ADMINISTERED:
            return
        moment = parse_fhir_date(resource.effective_date_time, self.zone)
        when = period(resource.effective_period, self.zone) or moment
        ended = self._end(resource.effective_period) or moment
        ongoing = resource.status == "in-progress" and ended is None
        started = self._start(resource.effective_period) or when
        course = _Course(_given(resource.status), when, started, ended, ongoing, resource.status in _UNCLEAR)
        yield self._therapy(reference, resource, course, [resource.dosage] if resource.dosage is not None else [])

    def dispense(self, reference: str, resource: fhir.MedicationDispense) -> Iterator[Therapy]:
        """Handed over to be taken from that day on, for as many days as it was supplied."""
        if resource.status not in _DISPENSED:
            return
        started = parse_fhir_date(resource.when_handed_over, self.zone) or parse_fhir_date(resource.when_prepared, self.zone)
        days = amount_of(resource.days_supply)
        ended = None
        if started is not None and days is not None and 0 < days.value < _LONGEST_SUPPLY:
            supply = timedelta(days=int(days.value))
            ended = DateRange(started.first + supply, started.last + supply)
        course = _Course(_given(resource.status), span(started, ended), started, ended, False, resource.status in _UNCLEAR)
        yield self._therapy(reference, resource, course, list(many(resource.dosage_instruction)))

    def _therapy(self, reference: str, resource: fhir.MedicationEvent, course: _Course, dosages: list[fhir.Dosage]) -> Therapy:
        concepts, form = self._medication(resource)
        display = resource.medication_reference.display if resource.medication_reference is not None else None
        names = [display] if display else []
        therapy = Therapy(
            reference=reference,
            label=label(concepts[0]) if concepts else (display or "a medicine without a name"),
            recognition=self.recogniser.recognise(AskedOf.MEDICATION, concepts, names),
            when=course.when,
            giving=course.giving,
            started=course.started,
            ended=course.ended,
            ongoing=course.ongoing,
            is_unclear=course.is_unclear,
            reasons=self._reasons(resource, dosages),
        )
        if not therapy.recognition.named:  # nobody asks how it is given
            return therapy
        words = texts(*concepts)
        return replace(
            therapy,
            route=dosage.route(dosages, " ".join((form, *words, *names))),
            single=dosage.is_single(dosages),
            dose=dosage.single_dose(dosages, words),
        )

    def _medication(self, resource: fhir.MedicationEvent) -> tuple[list[fhir.CodeableConcept], str]:
        """The concepts that name the medicine, and its dose form in words."""
        if resource.medication_codeable_concept is not None:
            return [resource.medication_codeable_concept], ""
        medication = _referred(resource, self.others)
        if medication is None:
            return [], ""
        concepts = [medication.code] if medication.code is not None else []
        concepts += [i.item_codeable_concept for i in many(medication.ingredient) if i.item_codeable_concept is not None]
        return concepts, words_of(medication.form)

    def _reasons(self, resource: fhir.MedicationEvent, dosages: list[fhir.Dosage]) -> Recognition | None:
        """What the record says that it is for: in the order, in the dosage, or by a diagnosis that it refers to."""
        needed, told = dosage.purposes(dosages)
        concepts, displays = reasons_of(resource, self.others)
        if not (concepts or displays or needed):
            return None
        return self.recogniser.recognise(AskedOf.CONDITION, [*concepts, *needed], [*displays, *told])

    def _start(self, value: fhir.Period | None) -> DateRange | None:
        return parse_fhir_date(value.start, self.zone) if value is not None else None

    def _end(self, value: fhir.Period | None) -> DateRange | None:
        return parse_fhir_date(value.end, self.zone) if value is not None else None


def _referred(resource: fhir.MedicationEvent, others: Mapping[str, Entry]) -> fhir.Medication | None:
    reference = resource.medication_reference.reference if resource.medication_reference is not None else None
    if not reference:
        return None
    if reference.startswith("#"):
        return next((m for m in contained_medications(resource) if m.id == reference[1:]), None)
    entry = _entry_of(reference, others)
    return entry.resource if entry is not None and isinstance(entry.resource, fhir.Medication) else None


def _given(status: str | None) -> Giving:
    """Nothing proves a giving whose status is not known."""
    return Giving.ORDERED if status in _UNCLEAR else Giving.GIVEN


def _entry_of(reference: str | None, others: Mapping[str, Entry]) -> Entry | None:
    """What a reference names, whether by its address in a Bundle or by its type and id."""
    return others.get(reference or "") or others.get(canonical(reference) or "")


def reasons_of(
    resource: fhir.MedicationEvent | fhir.Procedure, others: Mapping[str, Entry]
) -> tuple[list[fhir.CodeableConcept], list[str]]:
    """The reasons that a treatment names, and those of the diagnoses that it refers to."""
    concepts, displays = list(many(resource.reason_code)), []
    for reason in many(resource.reason_reference):
        entry = _entry_of(reason.reference, others)
        if entry is not None and isinstance(entry.resource, fhir.Condition):
            denied = codes_of(entry.resource.verification_status) & {"refuted", "entered-in-error"}
            concepts.extend([entry.resource.code] if entry.resource.code is not None and not denied else [])
        elif reason.display:
            displays.append(reason.display)
    return concepts, displays


def contained_medications(resource: fhir.MedicationEvent) -> Iterator[fhir.Medication]:
    """Medications that a resource carries within itself."""
    for raw in resource.contained or ():
        try:
            yield msgspec.json.decode(raw, type=fhir.Medication)
        except UNDECODABLE:
            continue  # another contained type, or unreadable: the medicine then has no name and is not recognised


def last_exposure(therapy: Therapy, as_of: date) -> DateRange | None:
    """The days on which the last dose may have been taken; None where nothing tells, or it lies in the future."""
    if therapy.started is not None and therapy.started.first > as_of:
        return None
    if therapy.ongoing:
        return DateRange(as_of, as_of)
    if therapy.ended is not None:
        return DateRange(as_of, as_of) if therapy.ended.first > as_of else therapy.ended.until(as_of)
    if therapy.started is None:
        return None
    return DateRange(therapy.started.first, as_of)
