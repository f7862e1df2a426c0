"""Valid calls about AML patients, bent: each keeps most of what it was, so that it gets past the first check."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cds_service.hooks.patient_view import PREFETCH
from cds_service.sandbox import stories

REQUESTS = Path("fhir_fixtures/requests")
ODD: list[Any] = [
    None,
    "",
    " ",
    [],
    {},
    [None],
    [[]],
    {"": ""},
    0,
    -1,
    1.5,
    True,
    10**30,
    -(10**400),
    "1e999999999",
    "NaN",
    "null",
    "2026",
    "2026-13-45",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    "Patient/",
    "/",
    "#",
    "urn:uuid:",
    "x" * 5_000,
    "\u0000",
    "\ud7ff\uffff",
    "<script>",
    "{{context.patientId}}",
    "../../etc/passwd",
    {"resourceType": "OperationOutcome"},
    {"resourceType": "Bundle", "entry": None},
    {"resourceType": "Parameters"},
]
NUMBERS: list[Any] = [0, -1, 1e-300, 1e300, 10**40, 0.1, 4.999999999, 5, 1000, "5", None]
Slot = tuple[Any, Any]


def valid() -> list[dict[str, Any]]:
    """The EHR-shaped requests, and every story as a call with full prefetch."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(REQUESTS.glob("*.json"))]
    return found + [call_about(resources) for resources in stories.load().values()]


def call_about(resources: list[Any]) -> dict[str, Any]:
    """A call with every prefetch key answered from a patient's resources, by type alone."""
    patient = next(resource for resource in resources if resource["resourceType"] == "Patient")
    prefetch: dict[str, Any] = {"patient": patient}
    for key, template in PREFETCH.items():
        if key != "patient":
            kind = template.partition("?")[0]
            entries = [{"resource": resource} for resource in resources if resource["resourceType"] == kind]
            prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"patientId": patient["id"], "userId": "Practitioner/x"},
        "prefetch": prefetch,
    }


def slots(node: Any) -> Iterator[Slot]:
    """Every place in a tree, as (container, key)."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield node, key
        yield from slots(value)


def _replace(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(chance.choice(ODD))


def _remove(chance: random.Random, holder: Any, key: Any) -> None:
    del holder[key]


def _repeat(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = [copy.deepcopy(holder[key]) for _ in range(chance.choice((2, 3, 50)))]


def _unwrap(chance: random.Random, holder: Any, key: Any) -> None:
    value = holder[key]
    if isinstance(value, list) and value:
        holder[key] = value[0]
    elif isinstance(value, dict) and value:
        holder[key] = next(iter(value.values()))


def _number(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = chance.choice(NUMBERS)


def _rename(chance: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[chance.choice(("", f"{key}x", f"_{key}", str(key).upper(), "resourceType", "extension"))] = holder.pop(key)


def _cut_text(chance: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder[key], str):
        holder[key] = holder[key][: chance.randrange(len(holder[key]) + 1)]


def _deepen(chance: random.Random, holder: Any, key: Any) -> None:
    for _ in range(chance.choice((1, 10, 40))):
        holder[key] = {"extension": [holder[key]]}


BENDS: list[Callable[[random.Random, Any, Any], None]] = [
    _replace,
    _replace,
    _remove,
    _remove,
    _repeat,
    _unwrap,
    _number,
    _rename,
    _cut_text,
    _deepen,
]


def bent(chance: random.Random, request: dict[str, Any]) -> bytes:
    """One case: some bends in the tree, most of them in the record; now and then in the bytes."""
    tree = copy.deepcopy(request)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        within = tree["prefetch"] if isinstance(tree.get("prefetch"), dict) and chance.random() < 0.9 else tree
        places = list(slots(within))
        if places:
            chance.choice(BENDS)(chance, *chance.choice(places))
    body = json.dumps(tree, allow_nan=True).encode()
    return _bent_bytes(chance, body) if chance.random() < 0.05 else body


def _bent_bytes(chance: random.Random, body: bytes) -> bytes:
    at = chance.randrange(len(body))
    return chance.choice(
        (
            body[:at],
            body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
            body[:at] + b"\xff\xfe" + body[at:],
            body + body[:at],
            body.replace(b'"code":', b'"code":' + b'{"a":[' * 2_000 + b"1" + b"]}" * 2_000 + b',"more":', 1),
            body.replace(b'"', b"'", chance.randrange(1, 5)),
        )
    )


FEEDBACK = {
    "feedback": [
        {
            "card": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-24T08:00:00Z",
            "overrideReason": {"reason": {"code": "not-now", "system": "s", "display": "d"}, "userComment": "c"},
        },
        {
            "card": "3f2504e0-4f89-41d3-9a0c-0305e82c3302",
            "outcome": "accepted",
            "outcomeTimestamp": "2026-11-24T08:00:00Z",
            "acceptedSuggestions": [{"id": "3f2504e0-4f89-41d3-9a0c-0305e82c3303"}],
        },
    ]
}
