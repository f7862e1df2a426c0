"""Kleene's laws, for any answers joined in any way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cds_service.criteria.predicates import combinations as joined
from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.verdict import Answer, Verdict, agreed, all_of, any_of, at_least, negate
from tests.nobody import NOBODY

Join = Callable[[Sequence[Verdict]], Verdict]

VERDICTS = st.builds(
    lambda answer, confirm: Verdict(answer, confirm=confirm and answer is not Answer.UNKNOWN),
    st.sampled_from(Answer),
    st.booleans(),
)
KNOWN = st.builds(Verdict, st.sampled_from([Answer.MET, Answer.NOT_MET]))
SEVERAL = st.lists(VERDICTS, min_size=1, max_size=5)
JOINS: dict[str, Join] = {
    "all": all_of,
    "any": any_of,
    "agree": agreed,
    **{f"at least {number}": lambda parts, number=number: at_least(number, parts) for number in (1, 2, 3)},
}
NAMES = st.sampled_from(sorted(JOINS))


@dataclass(frozen=True)
class Said(Word):
    """A word that gives one answer whatever it is asked about."""

    verdict: Verdict

    def evaluate(self, case: Case) -> Verdict:
        return self.verdict


def told(verdict: Verdict) -> tuple[Answer, bool]:
    return verdict.answer, verdict.confirm


@st.composite
def refined(draw: st.DrawFn, verdict: Verdict) -> Verdict:
    """The same, or where it is open, what it may turn out to be."""
    return draw(KNOWN) if verdict.answer is Answer.UNKNOWN and draw(st.booleans()) else verdict


@given(data=st.data(), parts=SEVERAL, name=NAMES)
def test_the_order_of_the_parts_does_not_matter(data: st.DataObject, parts: list[Verdict], name: str) -> None:
    assert told(JOINS[name](data.draw(st.permutations(parts)))) == told(JOINS[name](parts))


@given(one=SEVERAL, other=SEVERAL, name=st.sampled_from(["all", "any"]))
def test_parts_may_be_joined_in_any_grouping(one: list[Verdict], other: list[Verdict], name: str) -> None:
    join = JOINS[name]
    assert told(join([join(one), join(other)])) == told(join([*one, *other]))


@given(parts=SEVERAL)
def test_de_morgan(parts: list[Verdict]) -> None:
    denied = [negate(part) for part in parts]
    assert told(negate(all_of(parts))) == told(any_of(denied))
    assert told(negate(any_of(parts))) == told(all_of(denied))


@given(verdict=VERDICTS)
def test_a_denial_denied_is_the_statement(verdict: Verdict) -> None:
    assert negate(negate(verdict)) == verdict


@given(parts=SEVERAL)
def test_any_is_at_least_one_and_all_at_least_as_many_as_there_are(parts: list[Verdict]) -> None:
    assert any_of(parts).answer is at_least(1, parts).answer
    assert all_of(parts).answer is at_least(len(parts), parts).answer


@given(data=st.data(), parts=SEVERAL, name=NAMES)
def test_what_becomes_known_never_turns_a_known_answer(data: st.DataObject, parts: list[Verdict], name: str) -> None:
    before = JOINS[name](parts).answer
    after = JOINS[name]([data.draw(refined(part)) for part in parts]).answer
    assert before in (Answer.UNKNOWN, after)


STEPS = st.lists(st.tuples(VERDICTS, st.sampled_from(Answer)), max_size=4)


def cases(steps: Sequence[tuple[Verdict, Answer]], otherwise: Verdict, when: str) -> Verdict:
    written = tuple(joined.Step(Said(verdict), answer, when=when) for verdict, answer in steps)
    return joined.Cases(written, Said(otherwise)).evaluate(NOBODY)


@given(data=st.data(), steps=STEPS, otherwise=VERDICTS)
def test_what_becomes_known_never_turns_what_if_decided(
    data: st.DataObject, steps: list[tuple[Verdict, Answer]], otherwise: Verdict
) -> None:
    before = cases(steps, otherwise, "if").answer
    later = [(data.draw(refined(verdict)), answer) for verdict, answer in steps]
    after = cases(later, data.draw(refined(otherwise)), "if").answer
    assert before in (Answer.UNKNOWN, after)


@given(steps=STEPS, otherwise=VERDICTS)
def test_found_passes_over_what_is_open(steps: list[tuple[Verdict, Answer]], otherwise: Verdict) -> None:
    sure = [(verdict, answer) for verdict, answer in steps if verdict.answer is not Answer.UNKNOWN]
    assert told(cases(steps, otherwise, "found")) == told(cases(sure, otherwise, "found"))
