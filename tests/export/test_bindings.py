"""Every code with a required binding is one of its value set: `fhir.resources` lets wrong ones pass.

The codes were copied from the definitions of FHIR 4.0.1 and 5.0.0. HAPI FHIR's validator checks the same, where it can run.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.criteria.match import Outcome
from cds_service.export.answers import STATUS
from cds_service.export.release import Release
from cds_service.export.study import R4_STATUS

PUBLICATION = "draft active retired unknown"
R4_STUDY = (
    "active administratively-completed approved closed-to-accrual closed-to-accrual-and-intervention completed disapproved "
    "in-review temporarily-closed-to-accrual temporarily-closed-to-accrual-and-intervention withdrawn"
)
R4_SUBJECT = (
    "candidate eligible follow-up ineligible not-registered off-study on-study on-study-intervention on-study-observation "
    "pending-on-study potential-candidate screening withdrawn"
)
BOTH = {
    "Bundle.type": "document message transaction transaction-response batch batch-response history searchset collection",
    "ValueSet.status": PUBLICATION,
    "ValueSet.compose.include.filter.op": "= is-a descendent-of is-not-a regex in not-in generalizes exists",
    "Narrative.status": "generated extensions additional empty",
    "RelatedArtifact.type": "documentation justification citation predecessor successor derived-from depends-on composed-of",
}
REQUIRED = {
    Release.R4: BOTH
    | {
        "ResearchStudy.status": R4_STUDY,
        "ResearchSubject.status": R4_SUBJECT,
        "Group.type": "person animal practitioner device medication substance",
        "CodeSystem.status": PUBLICATION,
        "CodeSystem.content": "not-present example fragment complete supplement",
        "CodeSystem.hierarchyMeaning": "grouped-by is-a part-of classified-with",
        "GuidanceResponse.status": "success data-requested data-required in-progress failure entered-in-error",
        "GuidanceResponse.dataRequirement.type": "Patient Observation MedicationAdministration",
        "Device.status": "active inactive entered-in-error unknown",
        "Device.deviceName.type": "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name other",
        "OperationOutcome.issue.severity": "fatal error warning information",
        "OperationOutcome.issue.code": (
            "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
            "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
            "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
        ),
    },
    Release.R5: BOTH
    | {
        "ResearchStudy.status": PUBLICATION,
        "EvidenceVariable.status": PUBLICATION,
        "EvidenceVariable.characteristic.definitionByCombination.code": (
            "all-of any-of at-least at-most statistical net-effect dataset"
        ),
        "Quantity.comparator": "< <= >= > ad",
    },
}
CODED = {"status", "type", "severity", "comparator", "content", "hierarchyMeaning", "op"}
"""Elements whose value, where it is a plain string, is a code with a required binding."""


def codes(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every bound code with the path of its element; those of data types by the type."""
    if isinstance(value, list):
        for item in value:
            yield from codes(item, path)
    elif isinstance(value, dict):
        path = value.get("resourceType", path)
        for key, inner in value.items():
            if key in CODED and isinstance(inner, str):
                yield _within(value, path, key), inner
            elif key == "code" and isinstance(inner, str) and path.rsplit(".", 1)[-1] in ("definitionByCombination", "issue"):
                yield f"{path}.code".replace("definitionByCombination.characteristic.", ""), inner
            else:
                yield from codes(inner, f"{path}.{key}")


def _within(value: Any, path: str, key: str) -> str:
    if "div" in value:
        return f"Narrative.{key}"
    if key == "comparator":
        return f"Quantity.{key}"
    return f"RelatedArtifact.{key}" if path.endswith(".relatedArtifact") else f"{path}.{key}"


def exported(release: Release, trials: dict[Release, dict[str, Any]], answers: dict[str, Any]) -> list[tuple[str, str]]:
    bundles = [*trials[release].values(), *(answers.values() if release is Release.R4 else [])]
    return [found for bundle in bundles for found in codes(bundle)]


@pytest.mark.parametrize("release", list(Release))
def test_every_code_of_a_required_binding_is_one_of_its_value_set(
    release: Release, exported_trials: dict[Release, dict[str, Any]], story_answers: dict[str, Any]
) -> None:
    found = exported(release, exported_trials, story_answers)
    assert {path for path, _ in found} == REQUIRED[release].keys()
    assert {(path, code) for path, code in found if code not in REQUIRED[release][path].split()} == set()


def test_every_status_that_may_be_given_is_a_code_of_the_standard() -> None:
    assert set(R4_STATUS.values()) <= set(R4_STUDY.split())
    assert set(STATUS.values()) <= set(R4_SUBJECT.split()) - {"eligible"}
    assert STATUS.keys() == set(Outcome)
