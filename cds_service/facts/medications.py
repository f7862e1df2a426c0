"""MedicationStatement, MedicationRequest, MedicationAdministration and MedicationDispense → therapies.

What proves that a medicine was given: ruling 16. Drafts, cancelled orders, what was not done or entered in error prove
nothing and are passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from cds_service.dates import DateRange, parse_fhir_date, span
from cds_service.facts.amounts import amount_of
from cds_service.facts.concepts import codes_of, label, many, period, recognise, texts, words_of
from cds_service.facts.model import Amount, Giving, Route, Therapy
from cds_service.fhir import resources as fhir
from cds_service.fhir.record import Entry
from cds_service.fhir.references import canonical
from cds_service.terminology.value_set import AskedOf, Recognition, Terminology

_ADMINISTERED = {"completed", "in-progress", "stopped", "on-hold"}
_DISPENSED = {"completed", "in-progress"}
_STATED = {"active", "completed", "stopped", "on-hold"}
_ORDERED = {"active": Giving.ORDERED, "on-hold": Giving.ORDERED, "completed": Giving.ORDER_COMPLETED, "stopped": Giving.ORDERED}
_ONGOING = {"active", "in-progress"}
_PER_SURFACE = re.compile(r"(?P<value>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>m?g\s*/\s*m(?:2|²|\^2))", re.IGNORECASE)
_DOSE_UNITS = {
    "mg/m2": {"mg/m2": Decimal(1), "g/m2": Decimal(1000)},
    "mg": {"mg": Decimal(1), "g": Decimal(1000)},
}

_ROUTES = (
    (Route.INTRATHECAL, re.compile(r"intrathecal|intraventricular|intralumbar|\bIT\b|鞘内", re.IGNORECASE)),
    (Route.INTRAVENOUS, re.compile(r"intraven|\bi\.?v\.?\b|infusion|静脉", re.IGNORECASE)),
    (
        Route.LOCAL,
        re.compile(
            r"inhal|nasal|topical|ophthalm|\beyes?\b|conjunctiv|\bears?\b|\botic\b|rectal|cutaneous route|transdermal|cream|"
            r"ointment|lotion|\bdrops\b|enema|suppositor|mouthwash|vaginal|intra-?articular|intravitreal",
            re.IGNORECASE,
        ),
    ),
    (Route.SYSTEMIC, re.compile(r"subcutan|\bs\.?c\.?\b|intramuscular|\bi\.?m\.?\b|皮下|肌注", re.IGNORECASE)),
    (Route.ORAL, re.compile(r"\boral|by mouth|\bp\.?o\.?\b|tablet|capsule|口服", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class _Course:
    """How, and from when to when, a medicine was taken, as far as one resource tells."""

    giving: Giving
    when: DateRange | None
    started: DateRange | None
    ended: DateRange | None
    ongoing: bool


@dataclass(frozen=True, slots=True)
class MedicationReader:
    """Reads one record's medication resources; `medications` finds the Medication that one refers to."""

    terminology: Terminology
    zone: ZoneInfo
    medications: Mapping[str, Entry]

    def statement(self, reference: str, resource: fhir.MedicationStatement) -> Iterator[Therapy]:
        if resource.status not in _STATED:
            return
        moment = parse_fhir_date(resource.effective_date_time, self.zone)
        when = period(resource.effective_period, self.zone) or moment
        ended = self._end(resource.effective_period)
        ongoing = resource.status in _ONGOING and ended is None
        course = _Course(Giving.GIVEN, when, self._start(resource.effective_period) or moment, ended, ongoing)
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
        ongoing = resource.status in _ONGOING and ended is None
        course = _Course(_ORDERED[resource.status], span(started, ended), started, ended, ongoing)
        yield self._therapy(reference, resource, course, dosages)

    def administration(self, reference: str, resource: fhir.MedicationAdministration) -> Iterator[Therapy]:
        if resource.status not in _ADMINISTERED:
            return
        moment = parse_fhir_date(resource.effective_date_time, self.zone)
        when = period(resource.effective_period, self.zone) or moment
        ended = self._end(resource.effective_period) or moment
        ongoing = resource.status == "in-progress" and ended is None
        course = _Course(Giving.GIVEN, when, self._start(resource.effective_period) or when, ended, ongoing)
        yield self._therapy(reference, resource, course, [resource.dosage] if resource.dosage is not None else [])

    def dispense(self, reference: str, resource: fhir.MedicationDispense) -> Iterator[Therapy]:
        if resource.status not in _DISPENSED:
            return
        when = parse_fhir_date(resource.when_handed_over, self.zone) or parse_fhir_date(resource.when_prepared, self.zone)
        course = _Course(Giving.GIVEN, when, when, None, ongoing=False)
        yield self._therapy(reference, resource, course, list(many(resource.dosage_instruction)))

    def _therapy(self, reference: str, resource: fhir.MedicationEvent, course: _Course, dosages: list[fhir.Dosage]) -> Therapy:
        concepts, form = self._medication(resource)
        display = resource.medication_reference.display if resource.medication_reference is not None else None
        names = [display] if display else []
        return Therapy(
            reference=reference,
            label=label(concepts[0]) if concepts else (display or "a medicine without a name"),
            recognition=recognise(self.terminology, AskedOf.MEDICATION, concepts, names),
            when=course.when,
            giving=course.giving,
            started=course.started,
            ended=course.ended,
            ongoing=course.ongoing,
            route=_route(dosages, " ".join((form, *texts(*concepts), *names))),
            single=_single(dosages),
            dose=_dose(dosages, texts(*concepts)),
            reasons=self._reasons(resource),
        )

    def _medication(self, resource: fhir.MedicationEvent) -> tuple[list[fhir.CodeableConcept], str]:
        """The concepts that name the medicine, and its dose form in words."""
        if resource.medication_codeable_concept is not None:
            return [resource.medication_codeable_concept], ""
        medication = _referred(resource, self.medications)
        if medication is None:
            return [], ""
        concepts = [medication.code] if medication.code is not None else []
        concepts += [i.item_codeable_concept for i in many(medication.ingredient) if i.item_codeable_concept is not None]
        return concepts, words_of(medication.form)

    def _reasons(self, resource: fhir.MedicationEvent) -> Recognition | None:
        concepts = list(many(resource.reason_code))
        displays = [reason.display for reason in many(resource.reason_reference) if reason.display]
        if not concepts and not displays:
            return None
        return recognise(self.terminology, AskedOf.CONDITION, concepts, displays)

    def _start(self, value: fhir.Period | None) -> DateRange | None:
        return parse_fhir_date(value.start, self.zone) if value is not None else None

    def _end(self, value: fhir.Period | None) -> DateRange | None:
        return parse_fhir_date(value.end, self.zone) if value is not None else None


def _referred(resource: fhir.MedicationEvent, medications: Mapping[str, Entry]) -> fhir.Medication | None:
    reference = resource.medication_reference.reference if resource.medication_reference is not None else None
    if not reference:
        return None
    if reference.startswith("#"):
        return next((m for m in contained_medications(resource) if m.id == reference[1:]), None)
    entry = medications.get(reference) or medications.get(canonical(reference) or "")
    return entry.resource if entry is not None and isinstance(entry.resource, fhir.Medication) else None


def contained_medications(resource: fhir.MedicationEvent) -> Iterator[fhir.Medication]:
    """Medications that a resource carries within itself."""
    for raw in resource.contained or ():
        try:
            yield msgspec.json.decode(raw, type=fhir.Medication)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue  # another contained type, or unreadable: the medicine then has no name and is not recognised


def _route(dosages: list[fhir.Dosage], words: str) -> Route | None:
    """The route of the dosage; where that is silent, what the product's name and form say."""
    stated = " ".join(f"{words_of(d.route)} {' '.join(codes_of(d.route))} {d.text or ''}" for d in dosages)
    for text in (stated, words):
        for route, pattern in _ROUTES:
            if pattern.search(text):
                return route
    return None


def _single(dosages: list[fhir.Dosage]) -> bool:
    """One dose, or only as needed."""
    return bool(dosages) and all(
        d.as_needed_boolean is True
        or d.as_needed_codeable_concept is not None
        or (d.timing is not None and d.timing.repeat is not None and d.timing.repeat.count == 1)
        or (
            d.text is not None
            and re.search(r"\b(once|single dose|one dose|as needed|prn)\b", d.text, re.IGNORECASE) is not None
        )
        for d in dosages
    )


def _dose(dosages: list[fhir.Dosage], names: list[str]) -> Amount | None:
    """The largest single dose that the dosage, its text or the medicine's name tells: in mg/m2, else in mg."""
    quantities = [
        amount_of(quantity) for d in dosages for quantity in (d.dose, *(r.dose_quantity for r in many(d.dose_and_rate)))
    ]
    stated = [(a.value, a.unit) for a in quantities if a is not None and a.comparator is None]
    for text in (*(d.text for d in dosages if d.text), *names):
        stated += [(Decimal(match["value"].replace(",", "")), match["unit"]) for match in _PER_SURFACE.finditer(text)]
    for unit, factors in _DOSE_UNITS.items():
        if doses := [value * factors[key] for value, written in stated if (key := _dose_unit(written)) in factors]:
            return Amount(max(doses), unit)
    return None


def _dose_unit(unit: str | None) -> str:
    return (unit or "").lower().replace(" ", "").replace("²", "2").replace("^2", "2")


def last_exposure(therapy: Therapy, as_of: date) -> DateRange | None:
    """The days on which the last dose may have been taken; None where nothing tells, or it lies in the future."""
    if therapy.started is not None and therapy.started.first > as_of:
        return None
    if therapy.ongoing:
        return DateRange(as_of, as_of)
    if therapy.ended is not None:
        return therapy.ended.until(as_of)
    if therapy.started is None:
        return None
    return DateRange(therapy.started.first, as_of)
