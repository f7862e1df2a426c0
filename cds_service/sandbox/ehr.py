"""The practice EHR: opens a chart, resolves the prefetch templates and fires `patient-view`, as a real one does."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cds_service.errors import OutboundError
from cds_service.outbound.door import Door
from cds_service.outbound.retries import Reply
from cds_service.sandbox.search import Json

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
CLINICIAN = "Practitioner/invented-haematologist"


@dataclass(frozen=True)
class PracticeEhr:
    """An EHR with a FHIR server, connected to a CDS service."""

    service: str
    fhir_server: str
    door: Door

    def prefetch_templates(self, service_id: str) -> dict[str, str]:
        """From the service's discovery document."""
        discovery = _object(self.door.get(f"{self.service}/cds-services", JSON))
        entries = cast(list[Json], discovery["services"])
        return next(cast(dict[str, str], entry["prefetch"]) for entry in entries if entry["id"] == service_id)

    def open_chart(self, service_id: str, patient: str, *, prefetch: bool) -> Reply:
        """Fire `patient-view`. Raises: OutboundError if the service cannot be reached."""
        return self.door.post_json(
            f"{self.service}/cds-services/{service_id}", JSON, self.request(service_id, patient, prefetch=prefetch)
        )

    def request(self, service_id: str, patient: str, *, prefetch: bool) -> bytes:
        """The hook's body."""
        body: Json = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self.fhir_server,
            "context": {"userId": CLINICIAN, "patientId": patient},
        }
        if prefetch:
            body["prefetch"] = self._prefetched(self.prefetch_templates(service_id), patient)
        return json.dumps(body).encode()

    def load(self, resources: list[Json]) -> None:
        """Put resources into the FHIR server in one transaction. Raises: OutboundError."""
        entries = [
            {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
            for resource in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        headers = {"Content-Type": "application/fhir+json"}
        reply = self.door.post_json(self.fhir_server, headers, json.dumps(bundle).encode())
        if reply.status >= 300:
            raise OutboundError("refused", reply.status)

    def _prefetched(self, templates: Mapping[str, str], patient: str) -> Json:
        """Each template's answer; a key whose query fails is left out."""
        found: Json = {}
        for key, template in templates.items():
            reply = self.door.get(f"{self.fhir_server}/{template.replace('{{context.patientId}}', patient)}", JSON)
            if reply.status == 200:
                found[key] = json.loads(reply.body)
        return found


def _object(reply: Reply) -> Json:
    return cast(Json, json.loads(reply.body))
