"""What the standard has no element for, as extensions of ours, in the classes of either FHIR release."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from fhir.resources.extension import Extension as R5Extension
from fhir.resources.R4B.extension import Extension as R4Extension

from cds_service.export.identifiers import as_id, extension_url

Extension = TypeVar("Extension", R4Extension, R5Extension)


@dataclass(frozen=True, slots=True)
class Extra:
    """A named value, or several within one name. Its name becomes the extension's URL, within another its plain name."""

    name: str
    value: "str | bool | date | tuple[Extra, ...]"


def extensions(make: type[Extension], extras: Iterable[Extra]) -> list[Extension]:
    """The extensions of an element, in `make`, the Extension class of the release."""
    return [_extension(make, extra, extension_url(extra.name)) for extra in extras]


def _extension(make: type[Extension], extra: Extra, url: str) -> Extension:
    match extra.value:
        case tuple():
            return make(url=url, extension=[_extension(make, part, as_id(part.name)) for part in extra.value])
        case bool():
            return make(url=url, valueBoolean=extra.value)
        case date():
            return make(url=url, valueDate=extra.value)
        case str():
            return make(url=url, valueString=extra.value)
