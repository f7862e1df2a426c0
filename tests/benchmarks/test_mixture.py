"""The mixed calls know what is due: an answer that hides what failed, or invents a failure, is wrong."""

from typing import Any

import pytest

from benchmarks.calls import Answer
from benchmarks.fhir_server import WITHOUT_FAULTS, planned
from benchmarks.mixture import LATE, SENT_IN_PART, due, reading
from benchmarks.unruly import well
from cds_service.hooks.patient_view import PREFETCH

WHOLE = {"cards": [{"summary": "a trial", "detail": "why"}]}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{}]}
CALM = f"{WITHOUT_FAULTS}-1"


def failing(token: str) -> set[str]:
    return {key for key in PREFETCH if planned(token, key) is not well}


PROCEDURES = next(token for token in map(str, range(10_000)) if failing(token) == {"procedures"})
CONDITIONS = next(token for token in map(str, range(10_000)) if "conditions" in failing(token))


def naming(**parts: str) -> Answer:
    lines = "\n".join(f"- {part.replace('_', ' ')}: {reason}" for part, reason in parts.items())
    gaps = {"summary": "Record not fully evaluated", "detail": f"{lines}\n\nAnswers may change for: all."}
    return Answer(200, None, {"cards": [*WHOLE["cards"], gaps]})


def test_the_parts_that_an_answer_names_are_read_with_their_reasons() -> None:
    assert naming(laboratory="a", vital_signs="b").gaps == {"laboratory": "a", "vital signs": "b"}
    assert Answer(200, None, WHOLE).gaps == {}


@pytest.mark.parametrize(
    ("token", "answer", "is_right"),
    [
        (CALM, Answer(200, None, WHOLE), True),
        (CALM, Answer(200, None, {"cards": []}), False),
        (CALM, naming(procedures="an error"), False),
        (CALM, naming(procedures=LATE), True),
        (CALM, Answer(412, None, OUTCOME), False),
        (PROCEDURES, naming(procedures="an error"), True),
        (PROCEDURES, naming(procedures="an error", laboratory=LATE), True),
        (PROCEDURES, naming(procedures="an error", laboratory="an error"), False),
        (PROCEDURES, naming(laboratory=LATE), False),
        (PROCEDURES, Answer(200, None, WHOLE), False),
        (PROCEDURES, Answer(500, None, OUTCOME), False),
        (CONDITIONS, Answer(412, None, OUTCOME), True),
        (CONDITIONS, Answer(200, None, WHOLE), False),
        (CONDITIONS, Answer(503, "1", OUTCOME), True),
        (CONDITIONS, Answer(503, None, OUTCOME), False),
    ],
)
def test_an_answer_to_a_call_that_is_read_is_held_against_what_failed(token: str, answer: Answer, is_right: bool) -> None:
    assert ("WRONG" in reading(token, WHOLE)(answer)) is not is_right


def test_what_was_sent_along_cannot_fail() -> None:
    assert "WRONG" not in reading(CONDITIONS, WHOLE, tuple(PREFETCH))(Answer(200, None, WHOLE))
    assert set(SENT_IN_PART) < set(PREFETCH)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [(401, OUTCOME, "401"), (401, {}, "WRONG: another body with 401"), (200, WHOLE, "WRONG: 200 for 401")],
)
def test_a_refusal_is_due_with_its_status_and_its_body(status: int, body: dict[str, Any], outcome: str) -> None:
    answer = Answer(status, None, body)
    assert due(answer, 401, "issue" in answer.body, "401") == outcome
