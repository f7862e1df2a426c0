"""Which codes of a hospital mean nothing to us yet: what an informatician has to map.

Only elements that the criteria read are looked at, and answers and reasons only where the test or the drug is known.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cds_service.facts.concepts import codings, many, texts
from cds_service.facts.medications import contained_medications
from cds_service.fhir import resources as fhir
from cds_service.fhir.record import Entry, PatientRecord
from cds_service.terminology.codes import Code, Coding
from cds_service.terminology.value_set import AskedOf, Recognition, Terminology
from cds_service.value import Value


class Unrecognised(Value, frozen=True):
    """A code that no value set holds and no map translates, over all records that were looked at."""

    asked_of: AskedOf
    coding: Coding
    """With the name that its records give it most often."""
    resource_types: tuple[str, ...]
    count: int
    records: int
    words: str | None
    """By which it may be found: its name, else what a record says beside it. The latter may be of the patient: never shown."""


class CodedElement(Value, frozen=True):
    """A coded element that the criteria read; `concepts` together name one thing."""

    resource_type: str
    asked_of: AskedOf
    concepts: Sequence[fhir.CodeableConcept]


@dataclass
class _Seen:
    coding: Coding
    displays: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    resource_types: set[str] = field(default_factory=set)
    count: int = 0
    records: int = 0


@dataclass
class CodeSurvey:
    """Counts unrecognised codes over records. `standard`: also codes of systems in which the value sets hold codes."""

    terminology: Terminology
    looked_at: frozenset[Code] = frozenset()
    """Codes that a person found to be none of ours: not told again."""
    standard: bool = False
    uncoded: int = 0
    """Elements that hold no code at all: only their words are read, and no map can help."""
    _seen: dict[tuple[AskedOf, Code], _Seen] = field(default_factory=dict)

    def add(self, record: PatientRecord) -> None:
        in_this_record: set[tuple[AskedOf, Code]] = set()
        for element in coded_elements(record, self.terminology):
            coded = [coding for coding in codings(*element.concepts) if coding.code and coding.code.strip()]
            self.uncoded += not coded
            for coding in self._unrecognised(element, coded):
                seen = self._seen.setdefault((element.asked_of, coding.key), _Seen(coding))
                seen.count += 1
                seen.resource_types.add(element.resource_type)
                seen.displays.update([coding.display] if coding.display else [])
                seen.texts.update(texts(*element.concepts)[:1])
                in_this_record.add((element.asked_of, coding.key))
        for key in in_this_record:
            self._seen[key].records += 1

    def found(self) -> list[Unrecognised]:
        """Most frequent first."""
        return sorted(
            (_unrecognised(asked_of, seen) for (asked_of, _), seen in self._seen.items()),
            key=lambda one: (-one.count, -one.records, one.asked_of.value, one.coding.key),
        )

    def _unrecognised(self, element: CodedElement, coded: Sequence[Coding]) -> list[Coding]:
        """An element of which one code is recognised needs no other; one with a standard code needs no map."""
        if _recognise(self.terminology, element.asked_of, *element.concepts).by_code:
            return []
        standard = [coding for coding in coded if coding.system in self.terminology.systems()]
        if standard:
            return standard if self.standard else []
        return [coding for coding in coded if coding.key not in self.looked_at]


def _unrecognised(asked_of: AskedOf, seen: _Seen) -> Unrecognised:
    display = _most_common(seen.displays)
    return Unrecognised(
        asked_of=asked_of,
        coding=Coding(seen.coding.system, (seen.coding.code or "").strip(), display),
        resource_types=tuple(sorted(seen.resource_types)),
        count=seen.count,
        records=seen.records,
        words=display or _most_common(seen.texts),
    )


def _most_common(counted: Counter[str]) -> str | None:
    return max(counted, key=lambda text: (counted[text], text), default=None)


def coded_elements(record: PatientRecord, terminology: Terminology) -> Iterator[CodedElement]:
    """Each coded element of a record that the criteria read."""
    for entries in record.entries.values():
        for entry in entries:
            yield from _of_entry(entry, terminology)


def _of_entry(entry: Entry, terminology: Terminology) -> Iterator[CodedElement]:
    match entry.resource:
        case fhir.Condition() as condition:
            yield from _element("Condition", AskedOf.CONDITION, condition.code)
        case fhir.Observation() as observation:
            yield from _of_observation(observation, terminology)
        case fhir.Procedure() as procedure:
            yield from _element("Procedure", AskedOf.PROCEDURE, procedure.code)
        case fhir.Medication() as medication:
            yield from _of_medication(medication)
        case fhir.MedicationEvent() as event:
            yield from _of_medication_event(event, terminology)


def _of_observation(observation: fhir.Observation, terminology: Terminology) -> Iterator[CodedElement]:
    for value in (observation, *many(observation.component)):
        yield from _element("Observation", AskedOf.OBSERVATION, value.code)
        test = _recognise(terminology, AskedOf.OBSERVATION, value.code)
        if test.by_code or test.by_text:
            yield from _element("Observation", AskedOf.ANSWER, value.value_codeable_concept)


def _of_medication(medication: fhir.Medication) -> Iterator[CodedElement]:
    ingredients = (ingredient.item_codeable_concept for ingredient in many(medication.ingredient))
    yield from _element("Medication", AskedOf.MEDICATION, medication.code, *ingredients)


def _of_medication_event(event: fhir.MedicationEvent, terminology: Terminology) -> Iterator[CodedElement]:
    yield from _element(event.resource_type, AskedOf.MEDICATION, event.medication_codeable_concept)
    for medication in contained_medications(event):
        yield from _of_medication(medication)
    drug = _recognise(terminology, AskedOf.MEDICATION, event.medication_codeable_concept)
    if drug.by_code or drug.by_text:
        for reason in many(event.reason_code):
            yield from _element(event.resource_type, AskedOf.CONDITION, reason)


def _recognise(terminology: Terminology, asked_of: AskedOf, *concepts: fhir.CodeableConcept | None) -> Recognition:
    return terminology.recognise(asked_of, codings(*concepts), texts(*concepts))


def _element(resource_type: str, asked_of: AskedOf, *concepts: fhir.CodeableConcept | None) -> Iterator[CodedElement]:
    if present := [concept for concept in concepts if concept is not None]:
        yield CodedElement(resource_type, asked_of, present)
