"""Why an answer about the disease course is what it is, as typed values; `sentences.py` alone makes sentences of them."""

from cds_service.assumptions import Length
from cds_service.dates import DateRange
from cds_service.facts.certainty import Unclear
from cds_service.facts.model import Therapy
from cds_service.facts.outcomes import Outcome
from cds_service.facts.regimen import Regimen
from cds_service.facts.sightings import Sight
from cds_service.value import Value


class DiseaseActive(Value, frozen=True):
    """There is leukaemia now: by which kind of evidence, and since when that is known."""

    since: DateRange | None
    by: Sight


class InRemission(Value, frozen=True):
    since: DateRange | None


class DiseaseOpen(Value, frozen=True):
    """Whether there is leukaemia now is not known: why, and by what was seen last."""

    unclear: Unclear
    since: DateRange | None


class CourseOpen(Value, frozen=True):
    """What the disease course does not tell: which value, and why."""

    value: str
    unclear: tuple[Unclear, ...]


class CourseEvent(Value, frozen=True):
    """A relapse, a line or a course: when, and what it was or followed. `after`: the remission that a relapse ended."""

    when: DateRange
    regimens: tuple[Regimen, ...] = ()
    after: DateRange | None = None


class CourseCounted(Value, frozen=True):
    """How many relapses, lines or courses there were, against how many the protocol asks for."""

    value: str
    count: int
    at_least: int
    events: tuple[CourseEvent, ...] = ()
    """What was counted, in order."""


class NotCounted(Value, frozen=True):
    """What was given before the leukaemia, for something else: shown, and counted for nothing."""

    therapies: tuple[Therapy, ...]


class CourseStated(Value, frozen=True):
    """A finding of the disease course, by its name."""

    value: str


class Elapsed(Value, frozen=True):
    """How long after the remission the relapse came, against a length."""

    remission: DateRange | None
    relapse: DateRange
    length: Length
    within: bool | None


class Ended(Value, frozen=True):
    """How a line, or the treatment of a relapse, ended."""

    value: str
    outcome: Outcome


CourseReason = (
    DiseaseActive | InRemission | DiseaseOpen | CourseOpen | CourseCounted | NotCounted | CourseStated | Elapsed | Ended
)
