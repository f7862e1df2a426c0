"""What passes is tried again: resets, refusals and gateways that are busy, with jitter, and only while there is time."""

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)
from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from cds_service.errors import OutboundError

ATTEMPTS = 3
GATEWAY_ERRORS = frozenset({502, 503, 504})
"""What a proxy answers for a server that is away."""
BUSY = GATEWAY_ERRORS | {429}
_JITTER = wait_random_exponential(multiplier=0.1, max=1)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer with a status that is no redirect."""

    status: int
    body: bytes
    retry_after: str | None = None


def retried(send: Callable[[], Reply], seconds: float) -> Reply:
    """The first answer that is no passing one, or the last within so many seconds. Raises: OutboundError."""
    return Retrying(
        retry=retry_if_result(lambda reply: reply.status in BUSY) | retry_if_exception(_may_pass),
        wait=_wait,
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(seconds),
        retry_error_callback=_last,
    )(send)


def _may_pass(error: BaseException) -> bool:
    """A connection refused or reset. What timed out has had its time, and a certificate does not change."""
    return isinstance(error, OutboundError) and error.reason == "unreachable"


def _wait(state: RetryCallState) -> float:
    """Seconds: what the server asks for, and some jitter."""
    return _asked_for(state) + _JITTER(state)


def _asked_for(state: RetryCallState) -> float:
    outcome = state.outcome
    if outcome is None or outcome.failed:
        return 0.0
    reply: Reply = outcome.result()
    try:
        return Retry().parse_retry_after(reply.retry_after) if reply.retry_after else 0.0
    except (InvalidHeader, ValueError, OverflowError):  # a date of no calendar, or a number beyond all
        return 0.0


def _last(state: RetryCallState) -> Reply:
    """Raises: OutboundError where the last attempt did."""
    assert state.outcome is not None
    reply: Reply = state.outcome.result()
    return reply
