"""One module, one CDS service: each has a SERVICE, found here."""

import importlib
import pkgutil
from collections.abc import Mapping

from cds_service.errors import SettingsError
from cds_service.hooks.service import CdsService


def services() -> Mapping[str, CdsService]:
    """All services by id. Raises: SettingsError where two have the same id."""
    found: dict[str, CdsService] = {}
    for module in pkgutil.iter_modules(__path__):
        service = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SERVICE", None)
        if isinstance(service, CdsService):
            if service.entry.id in found:
                raise SettingsError(f"two hooks have the service id {service.entry.id}")
            found[service.entry.id] = service
    return found
