"""The door in: who calls, and not too often. Stands before every CDS Hooks endpoint; preflight passes before it."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import cast

from flask import g, request
from limits import RateLimitItem

from cds_service import logs
from cds_service.clients import OPEN, Client, Clients
from cds_service.errors import TooManyCalls, Unauthorized
from cds_service.web.arrival import keep_deadline_of
from cds_service.web.security import Authenticator, require_this_machine


class Rates:
    """How many calls of one client this process answers; a limit over all processes is the reverse proxy's.

    The moments of a window's calls are kept here, since the library's own store starts a thread at nearly every call.
    """

    def __init__(self, rate: RateLimitItem) -> None:
        self._calls, self._seconds = rate.amount, rate.get_expiry()
        self._moments: dict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def count(self, client: Client) -> None:
        """Raises: TooManyCalls."""
        now = time.monotonic()
        with self._lock:
            moments = self._moments[client.iss]
            while moments and moments[0] <= now - self._seconds:
                moments.popleft()
            if len(moments) >= self._calls:
                raise TooManyCalls(max(1, math.ceil(moments[0] + self._seconds - now)))
            moments.append(now)


class Guard:
    """Authentication and rate limit, in this order."""

    def __init__(self, clients: Clients, authenticator: Authenticator, rates: Rates, clock: Callable[[], datetime]) -> None:
        self._open = clients.get(OPEN)
        self.shortest_deadline = min(client.profile.deadline for client in clients.values())
        self._authenticator = authenticator
        self._rates = rates
        self._clock = clock

    def admit(self) -> None:
        """Find out who calls, for `caller`. Raises: Unauthorized, NotFromHere, TooManyCalls."""
        client = self._open
        if client is not None:
            require_this_machine(request.remote_addr, request.host, request.headers)
        else:
            try:
                client = self._authenticator.client_of(request.headers.get("Authorization"), request.path, self._clock())
            except Unauthorized as refusal:
                logs.event("call_not_authenticated", level=30, reason=refusal.reason)
                raise
        keep_deadline_of(client)
        self._rates.count(client)
        g.client = client


def caller() -> Client:
    """The client of the call that is being answered."""
    return cast(Client, g.client)
