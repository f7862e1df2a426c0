"""The trials as exported: in neither release is anything lost on the way."""

import json
import re
from typing import Any

import pytest
from fhir.resources.bundle import Bundle as R5Bundle
from fhir.resources.R4B.bundle import Bundle as R4Bundle
from msgspec.structs import replace

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.trial import Criterion, CriterionKind, Trial
from cds_service.export.release import Release
from cds_service.export.study import PHASES, R4_STATUS, R5_STATUS, research_study_r4, research_study_r5
from cds_service.export.trials import trial_bundle
from tests.export.exported import BASE, extras, nodes, of_type

Exported = dict[Release, dict[str, Any]]
RELEASES = pytest.mark.parametrize("release", list(Release))
Row = tuple[str, str, str, str | None, str | None]


def printed(trial: Trial) -> list[Row]:
    """Every sentence as the trial file has it: id, polarity, words, our reading, and what it is a part of."""
    return sorted((row.id, row.kind.value, row.text, row.reading, row.part_of) for row in trial.rows())


def from_group(characteristic: dict[str, Any]) -> list[Row]:
    told, kind = extras(characteristic), "exclusion" if characteristic["exclude"] else "inclusion"
    row_id = characteristic["code"]["coding"][0]["code"]
    assert row_id == characteristic["id"]
    assert characteristic["valueBoolean"] is True
    own: Row = (row_id, kind, characteristic["code"]["text"], told.get("reading"), None)
    return [own, *((part["id"], kind, part["text"], part.get("reading"), row_id) for part in told.get("part", []))]


def from_evidence_variable(characteristic: dict[str, Any]) -> list[Row]:
    """A sentence of its own has a polarity, and everything with an id within it is a part of it."""
    kind, row_id = "exclusion" if characteristic["exclude"] else "inclusion", characteristic["id"]
    rows: list[Row] = []
    for node in (node for node in nodes(characteristic) if "linkId" in node):
        assert ("exclude" in node) is (node is characteristic)
        reading = node["note"][0]["text"] if "note" in node else None
        rows.append((node["id"], kind, node["description"], reading, None if node is characteristic else row_id))
        rows += [(part["id"], kind, part["text"], part.get("reading"), row_id) for part in extras(node).get("part", [])]
    return rows


@RELEASES
def test_no_sentence_of_a_protocol_is_lost_nor_its_polarity_its_words_our_reading_or_its_place(
    knowledge: Knowledge, release: Release, exported_trials: Exported
) -> None:
    exported = exported_trials[release]
    for trial in knowledge.trials:
        resource_type, read = ("Group", from_group) if release is Release.R4 else ("EvidenceVariable", from_evidence_variable)
        told = of_type(exported[trial.id], resource_type)[0]
        rows = [row for characteristic in told["characteristic"] for row in read(characteristic)]
        assert sorted(rows, key=lambda row: row[0]) == printed(trial)
        own = [row.id for row in trial.rows() if row.part_of is None]
        assert [characteristic["id"] for characteristic in told["characteristic"]] == own


def test_what_decides_every_sentence_is_told_in_words(exported_trials: Exported) -> None:
    for release in Release:
        for bundle in exported_trials[release].values():
            for node in nodes(bundle):
                if "exclude" in node and "id" in node:
                    assert extras(node)["decided-by"]


def test_a_reading_that_a_criterion_names_is_told_in_the_same_bundle(knowledge: Knowledge, exported_trials: Exported) -> None:
    for bundle in exported_trials[Release.R4].values():
        told = {reading["name"]: reading["says"] for reading in extras(of_type(bundle, "Group")[0])["shared-reading"]}
        named = set(
            re.findall(r'reading "([^"]+)"', " ".join(node["valueString"] for node in nodes(bundle) if "valueString" in node))
        )
        assert named == told.keys()
        assert all(told.values())


def test_only_a_sentence_that_decides_is_told_to_be_in_the_logic(exported_trials: Exported) -> None:
    group = of_type(exported_trials[Release.R4]["NCT04265963"], "Group")[0]
    parts = {part["id"]: part["in-logic"] for row in group["characteristic"] for part in extras(row).get("part", [])}
    assert not parts.pop("I2.D")
    assert all(parts.values())


@RELEASES
def test_status_with_its_day_completeness_review_and_gate_are_told(
    knowledge: Knowledge, release: Release, exported_trials: Exported
) -> None:
    exported = exported_trials[release]
    for trial in knowledge.trials:
        study = of_type(exported[trial.id], "ResearchStudy")[0]
        criteria = of_type(exported[trial.id], "Group" if release is Release.R4 else "EvidenceVariable")[0]
        recruitment = trial.recruitment
        status = {"status": recruitment.status, "as-of": recruitment.as_of.isoformat(), "source": recruitment.source}
        assert extras(study)["registry-status"] == status
        assert extras(criteria)["completeness"] == {"complete": trial.complete, "known": trial.completeness}
        assert extras(criteria)["reviewed"] == {"done": False}
        assert "active" in extras(criteria)["disease-gate"]
        digest = extras(criteria)["knowledge"] if release is Release.R4 else criteria["version"]
        assert digest == knowledge.digest


def test_a_reviewed_reading_says_by_whom_and_is_no_draft(knowledge: Knowledge) -> None:
    trial = replace(knowledge.trials[0], reviewed="A. Haematologist, 2027-01-31")
    for release, resource_type in ((Release.R4, "Group"), (Release.R5, "EvidenceVariable")):
        bundle = json.loads(trial_bundle(trial, knowledge, release, with_value_sets=False).model_dump_json())
        criteria = of_type(bundle, resource_type)[0]
        assert extras(criteria)["reviewed"] == {"done": True, "by": "A. Haematologist, 2027-01-31"}
        if release is Release.R5:
            assert (criteria["status"], criteria["reviewer"][0]["name"]) == ("active", trial.reviewed)


def test_what_is_exported_is_valid_fhir(exported_trials: Exported) -> None:
    for bundle in exported_trials[Release.R4].values():
        R4Bundle.model_validate(bundle)
    for bundle in exported_trials[Release.R5].values():
        R5Bundle.model_validate(bundle)


def test_references_within_a_bundle_lead_somewhere(exported_trials: Exported) -> None:
    for release in Release:
        for bundle in exported_trials[release].values():
            urls = {entry["fullUrl"] for entry in bundle["entry"]}
            assert len(urls) == len(bundle["entry"])
            named = [node["reference"] for node in nodes(bundle) if isinstance(node.get("reference"), str)]
            named += [node["definitionCanonical"] for node in nodes(bundle) if "definitionCanonical" in node]
            assert named
            for name in named:
                assert (name if name.startswith(BASE) else f"{BASE}/{name}") in urls
            links = [node["linkId"] for node in nodes(bundle) if "linkId" in node]
            assert len(links) == len(set(links))
            assert {node["definitionId"] for node in nodes(bundle) if "definitionId" in node} <= set(links)


def test_with_value_sets_every_set_that_a_criterion_names_is_in_the_bundle(
    knowledge: Knowledge, exported_trials: Exported
) -> None:
    for trial, bundle in exported_trials[Release.R5].items():
        sets = of_type(bundle, "ValueSet")
        told = {one["url"] for one in sets}
        named = {node["valueUri"] for node in nodes(bundle) if str(node.get("valueUri", "")).startswith(f"{BASE}/ValueSet/")}
        named |= {url for one in sets for left_out in one.get("compose", {}).get("exclude", []) for url in left_out["valueSet"]}
        assert named <= told, trial
        assert len(sets) < len(knowledge.terminology)


def test_the_codes_of_the_groups_characteristics_are_defined_with_parts_below(
    knowledge: Knowledge, exported_trials: Exported
) -> None:
    for trial in knowledge.trials:
        codes = of_type(exported_trials[Release.R4][trial.id], "CodeSystem")[0]
        assert codes["hierarchyMeaning"] == "part-of"
        found = {node["code"]: node["definition"] for node in nodes(codes["concept"])}
        assert found == {row.id: row.text for row in trial.rows()}


def test_the_word_that_is_the_investigators_never_occurs_but_in_the_protocols_own_words(
    knowledge: Knowledge, exported_trials: Exported
) -> None:
    verbatim = [text for trial in knowledge.trials for row in trial.rows() for text in (row.text, row.reading or "")]
    assert not [text for text in verbatim if re.search(r"\beligible\b", text)]
    for release in Release:
        assert not re.search(r"\beligible\b", json.dumps(exported_trials[release]), re.IGNORECASE)


@pytest.mark.parametrize("status", sorted(R4_STATUS.keys() | R5_STATUS.keys()))
def test_the_registrys_status_has_its_code_in_both_releases(knowledge: Knowledge, status: str) -> None:
    trial = knowledge.trials[0]
    trial = replace(trial, recruitment=replace(trial.recruitment, status=status))
    r4, r5 = research_study_r4(trial), research_study_r5(trial)
    assert r4.status == R4_STATUS[status]
    state = r5.progressStatus[0].state if r5.progressStatus else None
    assert state is not None
    assert state.text == status
    assert [coding.code for coding in state.coding or []] == ([R5_STATUS[status]] if status in R5_STATUS else [])


@pytest.mark.parametrize("status", ["unknown", "no longer available"])
def test_a_study_of_which_the_registry_says_nothing_usable_is_never_said_to_take_patients(
    knowledge: Knowledge, status: str
) -> None:
    trial = knowledge.trials[0]
    trial = replace(trial, recruitment=replace(trial.recruitment, status=status), phase="of its own kind")
    study = research_study_r4(trial)
    assert study.status == "approved"
    assert study.phase is not None
    assert (study.phase.text, study.phase.coding) == ("phase of its own kind", None)


def test_every_phase_of_our_trials_has_its_code(knowledge: Knowledge) -> None:
    assert {trial.phase for trial in knowledge.trials} <= PHASES.keys()


def test_polarity_is_told_of_sentences_of_their_own_as_the_trial_file_has_it(
    knowledge: Knowledge, exported_trials: Exported
) -> None:
    def excluded(criterion: Criterion) -> bool:
        return criterion.kind is CriterionKind.EXCLUSION

    for trial in knowledge.trials:
        told = of_type(exported_trials[Release.R5][trial.id], "EvidenceVariable")[0]["characteristic"]
        own = [row for row in trial.rows() if row.part_of is None]
        assert [row["exclude"] for row in told] == [excluded(row) for row in own]
