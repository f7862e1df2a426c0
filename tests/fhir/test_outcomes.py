"""What an OperationOutcome says against the answer that it came with."""

import json
from typing import Any

import pytest

from cds_service.fhir.outcomes import said
from cds_service.fhir.record import GapReason

ERROR, NOT_WHOLE, WITHHELD = GapReason.OPERATION_OUTCOME, GapReason.NOT_WHOLE, GapReason.WITHHELD
LACKING = ("transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "too-costly")
WITHHOLDING = ("security", "login", "unknown", "expired", "forbidden", "suppressed")
REMARKS = ("informational", "processing", "not-supported", "not-found", "business-rule", "code-invalid", "no code at all")


def outcome(*issues: Any) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


def issue(severity: str | None, code: str | None) -> dict[str, Any]:
    return {"severity": severity, "code": code}


@pytest.mark.parametrize("severity", ["warning", "information", "success"])
@pytest.mark.parametrize(
    ("code", "meant"),
    [(code, NOT_WHOLE) for code in LACKING] + [(code, WITHHELD) for code in WITHHOLDING] + [(code, None) for code in REMARKS],
)
def test_a_warning_is_told_by_its_code(severity: str, code: str, meant: GapReason | None) -> None:
    assert said(outcome(issue(severity, code))) is meant


@pytest.mark.parametrize(
    "raw",
    [
        outcome(issue("error", "informational")),
        outcome(issue("fatal", "incomplete")),
        outcome(issue(None, "informational")),
        outcome(issue("Warnung", None)),
        outcome(),
        b'{"resourceType": "OperationOutcome"}',
        b'{"resourceType": "OperationOutcome", "issue": 7}',
        b"not even JSON",
        b'{"issue": [{"severity": "\xff"}]}',
    ],
)
def test_what_is_no_mere_warning_tells_of_an_error(raw: bytes) -> None:
    assert said(raw) is ERROR


def test_of_several_issues_the_gravest_counts_in_any_order() -> None:
    issues = [issue("warning", "processing"), issue("warning", "incomplete"), issue("warning", "suppressed")]
    assert said(outcome(*issues)) is said(outcome(*reversed(issues))) is WITHHELD
    assert said(outcome(*issues, issue("error", "processing"))) is ERROR
