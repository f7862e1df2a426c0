"""What can go wrong, one class for each thing that a caller can do something about.

    CdsError
    ├── RequestError                 an answer to the CDS client, with its HTTP status
    │   ├── MalformedRequest    400  the body is not a CDS Hooks request; names the field
    │   ├── WrongPatient        400  what was sent belongs to another patient than context.patientId
    │   ├── Unauthorized        401  the caller is not a CDS client that may call; the reason is in the log alone
    │   ├── NotFromHere         403  without authentication, this machine alone is answered
    │   ├── UnknownService      404  no service has this id
    │   ├── DataUnavailable     412  what must be had was neither prefetched nor could be read
    │   ├── NotJson             415  the body is of another kind, or compressed
    │   ├── TooManyCalls        429  the client's rate limit is spent
    │   ├── StoreDown           503  feedback cannot be kept now
    │   └── Overloaded          503  more calls than can be answered in time
    ├── KnowledgeErrors              trials, value sets or assumptions are broken; stops the start
    ├── SettingsError                a CDS_* variable is wrong; stops the start
    ├── UnreadableRecord             a file cannot be read as one patient's record
    ├── UnwritableOutput             an export cannot be written where it was asked for
    ├── PracticeError                the demonstration cannot be given: a port, or the user's FHIR server
    ├── UnitError                    a value has no unit, or one that does not fit
    └── OutboundError                a call to another server came to nothing

A message names the place and the fix and never holds a value from a patient's record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class CdsError(Exception):
    """Anything that this program refuses on purpose."""

    code: ClassVar[str] = "error"


class RequestError(CdsError):
    """The request cannot be answered; `status` and `code` go back to the CDS client."""

    status: ClassVar[int] = 400
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""


class MalformedRequest(RequestError):
    """The body is not a CDS Hooks request."""

    code = "malformed-request"


class WrongPatient(RequestError):
    """Prefetched data belong to another patient than the context."""

    code = "wrong-patient"


class Unauthorized(RequestError):
    """The caller is not an authenticated CDS client. `reason`, a stable code, is for the log; the answer says nothing."""

    status = 401
    code = "unauthorized"

    def __init__(self, reason: str) -> None:
        super().__init__("send a valid JSON Web Token of a registered CDS client as Authorization: Bearer")
        self.reason = reason


class NotFromHere(RequestError):
    """Authentication is off and the call comes from, or through, another machine."""

    status = 403
    code = "not-from-here"


class UnknownService(RequestError):
    """No service has this id."""

    status = 404
    code = "unknown-service"


class DataUnavailable(RequestError):
    """Patient or conditions were neither sent nor readable: 412 Precondition Failed."""

    status = 412
    code = "data-unavailable"


class NotJson(RequestError):
    """The body is not plain application/json."""

    status = 415
    code = "not-json"


class TooManyCalls(RequestError):
    """The client has spent its rate limit."""

    status = 429
    code = "too-many-calls"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many calls of this client; call again in {retry_after} s")
        self.retry_after = retry_after


class StoreDown(RequestError):
    """What must be kept cannot be kept now; nothing of it was."""

    status = 503
    code = "store-down"
    retry_after = 60


class Overloaded(RequestError):
    """There are more calls than can be answered in time; this one was not begun."""

    status = 503
    code = "overloaded"
    retry_after = 1

    def __init__(self) -> None:
        super().__init__("more calls than can be answered in time; call again after Retry-After")


@dataclass(frozen=True, slots=True)
class KnowledgeFault:
    """One fault in a data file: where it stands, what is wrong and how to mend it."""

    file: str
    line: int | None
    place: str
    problem: str
    fix: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        at = f" {self.place}:" if self.place else ""
        return f"{where}:{at} {self.problem}; {self.fix}"


class KnowledgeErrors(CdsError):
    """All faults found in the data files, reported together."""

    code = "broken-knowledge"

    def __init__(self, faults: Sequence[KnowledgeFault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class SettingsError(CdsError):
    """A setting is wrong; the message names the variable and what it accepts."""

    code = "settings"


class UnreadableRecord(CdsError):
    """A file is not one patient's FHIR record."""

    code = "unreadable-record"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reason = code


class UnwritableOutput(CdsError):
    """The place that an export was to be written to does not take it."""

    code = "unwritable-output"


class PracticeError(CdsError):
    """The demonstration or the server cannot start as asked; the message says what is in the way."""

    code = "practice"


class UnitError(CdsError):
    """A quantity has no unit, an unknown one or one of another dimension."""

    code = "unit"


class OutboundError(CdsError):
    """A call through the one door failed; `reason` is one of a closed list, without addresses."""

    code = "outbound"

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def place_of(error: BaseException) -> str:
    """Module and line where an unforeseen error arose. Its text may hold values of a record, and is told nobody."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace is not None else "?"
