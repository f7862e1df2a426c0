"""The one door out: every connection that the service opens goes through here.

`.netrc`, proxy variables and cookies are ignored, redirects are refused, bodies are bounded, and no address ever reaches a
message.
"""

import math
import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import cast

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from cds_service import logs
from cds_service.deadline import Deadline, keeping
from cds_service.errors import OutboundError
from cds_service.outbound.addresses import AddressRules, CheckedAdapter
from cds_service.outbound.breaker import Breakers, State
from cds_service.outbound.retries import GATEWAY_ERRORS, Reply, retried

CHUNK = 65_536
ORIGINS = 32
"""So many servers have their connections kept."""
FAIR_WAIT = 1.0
"""Seconds: a server that had less to answer in is not called dead for it."""
DEAD = frozenset({"unreachable", "tls", "timeout"})
"""Reasons that speak against the server, not against what was asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Units: seconds and bytes. `connections` are kept for each server, for use again."""

    connect: float = 2.0
    read: float = 5.0
    body: int = 10_000_000
    connections: int = 16


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | list[tuple[str, str]] | None = None


class Door:
    """A pool of connections with timeouts and limits."""

    def __init__(
        self,
        limits: Limits,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        client_certificate: Path | None = None,
        addresses: AddressRules | None = None,
    ) -> None:
        """`addresses` is None only for tools that call what their user named, such as the demonstration."""
        self._limits = limits
        self._deadline = Deadline()
        self._breakers = Breakers()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # one user's session is no other's
        self._session.verify = str(ca_bundle) if ca_bundle is not None else True
        self._session.cert = str(client_certificate) if client_certificate is not None else None
        if proxy is not None:
            self._session.proxies = {"http": proxy, "https": proxy}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, CheckedAdapter(addresses, ORIGINS, limits.connections))

    def within(self, seconds: float) -> "Door":
        """The same door for one call's reads, which together may take so long.

        What passes is tried again while there is time, and a server that seems dead is spared: see `retries` and `breaker`.
        """
        bounded = copy(self)
        bounded._deadline = Deadline(time.monotonic() + seconds)
        return bounded

    @property
    def seconds_left(self) -> float:
        """Until the time for this call's reads is spent; infinite where it has no deadline."""
        return self._deadline.seconds_left

    def breaker_states(self) -> Mapping[str, State]:
        """By origin, of every server that was read."""
        return self._breakers.states()

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Raises: OutboundError."""
        return self._read(_Request("GET", url, headers))

    def search_form(self, url: str, headers: Mapping[str, str], form: Sequence[tuple[str, str]]) -> Reply:
        """A search that is posted: it changes nothing, and may be sent again. Raises: OutboundError."""
        return self._read(_Request("POST", url, headers, list(form)))

    def post_json(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Raises: OutboundError."""
        return self._sent(_Request("POST", url, headers, body))

    def _read(self, request: _Request) -> Reply:
        """What changes nothing. Raises: OutboundError."""
        if not math.isfinite(self.seconds_left):
            return self._sent(request)
        self._deadline.require_time()
        breaker = self._breakers.of(request.url)
        began = breaker.let_pass(call=self._deadline)
        try:
            reply = retried(lambda: self._sent(request), self.seconds_left)
        except OutboundError as error:
            if error.reason in DEAD and (error.reason != "timeout" or time.monotonic() - began >= FAIR_WAIT):
                breaker.failed(error.reason, began)
            logs.event("not_read", level=30, origin=breaker.origin, reason=error.reason)
            raise
        if reply.status >= 400:
            logs.event("not_read", level=30, origin=breaker.origin, status=reply.status)
        if reply.status in GATEWAY_ERRORS:
            breaker.failed("server-error", began)
        else:
            breaker.answered()
        return reply

    def _sent(self, request: _Request) -> Reply:
        """Raises: OutboundError."""
        left = self._deadline.require_time()
        try:
            with (
                keeping(self._deadline),
                self._session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=request.body,
                    timeout=(min(self._limits.connect, left), min(self._limits.read, left)),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                if response.is_redirect:
                    raise OutboundError("redirect-refused", response.status_code)
                content = self._bounded(response)
                return Reply(response.status_code, content, response.headers.get("Retry-After"))
        except requests.exceptions.SSLError as error:
            raise OutboundError("tls") from error
        except (requests.exceptions.Timeout, ReadTimeoutError) as error:
            raise OutboundError("timeout") from error
        except DecodeError as error:
            raise OutboundError("unreadable") from error
        except (requests.exceptions.RequestException, HTTPError, ValueError) as error:
            raise OutboundError("unreachable") from error

    def _bounded(self, response: requests.Response) -> bytes:
        content = bytearray()
        raw = cast(HTTPResponse, response.raw)
        while chunk := raw.read1(CHUNK, decode_content=True):  # what has come, not waiting for a full chunk: time is counted
            content += chunk
            if len(content) > self._limits.body:
                raise OutboundError("too-large", response.status_code)
            self._deadline.require_time()
        return bytes(content)
