"""Prefetch under names of the EHR's own: analysts who type the queries in by hand also name them.

A part answers the key whose resources it holds; if it holds none, the key that its name speaks of. Several parts may answer
one key between them, and one part several keys.
"""

import re
from collections.abc import Mapping

from cds_service.fhir.part import Part, together
from cds_service.fhir.template import Template

_MEDICATIONS = re.compile(r"medication(?!request|statement|administration)")
"""A name such as "medications" most often stands for orders."""


def by_key(sent: Mapping[str, Part], templates: Mapping[str, Template]) -> dict[str, Part]:
    """The parts by our keys; what answers none of them keeps its own name, since its resources count all the same."""
    known = {key: part for key, part in sent.items() if key in templates}
    foreign = {name: part for name, part in sent.items() if name not in templates}
    used: set[str] = set()
    for key, template in templates.items():
        names = [name for name, part in foreign.items() if key not in sent and _answers(part, name, template)]
        if names:
            known[key] = together(foreign[name] for name in names)
            used |= set(names)
    return known | {name: part for name, part in foreign.items() if name not in used}


def _answers(part: Part, name: str, template: Template) -> bool:
    of_its_type = any(entry.resource.resource_type == template.resource_type for entry in part.entries)
    if not template.is_search:
        return of_its_type
    if not part.entries:
        return _speaks_of(name.lower(), template)
    return of_its_type and (_speaks_of(name.lower(), template) or any(template.asks_for(entry) for entry in part.entries))


def _speaks_of(name: str, template: Template) -> bool:
    if template.resource_type == "MedicationRequest" and _MEDICATIONS.search(name):
        return True
    return template.key.lower() in name or template.resource_type.lower() in name
