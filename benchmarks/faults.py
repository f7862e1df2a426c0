"""What a FHIR server can do wrong, each as a behaviour of the unruly server."""

import gzip
import json
import socket
import struct
import time
from codecs import BOM_UTF8
from collections.abc import Mapping

from benchmarks.unruly import Asked, Behaviour

HTML = b"<html><body>Please sign in</body></html>"
BOMB = gzip.compress(b" " * 20_000_000)
"""A small body that unfolds to a large one."""
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
BOMB_IN_A_BOMB = gzip.compress(gzip.compress(b" " * 100_000_000))
"""So small that it arrives at once."""
DRIP = 0.05
"""Seconds between two bytes."""


def says_nothing(asked: Asked) -> bool:
    asked.wait_for_the_end()
    return False


def drips_its_head(asked: Asked) -> bool:
    return _drip(asked, b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"a" * 60_000)


def drips_its_body(asked: Asked) -> bool:
    asked.connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(asked.body)}\r\n\r\n".encode())
    return _drip(asked, asked.body)


def _drip(asked: Asked, content: bytes) -> bool:
    for byte in content:
        asked.connection.sendall(bytes([byte]))
        time.sleep(DRIP)
    return False


def floods_with_early_hints(asked: Asked) -> bool:
    while True:
        asked.connection.sendall(EARLY_HINTS)
        time.sleep(DRIP)


def sends_early_hints(asked: Asked) -> bool:
    """First, and its answer later, as a proxy does."""
    asked.connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" + EARLY_HINTS)
    time.sleep(DRIP)
    asked.answer()
    return True


def switches_protocols(asked: Asked) -> bool:
    asked.connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    return False


def sends_a_byte_order_mark(asked: Asked) -> bool:
    asked.answer(BOM_UTF8 + asked.body)
    return True


def continues_without_end(asked: Asked) -> bool:
    """Interim answers, and never a last one."""
    while True:
        asked.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(DRIP)


def closes_at_once(asked: Asked) -> bool:
    return False


def resets_in_mid_body(asked: Asked) -> bool:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(asked.body)}\r\n\r\n".encode()
    asked.connection.sendall(head + asked.body[: len(asked.body) // 2])
    asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def sends_truncated_json(asked: Asked) -> bool:
    asked.answer(asked.body[: len(asked.body) // 2], 200)
    return True


def sends_another_content_type(asked: Asked) -> bool:
    asked.answer(HTML, 200, {"Content-Type": "text/html"})
    return True


def sends_a_gzip_bomb(asked: Asked) -> bool:
    asked.answer(BOMB, 200, {"Content-Encoding": "gzip"})
    return True


def sends_a_bomb_in_a_bomb(asked: Asked) -> bool:
    asked.answer(BOMB_IN_A_BOMB, 200, {"Content-Encoding": "gzip, gzip"})
    return True


def sends_what_its_encoding_is_not(asked: Asked) -> bool:
    asked.answer(asked.body, 200, {"Content-Encoding": "gzip"})
    return True


def sends_more_than_is_read(asked: Asked) -> bool:
    asked.answer(b" " * 11_000_000 + asked.body, 200)
    return True


def sends_nothing_with_200(asked: Asked) -> bool:
    asked.answer(b"", 200)
    return True


def sends_an_outcome_with_200(asked: Asked) -> bool:
    asked.answer(_outcome(), 200)
    return True


def sends_wrong_types(asked: Asked) -> bool:
    asked.answer(b'{"resourceType": "Bundle", "type": 7, "entry": {"resource": ["Zzyzx"]}}', 200)
    return True


def sends_another_patient(asked: Asked) -> bool:
    asked.answer(b'{"resourceType": "Patient", "id": "Zzyzx"}', 200)
    return True


def sends_other_resources(asked: Asked) -> bool:
    strange = {"resourceType": "Encounter", "id": "e", "status": "finished"}
    asked.answer(json.dumps(_bundle(strange)).encode(), 200)
    return True


def loops(asked: Asked) -> bool:
    return _with_next(asked, f"{asked.address}&page=2")


def leads_to_another_host(asked: Asked) -> bool:
    return _with_next(asked, "https://attacker.example/elsewhere/Procedure?page=2")


def has_no_last_page(asked: Asked) -> bool:
    return _with_next(asked, f"{asked.address}&page={asked.page + 1}")


def names_no_next_page(asked: Asked) -> bool:
    """There is one, it says, but not where."""
    return _with_next(asked, "")


def repeats_its_entries(asked: Asked) -> bool:
    """Two pages that overlap, as when something is added meanwhile: all is there."""
    return _with_next(asked, None if asked.page == 2 else f"{asked.address}&page=2")


def _with_next(asked: Asked, following: str | None) -> bool:
    link = [{"relation": "next", "url": following}] if following is not None else []
    asked.answer(json.dumps({**json.loads(asked.body), "link": link}).encode(), 200)
    return True


def _bundle(*resources: Mapping[str, object]) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]}


def warns(code: str) -> Behaviour:
    """All that there is, and beside it an OperationOutcome."""

    def answers(asked: Asked) -> bool:
        bundle = json.loads(asked.body)
        outcome = {"resource": json.loads(_outcome("warning", code)), "search": {"mode": "outcome"}}
        asked.answer(json.dumps({**bundle, "entry": [*bundle.get("entry", []), outcome]}).encode(), 200)
        return True

    return answers


def _outcome(severity: str = "error", code: str = "processing") -> bytes:
    issue = {"severity": severity, "code": code, "diagnostics": "Zzyzx failed"}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def status(code: int, **headers: str) -> Behaviour:
    """An OperationOutcome with this status."""

    def refuses(asked: Asked) -> bool:
        asked.answer(_outcome(), code, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return refuses
