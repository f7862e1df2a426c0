"""A window as it lies before today: how old a result may be, and what makes an older one say nothing of now."""

from collections.abc import Callable
from datetime import date

from cds_service.assumptions import Length, Window
from cds_service.criteria.reasons import Event
from cds_service.dates import DateRange
from cds_service.facts.medications import last_exposure
from cds_service.facts.model import Giving, PatientFacts, Route, Therapy
from cds_service.facts.timeline import DiseaseCourse
from cds_service.value import Value


class TodaysWindow(Value, frozen=True):
    """How long results decide, for one patient on the day of judging."""

    name: str
    recheck: Length
    decides_from: date
    """A result from before it is older than `recheck`."""
    fresh_from: date
    """One from before it decides, and is to be repeated."""
    insults: tuple[tuple[Event, DateRange], ...]
    """What came to pass that supersedes results from before it; the first is told."""


def todays_window(window: Window, facts: PatientFacts, course: DiseaseCourse) -> TodaysWindow:
    as_of = facts.as_of
    insults = (_INSULTS[name] for name in window.superseded_by)
    happened = tuple((event, when) for event, last in insults if (when := last(facts, course)) is not None)
    return TodaysWindow(window.name, window.recheck, window.recheck.before(as_of), window.fresh.before(as_of), happened)


def _course(facts: PatientFacts, course: DiseaseCourse) -> DateRange | None:
    return course.history.last_insult


def _anthracycline(facts: PatientFacts, course: DiseaseCourse) -> DateRange | None:
    doses = [
        dose
        for therapy in facts.therapies_in("anthracycline")
        if therapy.giving is not Giving.ORDERED and therapy.route is not Route.LOCAL
        if (dose := _last_dose(therapy, facts.as_of)) is not None and dose.first <= facts.as_of
    ]
    return max(doses, key=lambda dose: dose.last, default=None)


def _last_dose(therapy: Therapy, as_of: date) -> DateRange | None:
    """The end; of one that is over without a recorded end its start, since these are given for a few days."""
    return last_exposure(therapy, as_of) if therapy.ongoing else therapy.ended or therapy.started


def _heart_failure(facts: PatientFacts, course: DiseaseCourse) -> DateRange | None:
    records = [day for one in facts.diagnoses_in("heart_failure") if (day := one.onset or one.recorded) is not None]
    return max(records, key=lambda day: day.last, default=None)


_INSULTS: dict[str, tuple[Event, Callable[[PatientFacts, DiseaseCourse], DateRange | None]]] = {
    "course": (Event.COURSE, _course),
    "anthracycline": (Event.ANTHRACYCLINE, _anthracycline),
    "heart_failure": (Event.HEART_FAILURE, _heart_failure),
}
INSULTS = frozenset(_INSULTS)
