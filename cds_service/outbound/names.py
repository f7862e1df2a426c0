"""Host names are looked up in threads of their own, since nothing ends the wait for a name server that hangs.

One thread a name: whoever needs the same name meanwhile waits for the same answer, and no longer than for a connection.
"""

import socket
from concurrent.futures import Future
from threading import Lock, Thread

from cds_service.errors import OutboundError

_Name = tuple[str, int]
_under_way: dict[_Name, "Future[list[str]]"] = {}
_lock = Lock()


def addresses(host: str, port: int, seconds: float) -> list[str]:
    """Its addresses, in the system's order. Raises: OutboundError when they take longer; OSError where there are none."""
    name = (host, port)
    with _lock:
        found = _under_way.get(name)
        if found is None:
            found = _under_way[name] = Future()
            Thread(target=_look_up, args=(name, found), name="name-lookup", daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError as error:
        if found.done():  # the answer itself says so
            raise
        raise OutboundError("timeout") from error


def _look_up(name: _Name, found: "Future[list[str]]") -> None:
    try:
        answers = socket.getaddrinfo(*name, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: a name that is none
        with _lock:
            del _under_way[name]
        found.set_exception(error)
    else:
        with _lock:
            del _under_way[name]
        found.set_result(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
