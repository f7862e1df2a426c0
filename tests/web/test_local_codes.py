"""A hook call from a hospital with codes of its own: only its map makes its patients known."""

import json
from pathlib import Path
from typing import Any

from cds_service.settings import read_settings
from tests.web.test_service import client_of

EXAMPLE = Path("fhir_fixtures/local_codes")


def called(settings: dict[str, str]) -> list[dict[str, Any]]:
    """The cards for the example hospital's patient, with everything prefetched."""
    record = json.loads((EXAMPLE / "records" / "local-codes-only.json").read_text(encoding="utf-8"))
    resources = [entry["resource"] for entry in record["entry"]]

    def bundle(resource_type: str) -> dict[str, Any]:
        entries = [{"resource": one} for one in resources if one["resourceType"] == resource_type]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries}

    request = {
        "hook": "patient-view",
        "hookInstance": "6f1b2f0e-6f0e-4d3f-9a43-8a3cbb0d2f11",
        "context": {"userId": "Practitioner/1", "patientId": "local-codes-only"},
        "prefetch": {
            "patient": resources[0],
            "conditions": bundle("Condition"),
            "laboratory": bundle("Observation"),
            "medicationStatements": bundle("MedicationStatement"),
        },
    }
    client = client_of(read_settings({"CDS_AUTH": "off", **settings}))
    answer = client.post("/cds-services/aml-cell-therapy-trials", json=request)
    assert answer.status_code == 200
    cards: list[dict[str, Any]] = json.loads(answer.data)["cards"]
    return cards


def test_without_its_map_the_patient_shows_no_sign_of_the_disease() -> None:
    assert called({}) == []


def test_with_its_map_the_patient_has_the_cards_of_the_cd123_trials() -> None:
    cards = called({"CDS_CONCEPT_MAPS": str(EXAMPLE / "concept_maps")})
    assert any("CD123" in card["summary"] for card in cards)
