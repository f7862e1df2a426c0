"""all, any, not, count, agree, cases: how answers are joined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.reasons import Ruling
from cds_service.criteria.verdict import Answer, Verdict, agreed, all_of, any_of, at_least, negate


@dataclass(frozen=True)
class All(Word):
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return all_of(word.evaluate(case) for word in self.words)

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Any(Word):
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return any_of(word.evaluate(case) for word in self.words)

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Not(Word):
    word: Word

    def evaluate(self, case: Case) -> Verdict:
        return negate(self.word.evaluate(case))

    def parts(self) -> Iterator[Word]:
        yield self.word


@dataclass(frozen=True)
class Count(Word):
    count: int
    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return at_least(self.count, [word.evaluate(case) for word in self.words])

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Agree(Word):
    """Two limits printed for one thing: they decide where they agree."""

    words: tuple[Word, ...]

    def evaluate(self, case: Case) -> Verdict:
        return agreed(word.evaluate(case) for word in self.words)

    def parts(self) -> Iterator[Word]:
        return iter(self.words)


@dataclass(frozen=True)
class Named(Word):
    """A part of a criterion that has an id of its own, or a reference to another row: evaluated once."""

    id: str
    word: Word

    def evaluate(self, case: Case) -> Verdict:
        return case.verdict_of(self.id, self.word)

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


@dataclass(frozen=True)
class Step:
    """One case of a ruling: if this is so, that is the answer.

    `certain`: only what is surely so counts, and an open question passes on to the next case (`found`); otherwise an open
    question leaves the answer open unless all that may follow agree (`if`).
    """

    word: Word
    answer: Answer
    certain: bool
    because: str | None = None
    confirm: bool = False

    def conclude(self, verdict: Verdict) -> Verdict:
        reasons = verdict.reasons if self.because is None else (*verdict.reasons, Ruling(self.because))
        confirm = self.answer is not Answer.UNKNOWN and (verdict.confirm or self.confirm)
        return replace(verdict, answer=self.answer, reasons=reasons, confirm=confirm)


@dataclass(frozen=True)
class Cases(Word):
    """A ruling told case by case; the first that applies decides, `otherwise` is the last."""

    steps: tuple[Step, ...]
    otherwise: Word

    def evaluate(self, case: Case) -> Verdict:
        return self._from(self.steps, case)

    def _from(self, steps: Sequence[Step], case: Case) -> Verdict:
        if not steps:
            return self.otherwise.evaluate(case)
        step, rest = steps[0], steps[1:]
        verdict = step.word.evaluate(case)
        if verdict.answer is Answer.MET:
            return step.conclude(verdict)
        if verdict.answer is Answer.NOT_MET or step.certain:
            return self._from(rest, case)
        after = self._from(rest, case)
        if after.answer is step.answer:
            return after
        return replace(verdict, answer=Answer.UNKNOWN, confirm=False, missing=(*verdict.missing, *after.missing))

    def parts(self) -> Iterator[Word]:
        yield from (step.word for step in self.steps)
        yield self.otherwise
