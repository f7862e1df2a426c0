"""Who calls: the CDS client's JSON Web Token, and without authentication, that the caller is on this machine.

Source: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients
"""

import hashlib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import jwt
import msgspec
from jwt.types import Options
from werkzeug.datastructures import Headers

from cds_service.clients import Client, Clients
from cds_service.errors import NotFromHere, Unauthorized
from cds_service.settings import LOOPBACK
from cds_service.web.key_sets import KeySets

LEEWAY = timedelta(seconds=60)
"""Clocks differ: the official sandbox's `iat` lies up to half a second ahead."""
LONGEST_TOKEN = 16_384
LONGEST_ID = 256
_BEARER = re.compile(r"Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)", re.IGNORECASE)
SIGNATURE_ALONE: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")

IsNew = Callable[[str, datetime, datetime], bool]
"""(token's digest, when it expires, now): whether this token was not seen before; it is seen from now on."""


class Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str
    typ: str
    jku: str | None = None
    crit: msgspec.Raw | None = None


class Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]
    exp: float
    iat: float
    jti: str
    nbf: float | None = None
    tenant: str | None = None


class UnverifiedToken(msgspec.Struct, frozen=True):
    """What a token says, read to find its key: nothing of it is believed before the signature is verified."""

    header: Header
    payload: Claims


class Authenticator:
    """Tells which registered client a call comes from."""

    def __init__(self, clients: Clients, public_url: str, key_sets: KeySets, is_new: IsNew) -> None:
        self._clients = clients
        self._public_url = public_url
        self._key_sets = key_sets
        self._is_new = is_new

    def client_of(self, authorization: str | None, path: str, at: datetime) -> Client:
        """The client whose token this is. Raises: Unauthorized; its reason is for the log alone."""
        token = _token(authorization)
        unverified = _unverified(token)
        header, claims = unverified.header, unverified.payload
        client = self._clients.get(claims.iss)
        if client is None:
            raise Unauthorized("issuer-not-listed")
        _require(header.alg in client.algorithms, "algorithm-not-allowed")
        _require(header.typ.upper() == "JWT" and header.crit is None, "header-not-understood")
        _require(header.jku in (None, client.jku), "jku-not-listed")
        self._judge(claims, client, path, at)
        key = self._key_sets.key(client, header.kid, header.alg, at)
        if key is None:
            raise Unauthorized("key-unknown")
        _verify(token, key, header.alg)
        expires = datetime.fromtimestamp(claims.exp, UTC) + LEEWAY
        digest = hashlib.sha256(f"{claims.iss}\x1f{claims.jti}".encode(errors="surrogatepass")).hexdigest()
        _require(self._is_new(digest, expires, at), "token-replayed")
        return client

    def _judge(self, claims: Claims, client: Client, path: str, at: datetime) -> None:
        now, leeway = at.timestamp(), LEEWAY.total_seconds()
        audiences = {claims.aud} if isinstance(claims.aud, str) else set(claims.aud)
        accepted = client.audiences or {self._public_url + path}
        _require(bool(audiences & accepted), "audience-is-another")
        _require(all(math.isfinite(t) for t in (claims.exp, claims.iat, claims.nbf or 0.0)), "times-malformed")
        _require(now < claims.exp + leeway, "expired")
        _require(claims.iat <= now + leeway and (claims.nbf is None or claims.nbf <= now + leeway), "not-yet-valid")
        _require(0 < claims.exp - claims.iat <= client.max_lifetime, "lifetime-too-long")
        _require(not client.tenants or claims.tenant in client.tenants, "tenant-not-listed")
        _require(0 < len(claims.jti) <= LONGEST_ID, "jti-malformed")


def require_this_machine(remote: str | None, host: str, headers: Headers) -> None:
    """Authentication is off: only this machine is answered, directly, under a name of its own.

    Raises: NotFromHere.
    """
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    local = remote is not None and _is_loopback(remote)
    if not local or name.strip("[]") not in LOOPBACK or any(header in headers for header in _FORWARDED):
        raise NotFromHere("authentication is off (CDS_AUTH=off): only direct calls from this machine are answered")


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise Unauthorized(reason)


def _token(authorization: str | None) -> str:
    if not authorization:
        raise Unauthorized("no-token")
    match = _BEARER.fullmatch(authorization.strip())
    if match is None or len(match[1]) > LONGEST_TOKEN:
        raise Unauthorized("not-a-token")
    return match[1]


def _unverified(token: str) -> UnverifiedToken:
    """Raises: Unauthorized where it is not what it must be."""
    try:
        return msgspec.convert(jwt.decode_complete(token, options={"verify_signature": False}), UnverifiedToken)
    except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unauthorized("token-malformed") from error


def _verify(token: str, key: jwt.PyJWK, algorithm: str) -> None:
    """The signature. Times and names were judged before, by the clock that is passed in. Raises: Unauthorized."""
    try:
        jwt.decode(token, key, algorithms=[algorithm], options=SIGNATURE_ALONE)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Unauthorized("signature-wrong") from error
