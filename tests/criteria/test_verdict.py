"""Kleene's three-valued logic, with its truth tables written out."""

import pytest

from cds_service.criteria.reasons import Ruling
from cds_service.criteria.verdict import Answer, Verdict, agreed, all_of, any_of, at_least, negate

M, N, U = Answer.MET, Answer.NOT_MET, Answer.UNKNOWN


def verdict(answer: Answer, *, confirm: bool = False) -> Verdict:
    return Verdict(answer, (Ruling(answer.value),), confirm=confirm)


AND = [(M, M, M), (M, N, N), (M, U, U), (N, M, N), (N, N, N), (N, U, N), (U, M, U), (U, N, N), (U, U, U)]
OR = [(M, M, M), (M, N, M), (M, U, M), (N, M, M), (N, N, N), (N, U, U), (U, M, M), (U, N, U), (U, U, U)]
AGREE = [(M, M, M), (M, N, U), (M, U, U), (N, N, N), (N, U, U), (U, U, U)]


@pytest.mark.parametrize(("one", "other", "joined"), AND)
def test_and(one: Answer, other: Answer, joined: Answer) -> None:
    assert all_of([verdict(one), verdict(other)]).answer is joined


@pytest.mark.parametrize(("one", "other", "joined"), OR)
def test_or(one: Answer, other: Answer, joined: Answer) -> None:
    assert any_of([verdict(one), verdict(other)]).answer is joined


@pytest.mark.parametrize(("one", "other", "joined"), AGREE)
def test_two_limits_decide_where_they_agree(one: Answer, other: Answer, joined: Answer) -> None:
    assert agreed([verdict(one), verdict(other)]).answer is joined


@pytest.mark.parametrize(("answer", "opposite"), [(M, N), (N, M), (U, U)])
def test_not(answer: Answer, opposite: Answer) -> None:
    assert negate(verdict(answer)).answer is opposite


@pytest.mark.parametrize(
    ("answers", "expected"), [([M, M, N], M), ([M, U, N], U), ([M, N, N], N), ([U, U, N], U), ([M, M, U], M), ([N, N, U], N)]
)
def test_at_least_two(answers: list[Answer], expected: Answer) -> None:
    assert at_least(2, [verdict(answer) for answer in answers]).answer is expected


def test_a_part_that_needs_no_confirming_decides_alone() -> None:
    joined = any_of([verdict(M, confirm=True), verdict(M)])
    assert not joined.confirm
    assert any_of([verdict(M, confirm=True), verdict(N)]).confirm


def test_what_is_open_is_never_to_be_confirmed() -> None:
    assert not all_of([verdict(M, confirm=True), verdict(U)]).confirm


def test_a_group_is_asked_only_if_nothing_else_is_open() -> None:
    question = Verdict(U, asked=True)
    assert all_of([question, verdict(M)]).asked
    assert not all_of([question, verdict(U)]).asked
