"""What is known of a patient, in our terms: results, diagnoses, therapies, procedures, each with its source.

No FHIR shapes pass this point: `facts.extract` fills these types. What is made for each record is a `Value`, here and
elsewhere; words of trial files, and what works or remembers, are classes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cached_property

from cds_service.dates import DateRange
from cds_service.facts.finding import Reading
from cds_service.facts.index import Index
from cds_service.terminology.value_set import Recognition
from cds_service.value import OneOf, Value


class Fact(Value, frozen=True):
    """One resource of the record, or a component of one, and what our value sets recognise in it."""

    reference: str
    label: str
    """The resource's own name for it, for people; never logged."""
    recognition: Recognition
    when: DateRange | None

    def __hash__(self) -> int:
        return hash((self.reference, self.label))  # which tells nearly all facts apart

    def is_in(self, value_set: str) -> bool:
        return value_set in self.recognition.members

    def is_in_any(self, value_sets: Collection[str]) -> bool:
        return not self.recognition.members.isdisjoint(value_sets)

    def rests_on_text(self, value_set: str) -> bool:
        return self.recognition.rests_on_text(value_set)


class Amount(Value, frozen=True):
    """A numeric result: a number, or the two ends of a range, with its unit as printed.

    `comparator` is FHIR's: "<", "<=", ">=", ">"; the value is then only a bound.
    """

    value: Decimal
    unit: str | None
    comparator: str | None = None
    high: Decimal | None = None


class NormalRange(Value, frozen=True):
    """A reference range that the laboratory printed with its result."""

    high: Amount | None
    text: str | None = None
    is_normal: bool = True
    """Not a range of another type, such as treatment or critical limits."""
    sex: str | None = None
    age: tuple[Decimal | None, Decimal | None] | None = None
    """From and up to which age in years it applies."""
    understood: bool = True
    """Whether we know all groups that it says it applies to."""


class Result(Fact, frozen=True):
    """An Observation, or a component of one, of status final, amended or corrected."""

    amount: Amount | None = None
    words: str | None = None
    """A value given in words."""
    value: Recognition | None = None
    """A coded or worded value, as our answer sets recognise it."""
    interpretation: frozenset[str] = frozenset()
    """Codes of HL7 v3 ObservationInterpretation: POS, NEG, IND …"""
    absent: bool = False
    """The laboratory says that there is no value (dataAbsentReason)."""
    ranges: tuple[NormalRange, ...] = ()
    method: str = ""
    """The test's names, its method, body site and specimen in words, lower case, to be searched."""
    notes: str = ""
    """Notes in words, lower case."""
    said: Reading | None = None
    """What its words say of this very antigen, where they speak of several."""
    panel: tuple["Result", ...] = ()
    """The other components of the same Observation."""

    @property
    def circumstances(self) -> str:
        """All that is told in words of how it was taken."""
        return f"{self.method} {self.notes}"


class Verification(Enum):
    """How sure a diagnosis is. Entered-in-error ones never become a Diagnosis; what a refuted one names is denied."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


class ClinicalStatus(Enum):
    """FHIR's condition-clinical codes, as far as they say whether it goes on."""

    ACTIVE = "active"
    RECURRENCE = "recurrence"
    RELAPSE = "relapse"
    REMISSION = "remission"
    INACTIVE = "inactive"
    RESOLVED = "resolved"


class Diagnosis(Fact, frozen=True):
    """A Condition; of a refuted one, what it names is denied."""

    verification: Verification = Verification.CONFIRMED
    status: ClinicalStatus | None = None
    onset: DateRange | None = None
    recorded: DateRange | None = None
    abated: DateRange | None = None

    @property
    def known_since(self) -> DateRange | None:
        """The earlier of onset and recording."""
        return min((day for day in (self.onset, self.recorded) if day is not None), key=lambda day: day.first, default=None)

    def is_resolved(self) -> bool:
        return self.abated is not None or self.status in (ClinicalStatus.RESOLVED, ClinicalStatus.INACTIVE)


class Giving(Enum):
    """How well it is shown that a medicine was given (ruling 16)."""

    GIVEN = "given"  # administration, dispense or a statement: taken
    ORDER_COMPLETED = "order completed"
    ORDERED = "ordered"  # an active order: exposure for an exclusion, no proof of a course


class Route(Enum):
    """Whether a medicine reaches the whole body. Only what the record says in words is known."""

    INTRAVENOUS = "intravenous"
    ORAL = "oral"
    SYSTEMIC = "systemic"  # subcutaneous, intramuscular
    INJECTED = "injected"  # by injection, the way not stated
    LOCAL = "local"  # inhaled, nasal, topical, eye, ear, rectal
    INTRATHECAL = "intrathecal"


class Therapy(Fact, frozen=True):
    """A medicine given or ordered; `when` is its whole span as far as it is known."""

    giving: Giving = Giving.GIVEN
    started: DateRange | None = None
    ended: DateRange | None = None
    ongoing: bool = False
    """Taken or ordered now, without a stated end."""
    is_unclear: bool = False
    """The record does not say whether it was taken: its status is unknown or missing."""
    reasons: Recognition | None = None
    """What it is given for, as our value sets recognise it; None where nothing is recorded."""
    route: Route | None = None
    """This and the dose are read of a medicine that a value set names, and are not known of others."""
    single: bool = False
    """One dose, or as needed."""
    dose: Amount | None = None
    """One dose, in mg/m2 or else in mg."""

    @property
    def understood(self) -> bool:
        """Whether a code that we know, or words, tell which medicine it is."""
        return bool(self.recognition.by_code) or self.recognition.has_text


class Procedure(Fact, frozen=True):
    """A Procedure that was done or is in progress."""

    ongoing: bool = False
    reasons: Recognition | None = None
    """What it was done for, and the diseases that its own name names."""


class Kind(OneOf):
    """The kinds of fact, named by the FHIR resource that is counted when it is searched for."""

    RESULT = "Observation"
    DIAGNOSIS = "Condition"
    THERAPY = "Medication"
    PROCEDURE = "Procedure"


class Person(Value, frozen=True):
    """Who the patient is, as far as the criteria ask."""

    reference: str
    birth: DateRange | None
    sex: str | None
    """FHIR's administrative gender: male, female, other, unknown; None if not recorded."""
    deceased: bool = False
    inactive: bool = False
    """The record is inactive or replaced by another."""


@dataclass(frozen=True)
class PatientFacts:
    """All facts of one patient on one day. `searched` names the kinds of which everything was had."""

    person: Person
    as_of: date
    results: tuple[Result, ...] = ()
    """Of tests that a value set knows, or told in words."""
    diagnoses: tuple[Diagnosis, ...] = ()
    therapies: tuple[Therapy, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    searched: frozenset[Kind] = frozenset()

    def of_kind(self, kind: Kind) -> Sequence[Fact]:
        match kind:
            case Kind.RESULT:
                return self.results
            case Kind.DIAGNOSIS:
                return self.diagnoses
            case Kind.THERAPY:
                return self.therapies
            case Kind.PROCEDURE:
                return self.procedures

    def results_in(self, value_set: str) -> tuple[Result, ...]:
        return self._results.within(value_set)

    def results_in_any(self, value_sets: Sequence[str]) -> Sequence[Result]:
        """Those that are in one of these, each once, set by set."""
        if len(value_sets) == 1:
            return self.results_in(value_sets[0])
        found = {id(result): result for value_set in value_sets for result in self.results_in(value_set)}
        return tuple(found.values())

    def results_naming(self, value_sets: Collection[str]) -> Sequence[Result]:
        """Those that are, or may be, one of these."""
        return self._results.naming(value_sets)

    def diagnoses_in(self, value_set: str) -> tuple[Diagnosis, ...]:
        return self._diagnoses.within(value_set)

    def diagnoses_naming(self, value_sets: Collection[str]) -> Sequence[Diagnosis]:
        return self._diagnoses.naming(value_sets)

    def therapies_in(self, value_set: str) -> tuple[Therapy, ...]:
        return self._therapies.within(value_set)

    def therapies_naming(self, value_sets: Collection[str]) -> Sequence[Therapy]:
        return self._therapies.naming(value_sets)

    def procedures_in(self, value_set: str) -> tuple[Procedure, ...]:
        return self._procedures.within(value_set)

    def procedures_naming(self, value_sets: Collection[str]) -> Sequence[Procedure]:
        return self._procedures.naming(value_sets)

    @cached_property
    def _results(self) -> Index[Result]:
        return Index(self.results)

    @cached_property
    def _diagnoses(self) -> Index[Diagnosis]:
        return Index(self.diagnoses)

    @cached_property
    def _therapies(self) -> Index[Therapy]:
        return Index(self.therapies)

    @cached_property
    def _procedures(self) -> Index[Procedure]:
        return Index(self.procedures)
