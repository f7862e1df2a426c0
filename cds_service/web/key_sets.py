"""The public keys of CDS clients: from a file, or fetched from the listed `jku` through the one door and kept for a while."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from cds_service import logs
from cds_service.clients import Client
from cds_service.errors import OutboundError
from cds_service.json_bytes import UNDECODABLE
from cds_service.outbound.door import Door

FRESH = timedelta(hours=1)
USABLE = timedelta(hours=24)
"""So long old keys serve while their server cannot be reached."""
BETWEEN_FETCHES = timedelta(minutes=1)
"""An unknown key id has the set fetched again, but not more often: nobody can make us call the EHR at will."""
PATIENCE = 2.0
"""Seconds for one fetch: the call that waits for it has a deadline."""
MOST_KEYS = 100
SHORTEST_RSA = 2048
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


class Key(msgspec.Struct, frozen=True):
    """The members of a JSON Web Key by which it is chosen."""

    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    alg: str | None = None
    crv: str | None = None


class KeySet(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


@dataclass
class _Kept:
    keys: dict[str, tuple[Key, bytes]] = field(default_factory=dict)
    fetched: datetime | None = None
    tried: datetime | None = None
    lock: Lock = field(default_factory=Lock)

    def usable(self, at: datetime) -> dict[str, tuple[Key, bytes]]:
        return self.keys if self.fetched is not None and at - self.fetched <= USABLE else {}


class KeySets:
    """The keys of every client, by issuer and key id."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._kept: dict[str, _Kept] = {}
        self._lock = Lock()

    def key(self, client: Client, kid: str, algorithm: str, at: datetime) -> jwt.PyJWK | None:
        """The client's key of this id for this algorithm; None if there is none that fits."""
        kept = self._keys_of(client, kid, at)
        found = kept.get(kid)
        return None if found is None else _usable(*found, algorithm)

    def _keys_of(self, client: Client, kid: str, at: datetime) -> dict[str, tuple[Key, bytes]]:
        with self._lock:
            kept = self._kept.setdefault(client.iss, _Kept())
            if client.key_set is not None:
                if not kept.keys:
                    kept.keys = parse(client.key_set)
                return kept.keys
        if kept.lock.acquire(blocking=kid not in kept.usable(at)):  # while one call fetches, others go on with the old keys
            try:
                old = kept.fetched is None or at - kept.fetched > FRESH
                rested = kept.tried is None or at - kept.tried >= BETWEEN_FETCHES
                if rested and (old or kid not in kept.keys):
                    kept.tried = at
                    self._fetch(client, kept, at)
            finally:
                kept.lock.release()
        return kept.usable(at)

    def _fetch(self, client: Client, kept: _Kept, at: datetime) -> None:
        try:
            reply = self._door.within(PATIENCE).get(client.jku or "", {"Accept": "application/json"})
        except OutboundError as error:
            logs.event("key_set_not_had", level=30, client=client.iss, reason=error.reason)
            return
        keys = parse(reply.body) if reply.status == 200 else {}
        if not keys:
            logs.event("key_set_not_had", level=30, client=client.iss, reason="no-keys", status=reply.status)
            return
        kept.keys, kept.fetched = keys, at


def parse(body: bytes) -> dict[str, tuple[Key, bytes]]:
    """The keys of a JSON Web Key Set by id; what is no key with an id is left out."""
    try:
        raw = msgspec.json.decode(body, type=KeySet).keys[:MOST_KEYS]
    except UNDECODABLE:
        return {}
    found: dict[str, tuple[Key, bytes]] = {}
    for one in raw:
        try:
            key = msgspec.json.decode(one, type=Key)
        except UNDECODABLE:
            continue
        if key.kid:
            found[key.kid] = (key, bytes(one))
    return found


@lru_cache(MOST_KEYS)  # which keys a client has is asked each time; only what one holds is remembered
def _usable(key: Key, body: bytes, algorithm: str) -> jwt.PyJWK | None:
    """The key, if it may verify this algorithm: of its kind, its curve, its purpose, and long enough."""
    kind = {"E": "EC", "R": "RSA", "P": "RSA"}[algorithm[0]] if algorithm != "EdDSA" else "OKP"
    curve = CURVES.get(algorithm)
    if key.kty != kind or key.alg not in (None, algorithm) or key.use not in (None, "sig") or key.crv not in (None, curve):
        return None
    try:
        usable = jwt.PyJWK.from_json(body.decode(), algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(usable.key, RSAPublicKey) and usable.key.key_size < SHORTEST_RSA:
        return None
    return usable
