"""What is kept for a moment, for whom, and what reads at the same time share."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import responses
from cachetools import TTLCache

from cds_service.fhir.client import Access, FhirClient, Means, SearchResult
from cds_service.fhir.record import GapReason
from cds_service.fhir.shared_reads import SharedReads
from cds_service.outbound.door import Door, Limits
from tests.fhir.test_client import BASE, condition, found, page

WAITS = 10.0
"""Seconds, for what comes at once or never."""


def searched(means: Means, token: str | None = "one", patient: str = "p", base: str = BASE, query: str = "p") -> SearchResult:
    return FhirClient(Access(base, token, patient), Door(Limits()), means).search("Condition", [("patient", query)])


def keeping(**more: Any) -> Means:
    return Means(1, **{"cache_seconds": 60, "cache_bytes": 1_000_000, **more})


@responses.activate
def test_what_one_user_was_shown_is_shown_to_no_other_and_for_no_other_patient_or_server() -> None:
    for base in (BASE, "https://other.example/fhir"):
        responses.get(f"{base}/Condition", json=page(1))
    means = keeping()
    different: list[dict[str, Any]] = [
        {},
        {"token": "two"},
        {"token": None},
        {"token": ""},
        {"patient": "q"},
        {"base": "https://other.example/fhir"},
        {"query": "q"},
    ]
    for who in different + different:
        searched(means, **who)
    assert len(responses.calls) == len(different)


@responses.activate
def test_a_token_is_kept_by_its_digest_alone() -> None:
    responses.get(f"{BASE}/Condition", json=page(1))
    means = keeping()
    searched(means, token="secret-of-a-user")
    assert "secret-of-a-user" not in repr(vars(means.answers))


NOT_WHOLE: list[dict[str, Any]] = [
    {"status": 503},
    {"status": 401},
    {"body": b"<html>"},
    {"json": {**page(1), "total": 5}},
    {"json": page(1, following="https://attacker.example/x?y=1")},
    {"json": {"resourceType": "Bundle", "entry": [{"resource": condition(1)}, {"resource": {**condition(2), "code": 5}}]}},
]


@responses.activate
@pytest.mark.parametrize("answer", NOT_WHOLE)
def test_what_failed_or_is_only_a_part_is_read_anew(answer: dict[str, Any]) -> None:
    responses.get(f"{BASE}/Condition", **answer)
    responses.get(f"{BASE}/Condition", json=page(1, 2))
    means = keeping()
    assert found(searched(means)) != ["Condition/c1", "Condition/c2"]
    assert found(searched(means)) == ["Condition/c1", "Condition/c2"]


@responses.activate
@pytest.mark.parametrize("off", [{"cache_seconds": 0}, {"cache_bytes": 0}, {"cache_bytes": 10}])
def test_nothing_is_kept_where_that_is_off_or_has_no_room(off: dict[str, Any]) -> None:
    responses.get(f"{BASE}/Condition", json=page(1))
    means = keeping(**off)
    for _ in range(2):
        assert found(searched(means)) == ["Condition/c1"]
    assert len(responses.calls) == 2


@responses.activate
def test_what_is_kept_is_bounded_by_its_bytes() -> None:
    responses.get(f"{BASE}/Condition", json=page(1))
    means = keeping(cache_bytes=3 * searched(keeping()).memory())
    for query in ("1", "2", "3", "4", "4", "3", "1"):
        searched(means, query=query)
    assert len(responses.calls) == 1 + 5  # the oldest had to go


@responses.activate
def test_a_patient_is_kept_too() -> None:
    responses.get(f"{BASE}/Patient/p", json={"resourceType": "Patient", "id": "p"})
    means = keeping()
    for token in ("one", "one", "two"):
        FhirClient(Access(BASE, token, "p"), Door(Limits()), means).read("Patient", "p")
    assert len(responses.calls) == 2


def test_what_is_kept_grows_old() -> None:
    now = [0.0]
    reads: SharedReads[str, int] = SharedReads(TTLCache(10, 60, timer=lambda: now[0]), lambda answer: True)
    answers = iter(range(10))
    assert [reads.had("key", lambda: next(answers), WAITS) for _ in range(2)] == [0, 0]
    now[0] = 61
    assert reads.had("key", lambda: next(answers), WAITS) == 1


class Held:
    """A read that begins, and gives its answer when it is let go."""

    def __init__(self, answer: Callable[[], int]) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self._answer = answer
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        self.begun.set()
        assert self.let_go.wait(WAITS)
        return self._answer()


@pytest.fixture
def reads() -> SharedReads[str, int]:
    """Even numbers are whole answers."""
    return SharedReads(TTLCache(10, 60), lambda answer: answer % 2 == 0)


def side_by_side(reads: SharedReads[str, int], first: Held, second: Callable[[], int], seconds: float = WAITS) -> list[Any]:
    """What two reads of the same key give, of which the second begins while the first is under way."""
    outcomes: list[Any] = []

    def had(read: Callable[[], int]) -> Any:
        try:
            return reads.had("key", read, seconds)
        except (TimeoutError, OSError) as error:
            return type(error)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(had, first)
        assert first.begun.wait(WAITS)
        two = pool.submit(had, second)
        if seconds == WAITS:
            while not reads.waiting:  # until it waits for the first
                threading.Event().wait(0.01)
            first.let_go.set()
        outcomes.append(two.result())
        first.let_go.set()
        outcomes.insert(0, one.result())
    return outcomes


def never() -> int:
    raise AssertionError("it was read twice")


def test_equal_reads_at_the_same_time_share_one(reads: SharedReads[str, int]) -> None:
    first = Held(lambda: 2)
    assert side_by_side(reads, first, never) == [2, 2]
    assert first.times == 1


def test_the_failure_of_one_is_not_that_of_another(reads: SharedReads[str, int]) -> None:
    assert side_by_side(reads, Held(lambda: 1), lambda: 4) == [1, 4]


def broken() -> int:
    raise OSError


def test_a_read_that_breaks_leaves_the_others_to_themselves(reads: SharedReads[str, int]) -> None:
    assert side_by_side(reads, Held(broken), lambda: 4) == [OSError, 4]
    assert reads.had("key", lambda: 6, WAITS) == 6


def test_who_has_less_time_does_not_wait_for_who_has_more(reads: SharedReads[str, int]) -> None:
    assert side_by_side(reads, Held(lambda: 2), never, seconds=0.0) == [2, TimeoutError]


def test_without_a_cache_each_reads_for_itself() -> None:
    apart: SharedReads[str, int] = SharedReads(None, lambda answer: True)
    assert [apart.had("key", read, WAITS) for read in (lambda: 1, lambda: 2)] == [1, 2]


@responses.activate
def test_a_call_whose_time_ends_while_another_reads_names_the_time() -> None:
    means = keeping()
    held = Held(lambda: 0)

    def slow(_: Any) -> Any:
        held()
        return 200, {}, "{}"

    responses.add_callback("GET", f"{BASE}/Condition", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(searched, means)
        assert held.begun.wait(WAITS)
        late = FhirClient(Access(BASE, "one", "p"), Door(Limits()).within(0), means).search("Condition", [("patient", "p")])
        held.let_go.set()
        first.result()
    assert late.failed is GapReason.TIMEOUT
