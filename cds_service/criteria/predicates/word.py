"""What every word of the trial files can do, and the case that it is asked about."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from cds_service.assumptions import Assumptions
from cds_service.criteria.predicates.search import Search
from cds_service.criteria.predicates.window import TodaysWindow, todays_window
from cds_service.criteria.verdict import Missing, Verdict
from cds_service.dates import DateRange
from cds_service.facts.model import Kind, PatientFacts
from cds_service.facts.timeline import DiseaseCourse
from cds_service.terminology.value_set import Terminology
from cds_service.value import Value


@dataclass(frozen=True)
class Word(ABC):
    """One word of the vocabulary, with its operands: a question to a patient's facts."""

    @abstractmethod
    def evaluate(self, case: "Case") -> Verdict:
        """The answer for one patient on one day."""

    def parts(self) -> Iterator["Word"]:
        """The words within this one."""
        return iter(())

    def value_sets(self) -> Iterator[str]:
        """The value sets that it asks for, checked at start."""
        return iter(())

    def further_sets(self) -> Iterator[str]:
        """The value sets that it looks into where they exist."""
        return iter(())


class Asked(Value, frozen=True):
    """What is asked for: its name, its order, and how long a result of it decides."""

    what: str
    order: str | None
    window: TodaysWindow

    def missing(self, last: DateRange | None = None, *, repeat: bool = False) -> Missing:
        return Missing(self.what, last, self.order, repeat)


@dataclass(frozen=True)
class Case:
    """One patient's facts and disease course, and the knowledge by which they are judged."""

    facts: PatientFacts
    courses: Mapping[str, DiseaseCourse]
    """The disease course by each trial's definition of relapse."""
    course: DiseaseCourse
    """By the definition of the trial that asks; what shared readings ask of it is the same by all."""
    terminology: Terminology
    assumptions: Assumptions
    readings: Mapping[str, Word]
    numbers: Mapping[int, tuple[Word, int]]
    """The words of the knowledge by identity, each with a number that it shares with its equals."""
    searches: Mapping[Kind, Search]
    """What there is of each kind but results, for those who find nothing among it."""
    beforehand: Mapping[int, Verdict]
    """The answers that are known beforehand, by the words' numbers."""
    _readings: dict[str, Verdict] = field(default_factory=dict, repr=False)
    _windows: dict[str, TodaysWindow] = field(default_factory=dict, repr=False)
    _by_course: dict[int, tuple[DiseaseCourse, dict[int, Verdict]]] = field(default_factory=dict, repr=False)
    """The answers for each course, which several trials may share: by its identity, and so kept with it."""
    _answers: dict[int, Verdict] = field(init=False, repr=False)
    """Those for the course at hand, by the words' numbers."""

    def __post_init__(self) -> None:
        _, answers = self._by_course.setdefault(id(self.course), (self.course, dict(self.beforehand)))
        object.__setattr__(self, "_answers", answers)

    def of_trial(self, trial: str) -> "Case":
        """The same case, asked by one trial; what was answered is kept for those to whom the course is the same."""
        course = self.courses[trial]
        return self if course is self.course else replace(self, course=course)

    def asked(self, value_set: str, window: str) -> Asked:
        """What is asked by a value set's name, and how long its results decide.

        The window is the same for all trials: what supersedes results is treatment, of which they have no definitions.
        """
        if (today := self._windows.get(window)) is None:
            today = self._windows[window] = todays_window(self.assumptions.windows[window], self.facts, self.course)
        named = self.terminology[value_set]
        return Asked(named.title, named.order, today)

    def reading(self, name: str) -> Verdict:
        """A shared reading, evaluated once."""
        if name not in self._readings:
            self._readings[name] = self.ask(self.readings[name])
        return self._readings[name]

    def ask(self, word: Word) -> Verdict:
        """A word's answer, evaluated once for each course, however many rows and trials ask the same."""
        mine, number = self.numbers.get(id(word), (None, 0))
        if mine is not word:  # a word of no file
            return word.evaluate(self)
        if (known := self._answers.get(number)) is None:
            known = self._answers[number] = word.evaluate(self)
        return known
