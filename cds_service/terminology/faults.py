"""What is wrong with a ValueSet file, told with its line or element and with what to do."""

import json
from pathlib import Path

from pydantic import ValidationError

from cds_service.errors import KnowledgeFault
from cds_service.terminology.strict_json import DoubledKeyError

MANUAL = "see value_sets/README.md"


class FaultError(Exception):
    """A fault in one file; its message is the problem."""


def fault_of(path: Path, error: Exception) -> KnowledgeFault:
    """The fault that a failed reading stands for."""
    match error:
        case FaultError() | DoubledKeyError():
            return KnowledgeFault(path.name, None, "", str(error), MANUAL)
        case json.JSONDecodeError():
            return KnowledgeFault(path.name, error.lineno, "", f"is not JSON: {error.msg}", "mend the line")
        case ValidationError():
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return KnowledgeFault(path.name, None, place, f"is not a FHIR ValueSet: {first['msg']}", MANUAL)
        case OSError() | UnicodeDecodeError():
            return KnowledgeFault(path.name, None, "", f"cannot be read ({type(error).__name__})", "restore the file")
        case _:
            return KnowledgeFault(path.name, None, "", f"is not a FHIR ValueSet ({type(error).__name__})", MANUAL)
