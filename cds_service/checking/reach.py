"""Parts of the knowledge that can never decide: cases behind others that always win, words that contradict each other."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from cds_service.checking.roots import Placed
from cds_service.checking.sense import Sense
from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates.word import Word
from cds_service.errors import KnowledgeFault


def unreachable(words: Iterable[Placed], sense: Sense) -> Iterator[KnowledgeFault]:
    """Each with its place and what stands in its way."""
    for placed in words:
        match placed.word:
            case joined.Cases() as cases:
                yield from _cases(placed, cases, sense)
            case joined.All() as all_:
                yield from _contradictions(placed, all_.words, "contradicts", sense)
            case joined.Agree() as agree:
                yield from _contradictions(placed, agree.words, "leaves no value to", sense)
            case joined.Any() as any_:
                yield from _always(placed, any_, sense)
            case joined.Not() as not_ if sense.is_always_met(not_.word):
                yield placed.fault("denies what is always so: it is never met", "drop it or mend its word")
            case joined.Count() as count if not 1 <= count.count <= len(count.words):
                few = "is never met" if count.count else "can never fail"
                yield placed.fault(f"{few}: {count.count} of {len(count.words)}", f"ask for 1 to {len(count.words)}")


def _cases(placed: Placed, cases: joined.Cases, sense: Sense) -> Iterator[KnowledgeFault]:
    for index, step in enumerate(cases.steps):
        if step.when != "if" and sense.is_never_met(step.word):
            yield _never(placed, index, "nothing in a record meets it", "write an `otherwise`, or a word that can be met")
        elif (winner := _winner(step, cases.steps[:index], sense)) is not None:
            yield _never(placed, index, f"cases[{winner}] decides wherever it would", "put it first, or drop it")
    always = next((index for index, step in enumerate(cases.steps) if sense.is_always_met(step.word)), None)
    if always is not None:
        yield _never(placed, len(cases.steps), f"cases[{always}] always decides", "make that the `otherwise`")


def _never(placed: Placed, index: int, why: str, fix: str) -> KnowledgeFault:
    return placed.fault(f"can never decide: {why}", fix, within=f".cases[{index}]")


def _winner(step: joined.Step, earlier: Sequence[joined.Step], sense: Sense) -> int | None:
    """The earlier case that decides wherever this one would; of several that share it, the last.

    `found` decides only where its word is met, as every kind of case does. What `if` and `possible` do with an open question
    only the same case does, too.
    """
    for index, other in enumerate(earlier):
        same = step.when == other.when and sense.opened(step.word) == sense.opened(other.word)
        if same or (step.when == "found" and sense.implies(step.word, other.word)):
            return index
    together = joined.Any(tuple(other.word for other in earlier))
    return len(earlier) - 1 if earlier and step.when == "found" and sense.implies(step.word, together) else None


def _contradictions(placed: Placed, words: Sequence[Word], verb: str, sense: Sense) -> Iterator[KnowledgeFault]:
    for one, other in combinations(words, 2):
        for left in sense.conjuncts(one):
            if any(sense.excludes(left, right) for right in sense.conjuncts(other)):
                yield placed.at(other).fault(f"{verb} {placed.at(one).place()}: never both are met", "mend one of them")
                break


def _always(placed: Placed, any_: joined.Any, sense: Sense) -> Iterator[KnowledgeFault]:
    for word in any_.words:
        if sense.is_always_met(word):
            yield placed.at(word).fault("is always met: the words beside it never decide", "drop it, or what stands beside it")
