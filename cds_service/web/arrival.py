"""When a call came, and by when it must be answered: the client's deadline, counted from the call's arrival."""

import time
from typing import cast

from flask import Blueprint, g

from cds_service import deadline
from cds_service.clients import Client
from cds_service.deadline import Deadline


def note(routes: Blueprint, shortest: float) -> None:
    """`shortest`: seconds that every client waits; a call keeps them until it is known whose it is."""

    @routes.before_request
    def begin() -> None:
        g.arrived = time.monotonic()
        deadline.keep(Deadline(g.arrived + shortest))

    @routes.teardown_request
    def end(_: BaseException | None) -> None:
        deadline.keep(Deadline())  # the thread answers other calls


def keep_deadline_of(client: Client) -> None:
    """From now on what the call waits for keeps its client's own deadline."""
    deadline.keep(Deadline(cast(float, g.arrived) + client.profile.deadline))


def seconds_since_arrival() -> float:
    """How long the call that is being answered has been here."""
    return time.monotonic() - cast(float, g.arrived)
