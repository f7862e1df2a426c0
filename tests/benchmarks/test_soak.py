"""The soak knows what is due: its faults follow from the token of a call, and are a tenth of all reads."""

from benchmarks.faults import says_nothing
from benchmarks.fhir_server import DEAD, FAULTS, SHARE, WITHOUT_FAULTS, planned
from benchmarks.unruly import well
from cds_service.hooks.patient_view import PREFETCH

TOKENS = [f"8-{connection}-{count}" for connection in range(8) for count in range(100)]


def test_the_same_token_fails_in_the_same_way() -> None:
    assert [planned(token, "laboratory") for token in TOKENS] == [planned(token, "laboratory") for token in TOKENS]


def test_a_tenth_of_all_reads_fails_in_every_way_there_is() -> None:
    failing = [fault for token in TOKENS for key in PREFETCH if (fault := planned(token, key)) is not well]
    assert 0.9 * SHARE < len(failing) / (len(TOKENS) * len(PREFETCH)) < 1.1 * SHARE
    assert set(failing) == set(FAULTS)


def test_what_is_to_be_whole_and_what_is_to_be_dead_is() -> None:
    assert planned(f"{WITHOUT_FAULTS}-1", "conditions") is well
    assert planned(f"{DEAD}-1", "conditions") is says_nothing
