"""The FHIR server that is read in measurements: what it does, and how long it takes, is said by the token of the call.

In the soak a part of all requests fails, by a plan that the caller can work out too.

python -m benchmarks.fhir_server PORT
"""

import sys
import threading
import time
from collections.abc import Mapping
from random import Random

from benchmarks import faults
from benchmarks.unruly import Asked, Behaviour, Patients, Unruly, well

SHARE = 0.1
"""Of all requests."""
WITHOUT_FAULTS = "whole"
"""Tokens that begin so are always answered well."""
DEAD = "dead"
"""Tokens that begin so are never answered."""
DELAYS: Mapping[str, Mapping[str, float]] = {
    "alike": {},
    "uneven": {"patient": 0.02, "conditions": 0.15, "laboratory": 0.4, "medicationRequests": 0.25, "procedures": 0.2},
}
"""Seconds that each key takes, by the beginning of the token."""
DELAY = 0.1
"""For keys that are not named."""
FAULTS: tuple[Behaviour, ...] = (
    faults.says_nothing,
    faults.drips_its_body,
    faults.closes_at_once,
    faults.resets_in_mid_body,
    faults.sends_truncated_json,
    faults.sends_another_content_type,
    faults.sends_an_outcome_with_200,
    faults.sends_wrong_types,
    faults.status(401),
    faults.status(429),
    faults.status(500),
    faults.status(503, Retry_After="1"),
)


def planned(token: str, key: str) -> Behaviour:
    """What becomes of the requests for a key with a token: the same each time, for a token is good for one call."""
    kind = token.partition("-")[0]
    if kind == WITHOUT_FAULTS:
        return well
    if kind == DEAD:
        return faults.says_nothing
    if kind in DELAYS:
        return _late(delay(kind, key))
    chance = Random(f"{token}:{key}")
    return chance.choice(FAULTS) if chance.random() < SHARE else well


def delay(kind: str, key: str) -> float:
    return DELAYS[kind].get(key, DELAY)


def _late(seconds: float) -> Behaviour:
    def answer(asked: Asked) -> bool:
        time.sleep(seconds)
        return well(asked)

    return answer


def by_plan(asked: Asked) -> bool:
    return planned(asked.token, asked.key)(asked)


if __name__ == "__main__":
    with Unruly(Patients(), behaviour=by_plan, port=int(sys.argv[1])):
        threading.Event().wait()
