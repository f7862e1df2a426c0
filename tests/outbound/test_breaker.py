"""A dead server is spared, and tried again by one call at a time."""

import pytest

from cds_service.errors import OutboundError
from cds_service.outbound.breaker import FAILURES, REST, Breaker, Breakers

CALL, ANOTHER = object(), object()


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def passes(breaker: Breaker, call: object) -> bool:
    try:
        breaker.let_pass(call)
    except OutboundError:
        return False
    return True


def opened(clock: Clock) -> Breaker:
    breaker = Breaker("https://ehr.example", clock)
    for _ in range(FAILURES):
        breaker.failed("timeout", clock())
    return breaker


def test_a_server_that_fails_again_and_again_is_spared_with_the_reason_of_its_last_failure() -> None:
    breaker = Breaker("https://ehr.example", Clock())
    for _ in range(FAILURES):
        assert (breaker.state, passes(breaker, CALL)) == ("closed", True)
        breaker.failed("unreachable", 0.0)
    assert breaker.state == "open"
    with pytest.raises(OutboundError, match="unreachable"):
        breaker.let_pass(CALL)


def test_a_server_of_which_some_reads_fail_is_not_dead() -> None:
    breaker = Breaker("https://ehr.example", Clock())
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed("timeout", 0.0)
        breaker.answered()
    assert breaker.state == "closed"


def test_a_server_that_answers_others_while_some_wait_in_vain_is_not_dead() -> None:
    clock = Clock()
    breaker = Breaker("https://ehr.example", clock)
    began = [breaker.let_pass(CALL) for _ in range(2 * FAILURES)]
    clock.seconds = 1.0
    breaker.answered()
    clock.seconds = 2.0
    for moment in began:
        breaker.failed("timeout", moment)
    assert breaker.state == "closed"
    for _ in range(FAILURES):
        breaker.failed("timeout", breaker.let_pass(CALL))
    assert breaker.state == "open"


def test_after_its_rest_one_call_tries_with_all_its_reads_and_the_others_are_refused() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = REST
    assert breaker.state == "half-open"
    assert passes(breaker, CALL)
    assert passes(breaker, CALL)
    assert not passes(breaker, ANOTHER)
    assert breaker.state == "half-open"


@pytest.mark.parametrize(("answers", "state"), [(True, "closed"), (False, "open")])
def test_the_call_that_tries_tells_for_all(answers: bool, state: str) -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = REST
    breaker.let_pass(CALL)
    if answers:
        breaker.answered()
    else:
        breaker.failed("timeout", clock())
    assert breaker.state == state
    assert passes(breaker, ANOTHER) is answers


def test_a_call_that_tried_and_never_told_blocks_nobody_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds = REST
    breaker.let_pass(CALL)
    clock.seconds = 2 * REST
    assert passes(breaker, ANOTHER)


def test_each_origin_has_a_breaker_of_its_own() -> None:
    breakers = Breakers(Clock())
    for _ in range(FAILURES):
        breakers.of("https://ehr.example/fhir/Patient/p").failed("unreachable", 0.0)
    assert breakers.of("https://EHR.example/other").state == "open"
    assert breakers.of("https://ehr.example:8443/fhir").state == "closed"
    assert breakers.of("http://ehr.example/fhir").state == "closed"
    assert breakers.states() == {
        "https://ehr.example": "open",
        "https://ehr.example:8443": "closed",
        "http://ehr.example": "closed",
    }
