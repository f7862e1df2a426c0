"""all, any, not, count, agree, cases: how answers are joined."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import NothingFound, Ruling
from cds_service.criteria.verdict import Answer, Missing, Verdict, agreed, all_of, any_of, at_least, negate
from cds_service.dates import DateRange


@dataclass(frozen=True)
class All(Word):
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return all_of([case.ask(word) for word in self.words])

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Any(Word):
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return any_of([case.ask(word) for word in self.words])

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Not(Word):
    word: Word

    def evaluate(self, case: Case) -> Verdict:
        return negate(case.ask(self.word))

    def parts(self) -> Iterator[Word]:
        yield self.word


@dataclass(frozen=True)
class Count(Word):
    count: int
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return at_least(self.count, [case.ask(word) for word in self.words])

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Agree(Word):
    """Two limits printed for one thing: they decide where they agree. `because` is told where they surely do not."""

    words: tuple[Word, ...]
    because: str | None = None

    def evaluate(self, case: Case) -> Verdict:
        verdicts = [case.ask(word) for word in self.words]
        verdict, answers = agreed(verdicts), {one.answer for one in verdicts}
        if self.because is None or not answers >= {Answer.MET, Answer.NOT_MET}:
            return verdict
        return replace(verdict, reasons=(*verdict.reasons, Ruling(self.because)))

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Named(Word):
    """A part of a criterion that has an id of its own, or a reference to another row: evaluated once."""

    id: str
    word: Word

    def evaluate(self, case: Case) -> Verdict:
        return case.ask(self.word)

    def parts(self) -> Iterator[Word]:
        yield self.word


@dataclass(frozen=True)
class SharedReading(Word):
    """A reading that several trials share, by its name in readings.yaml."""

    name: str

    def evaluate(self, case: Case) -> Verdict:
        return case.reading(self.name)


@dataclass(frozen=True)
class Settled(Word):
    """An answer that a ruling gives, whatever else is known."""

    answer: Answer
    because: str

    def evaluate(self, case: Case) -> Verdict:
        return Verdict(self.answer, (Ruling(self.because),))


WHEN = frozenset({"found", "possible", "if"})


@dataclass(frozen=True)
class Step:
    """One case of a ruling: when this is so, that is the answer.

    `when` says what an open question does. "found": only what is surely so counts, and it passes on to the next case.
    "possible": if something on record leaves it open, such as an undated procedure, the case applies; if nothing is on record,
    it passes on. "if": it leaves the answer open unless all that may follow agree.
    """

    word: Word
    answer: Answer
    when: str
    because: str | None = None
    confirm: bool = False
    missing: str | None = None
    """What would settle it, where the answer is open."""

    def applies(self, verdict: Verdict) -> bool:
        if verdict.answer is not Answer.UNKNOWN:
            return verdict.answer is Answer.MET
        return self.when == "possible" and any(evidence.fact is not None for evidence in verdict.evidence)

    def conclude(self, verdict: Verdict) -> Verdict:
        if verdict.answer is Answer.UNKNOWN:  # what is on record leaves it open, not what is not
            on_record = tuple(evidence for evidence in verdict.evidence if evidence.fact is not None)
            told = tuple(reason for reason in verdict.reasons if not isinstance(reason, NothingFound))
            verdict = replace(verdict, evidence=on_record, reasons=told)
        reasons = verdict.reasons if self.because is None else (*verdict.reasons, Ruling(self.because))
        confirm = self.answer is not Answer.UNKNOWN and (verdict.confirm or self.confirm)
        missing = verdict.missing if self.missing is None else (*verdict.missing, Missing(self.missing, _newest(verdict)))
        return replace(verdict, answer=self.answer, reasons=reasons, confirm=confirm, missing=missing)


def _newest(verdict: Verdict) -> DateRange | None:
    """The day of the newest fact that was found."""
    days = [item.fact.when for item in verdict.evidence if item.fact is not None and item.fact.when is not None]
    return max(days, key=lambda day: day.last, default=None)


@dataclass(frozen=True)
class Cases(Word):
    """A ruling told case by case; the first that applies decides, `otherwise` is the last."""

    steps: tuple[Step, ...]
    otherwise: Word

    def evaluate(self, case: Case) -> Verdict:
        return self._from(0, case)

    def _from(self, first: int, case: Case) -> Verdict:
        """The answer of the cases from one of them on."""
        for index, step in enumerate(self.steps[first:], first):
            verdict = case.ask(step.word)
            if step.applies(verdict):
                return step.conclude(verdict)
            if verdict.answer is Answer.UNKNOWN and step.when == "if":
                return self._open(step, verdict, self._from(index + 1, case))
        return case.ask(self.otherwise)

    @staticmethod
    def _open(step: Step, verdict: Verdict, after: Verdict) -> Verdict:
        """Where it is open whether a case applies: an answer only if those after it agree."""
        if after.answer is step.answer:
            return after.but_confirm() if step.confirm else after
        missing = tuple(dict.fromkeys((*verdict.missing, *after.missing)))
        return replace(verdict, answer=Answer.UNKNOWN, confirm=False, missing=missing)

    def parts(self) -> Iterator[Word]:
        yield from (step.word for step in self.steps)
        yield self.otherwise
