"""The one door out: every connection that the service opens goes through here.

`.netrc` and proxy variables are ignored, redirects are refused, bodies are bounded, and no address ever reaches a message.
"""

import math
import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from cds_service.errors import OutboundError
from cds_service.outbound.addresses import AddressRules, CheckedAdapter

CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer with a status that is no redirect."""

    status: int
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Units: seconds and bytes."""

    connect: float = 2.0
    read: float = 5.0
    body: int = 10_000_000


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
        self._until: float | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_bundle) if ca_bundle is not None else True
        self._session.cert = str(client_certificate) if client_certificate is not None else None
        if proxy is not None:
            self._session.proxies = {"http": proxy, "https": proxy}
        for scheme in ("http://", "https://"):
            plain = HTTPAdapter(pool_connections=8, pool_maxsize=16)
            self._session.mount(scheme, plain if addresses is None else CheckedAdapter(addresses, 8, 16))

    def within(self, seconds: float) -> "Door":
        """The same door for one call's reads, which together may take so long."""
        bounded = copy(self)
        bounded._until = time.monotonic() + seconds
        return bounded

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Raises: OutboundError."""
        return self._send("GET", url, headers, None)

    def post_form(self, url: str, headers: Mapping[str, str], form: Sequence[tuple[str, str]]) -> Reply:
        """Raises: OutboundError."""
        return self._send("POST", url, headers, list(form))

    def post_json(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Raises: OutboundError."""
        return self._send("POST", url, headers, body)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: "bytes | list[tuple[str, str]] | None") -> Reply:
        limits = self._limits
        left = self._seconds_left()
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=(min(limits.connect, left), min(limits.read, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.is_redirect:
                    raise OutboundError("redirect-refused", response.status_code)
                content = self._bounded(response)
                return Reply(response.status_code, content, response.headers.get("Content-Type", ""))
        except requests.exceptions.SSLError as error:
            raise OutboundError("tls") from error
        except (requests.exceptions.Timeout, ReadTimeoutError) as error:
            raise OutboundError("timeout") from error
        except (requests.exceptions.RequestException, HTTPError, ValueError) as error:
            raise OutboundError("unreachable") from error

    def _bounded(self, response: requests.Response) -> bytes:
        content = bytearray()
        raw = cast(HTTPResponse, response.raw)
        while chunk := raw.read1(CHUNK, decode_content=True):  # what has come, not waiting for a full chunk: time is counted
            content += chunk
            if len(content) > self._limits.body:
                raise OutboundError("too-large", response.status_code)
            self._seconds_left()
        return bytes(content)

    def _seconds_left(self) -> float:
        """Raises: OutboundError when the time for this call's reads is spent."""
        left = math.inf if self._until is None else self._until - time.monotonic()
        if left <= 0:
            raise OutboundError("timeout")
        return left
