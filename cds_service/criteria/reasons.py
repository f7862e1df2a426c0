"""Why an answer is what it is, as typed values; `sentences.py` alone makes sentences of them."""

from decimal import Decimal
from enum import Enum

from cds_service.assumptions import Length, Limit
from cds_service.criteria.comparison import Operator
from cds_service.criteria.course_reasons import CourseReason
from cds_service.dates import DateRange
from cds_service.facts.model import Amount, Fact, Kind
from cds_service.value import Value


class Problem(Enum):
    """Why a result cannot be used."""

    NO_DATE = "no date"
    YEAR_ONLY = "dated only by year"
    FUTURE = "dated in the future"
    NO_VALUE = "no value"
    NO_NUMBER = "no number"
    NO_UNIT = "no unit"
    WRONG_UNIT = "a unit that does not fit"
    COMPARATOR = "a bound that does not decide"
    RANGE = "a range that does not decide"
    IMPLAUSIBLE = "an implausible value"
    NOT_A_GRADE = "no grade of the scale"
    TWO_LIMITS = "two different upper limits of normal"
    LIMIT_UNIT = "an upper limit of normal in a unit that does not fit"
    NO_LIMIT = "no upper limit of normal that fits this patient"
    NEAR_DEFAULT_LIMIT = "no upper limit of normal of its own, and too near a limit made from a default one"
    UNCLEAR = "a wording that does not decide"
    DATE_TOO_COARSE = "a date too coarse to tell whether it still decides"
    PARTIAL = "positive on a part of the cells, or dimly"
    NOT_BY_FLOW = "not by flow cytometry on the cell surface"
    REGENERATION = "the marrow may be regenerating: to be repeated in 7 to 14 days with flow cytometry"
    NEGATIVE_STAIN = "a negative stain, which does not exclude it without flow cytometry"


class Event(Enum):
    """What may change a result, so that an older one says nothing of now."""

    COURSE = "the start of the last course"
    ANTHRACYCLINE = "the last dose of an anthracycline"
    HEART_FAILURE = "a record of heart failure"
    RELAPSE = "the current relapse"
    DIRECTED_THERAPY = "treatment against it"


class Wanted(Enum):
    """What would settle a question that no single test settles."""

    BIRTH_DATE = "full birth date"
    SEX = "sex"
    MARROW = "marrow"
    DISEASE_STATEMENT = "marrow result or statement of the disease status"
    MARROW_WITH_FLOW = "marrow in 7 to 14 days, with flow cytometry"
    BLOOD_COUNTS = "neutrophils and platelets beside the marrow"
    RESPONSE = "marrow, or a stated response, after the treatment"
    IMAGING = "imaging or biopsy, if extramedullary disease is suspected"
    TREATMENT_HISTORY = "history of treatment courses and responses"
    CONFIRMATION = "confirmation of the diagnosis"
    NAMES = "names of the entries that are not recognised"
    EARLIER_RECORDS = "records of the time before"
    DOSE = "dose of the medicine"
    DATES = "dates"
    WHETHER_TAKEN = "whether, and when, it was taken"
    PROCEDURE = "whether the procedure was done"


class Born(Value, frozen=True):
    """Read from the Patient."""

    when: DateRange


class Gender(Value, frozen=True):
    """Read from the Patient."""

    code: str


class AgeCompared(Value, frozen=True):
    years: int
    at_least: int | None
    at_most: int | None
    holds: bool


class AgeUnclear(Value, frozen=True):
    """The birth date is missing or cannot be right; or it is too coarse: between which ages the patient then is."""

    between: tuple[int, int] | None = None
    at_least: int | None = None
    at_most: int | None = None


class SexIs(Value, frozen=True):
    sex: str | None
    any: bool = False


class UpperLimit(Value, frozen=True):
    """The upper limit of normal that was used, and the multiple of it that the protocol allows."""

    value: Limit
    times: Decimal
    assumed: bool


class Compared(Value, frozen=True):
    """`converted`: the value in the limit's unit, where it was measured in another."""

    what: str
    amount: Amount
    operator: Operator
    limit: Limit
    holds: bool
    upper_limit: UpperLimit | None = None
    converted: Decimal | None = None


class ShareCompared(Value, frozen=True):
    """One result in percent of another."""

    part: str
    whole: str
    percent: Decimal
    operator: Operator
    limit: Limit
    holds: bool


class NoResult(Value, frozen=True):
    what: str


class Stale(Value, frozen=True):
    """A result too old to decide; how it would have decided, where that can be told."""

    what: str
    when: DateRange
    window: Length
    holds: bool | None


class Recheck(Value, frozen=True):
    """A result that still decides but is to be repeated."""

    what: str
    when: DateRange


class Superseded(Value, frozen=True):
    """A result from before something that may have changed it."""

    what: str
    when: DateRange
    by: Event
    since: DateRange | None


class Unusable(Value, frozen=True):
    what: str
    problem: Problem
    when: DateRange | None = None
    amount: Amount | None = None


class Differing(Value, frozen=True):
    """Results of which any may be the newest, and that do not agree. `one_day`: all of the same day."""

    what: str
    one_day: bool


class Recorded(Value, frozen=True):
    """A diagnosis, procedure or medicine that is on record."""

    fact: Fact


class Doubt(Enum):
    """Why what is on record is not sure."""

    UNCONFIRMED = "not confirmed"
    LEFT_OPEN = "its words leave it open"
    DISPUTED = "code and text disagree"
    FUTURE = "dated in the future"
    NOT_KNOWN_TAKEN = "whether it was taken is not recorded"
    NO_DOSE = "the dose is not recorded"
    INDICATION = "named only by what the treatment was for"


class Unconfirmed(Value, frozen=True):
    """Something on record that is not sure."""

    fact: Fact
    doubt: Doubt


class TimeUnclear(Value, frozen=True):
    """It is on record, but its dates do not tell whether it lies within the span."""

    fact: Fact
    span: Length


class LongAgo(Value, frozen=True):
    """It is on record, but outside the span."""

    fact: Fact


class NoneRecorded(Value, frozen=True):
    """Nothing found in a part of the record that was searched and understood. `denials`: entries that document absence."""

    what: str
    kind: Kind
    because: str
    denials: tuple[Fact, ...] = ()


class NothingFound(Value, frozen=True):
    """Nothing found, and silence is no answer to this question."""

    what: str
    kind: Kind


class NotSearched(Value, frozen=True):
    what: str
    kind: Kind


class NotUnderstood(Value, frozen=True):
    """So many entries of this kind carry no code and no text that tells what they are."""

    what: str
    kind: Kind
    count: int


class TreatedElsewhere(Value, frozen=True):
    """The record begins in the middle of the disease: silence about the time before says nothing."""


class ResultReads(Value, frozen=True):
    """What a result says in words or codes."""

    what: str
    reads: str
    when: DateRange | None


class Derived(Value, frozen=True):
    """One performance scale read from another. `holds` is None where the other scale does not tell."""

    what: str
    operator: Operator
    limit: Decimal
    holds: bool | None
    other: str
    amount: Amount
    when: DateRange | None


class OnOxygen(Value, frozen=True):
    """The saturation was, or may have been, taken on oxygen."""

    known: bool


class Ruling(Value, frozen=True):
    """A sentence of the trial file or of the shared readings: why this finding leads to this answer."""

    text: str


class Question(Value, frozen=True):
    """What no record can answer, put to a person."""

    text: str


class ListNotKnown(Value, frozen=True):
    """The protocol's list of criteria is not known to us."""


Detail = UpperLimit | Born | Gender
"""What was read from a fact, where its own words do not say it."""

Reason = (
    AgeCompared
    | AgeUnclear
    | SexIs
    | Compared
    | ShareCompared
    | NoResult
    | Stale
    | Recheck
    | Superseded
    | Unusable
    | Differing
    | Recorded
    | Unconfirmed
    | TimeUnclear
    | LongAgo
    | NoneRecorded
    | NothingFound
    | NotSearched
    | NotUnderstood
    | TreatedElsewhere
    | ResultReads
    | Derived
    | OnOxygen
    | CourseReason
    | Ruling
    | Question
    | ListNotKnown
)
