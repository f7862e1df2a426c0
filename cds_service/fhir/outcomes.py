"""What an OperationOutcome says of the answer that it came with: that it failed, that it lacks something, or a mere remark.

Severities and codes: https://hl7.org/fhir/R4/valueset-issue-severity.html, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Iterable

import msgspec

from cds_service.fhir.record import GapReason, Json
from cds_service.json_bytes import UNDECODABLE

REMARKS = frozenset({"warning", "information", "success"})
"""Severities of what did not fail; any other did. R5 adds the last."""
WITHHOLDING = frozenset({"security", "login", "unknown", "expired", "forbidden", "suppressed"})
"""Codes of access, consent and privacy: beside results, something was not shown."""
LACKING = frozenset({"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "too-costly"})
"""Codes by which something was not reached, not in time, or not looked for to the end.

The others speak of the request, or of too much: what a server does not understand of a search, it leaves out and finds more.
"""
_BY_WEIGHT = (GapReason.OPERATION_OUTCOME, GapReason.WITHHELD, GapReason.NOT_WHOLE)


class Issue(msgspec.Struct, frozen=True, gc=False):
    severity: str | None = None
    code: str | None = None


class OperationOutcome(msgspec.Struct, frozen=True, gc=False):
    issue: list[Issue] | None = None


def said(raw: Json) -> GapReason | None:
    """What it says against the answer; None for remarks. One that cannot be read, or says nothing, tells of an error."""
    try:
        outcome = msgspec.json.decode(raw, type=OperationOutcome)
    except UNDECODABLE:
        return GapReason.OPERATION_OUTCOME
    return gravest(map(_meant, outcome.issue)) if outcome.issue else GapReason.OPERATION_OUTCOME


def gravest(reasons: Iterable[GapReason | None]) -> GapReason | None:
    """Of several outcomes' reasons the one that decides."""
    given = set(reasons)
    return next((reason for reason in _BY_WEIGHT if reason in given), None)


def _meant(issue: Issue) -> GapReason | None:
    """The code counts however mild the severity: that nothing failed does not say that all is there."""
    if issue.severity not in REMARKS:
        return GapReason.OPERATION_OUTCOME
    if issue.code in WITHHOLDING:
        return GapReason.WITHHELD
    return GapReason.NOT_WHOLE if issue.code in LACKING else None
