"""A patient's answers as FHIR: the same as `explain` gives, and never more than they are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from msgspec.structs import replace

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.match import Outcome
from cds_service.evaluation import Findings, evaluate
from cds_service.explanation import as_json, explain
from cds_service.export.answers import STATUS, answers_bundle
from cds_service.export.data_requirements import value_set_by_title
from cds_service.fhir.bundle import read_bundle
from cds_service.terminology.value_set import AskedOf
from tests.conftest import ZONE
from tests.export.conftest import STORIES
from tests.export.exported import answers, nodes, of_type
from tests.records import AS_OF, Record, relapsed_aml


def findings_of(path: Path, knowledge: Knowledge) -> Findings:
    return evaluate(read_bundle(path.read_bytes()), knowledge, AS_OF, ZONE)


def responses(bundle: Any) -> list[Any]:
    return of_type(bundle, "GuidanceResponse")


def as_explained(parameters: Any) -> dict[str, Any]:
    """Output parameters in the shape of a trial in `explain`'s document; what is absent is null there."""
    told: dict[str, Any] = {"reviewed": None, "criteria": []}
    for parameter in parameters:
        if parameter["name"] == "criterion":
            told["criteria"].append(_criterion(parameter["part"]))
        elif parameter["name"] == "recruitment":
            told["recruitment"] = _plain(parameter["part"])
        else:
            told |= _plain([parameter])
    return told


def _criterion(parts: Any) -> dict[str, Any]:
    told = {"partOf": None, "admits": None} | _plain(part for part in parts if "part" not in part)
    lists = {name: [_plain(part["part"]) for part in parts if part["name"] == name] for name in ("evidence", "missing")}
    lists["evidence"] = [item if "searched" in item else {"date": None} | item for item in lists["evidence"]]
    lists["missing"] = [{"lastDate": None, "order": None} | item for item in lists["missing"]]
    return told | lists


def _plain(parts: Any) -> dict[str, Any]:
    values = {part["name"]: next(value for key, value in part.items() if key.startswith("value")) for part in parts}
    return {
        name: value.get("reference", value.get("display")) if isinstance(value, dict) else value
        for name, value in values.items()
    }


@pytest.mark.parametrize("story", [path.stem for path in STORIES])
def test_every_answer_of_explain_is_exported_with_its_evidence_and_what_is_missing(
    story: str, story_findings: dict[str, Findings], story_answers: dict[str, Any]
) -> None:
    explained = json.loads(as_json(explain(story_findings[story], AS_OF)))
    answered = [response for response in responses(story_answers[story]) if response["status"] != "failure"]
    told = [as_explained(response["contained"][0]["parameter"]) for response in answered]
    assert {one.pop("knowledge") for one in told} <= {explained["knowledge"]}
    assert told == explained["trials"]
    Bundle.model_validate(story_answers[story])


def test_a_subjects_status_is_never_more_than_its_outcome(
    story_findings: dict[str, Findings], story_answers: dict[str, Any]
) -> None:
    seen = set()
    for story, findings in story_findings.items():
        subjects = of_type(story_answers[story], "ResearchSubject")
        for match, subject in zip(findings.matches, subjects, strict=False):
            assert subject["status"] == STATUS[match.outcome]
            assert subject["study"]["identifier"]["value"] == match.trial.id
            assert subject["individual"] == {"reference": f"Patient/{story}"}
            assert subject["status"] != "candidate" or match.trial.complete
            seen.add(match.outcome)
    assert seen == set(Outcome)


def test_the_word_that_is_the_investigators_never_occurs(story_answers: dict[str, Any]) -> None:
    assert not re.search(r"\beligible\b", json.dumps(story_answers), re.IGNORECASE)


def test_a_deceased_patient_is_no_subject_and_has_no_answers(knowledge: Knowledge, story_answers: dict[str, Any]) -> None:
    bundle = story_answers["deceased"]
    assert of_type(bundle, "ResearchSubject") == []
    assert len(responses(bundle)) == len(knowledge.trials)
    for response in responses(bundle):
        assert response["status"] == "failure"
        assert "outputParameters" not in response
        assert response["contained"][0]["issue"][0]["details"]["text"] == "not evaluated: deceased"


def test_what_could_not_be_read_is_told_beside_the_answers(knowledge: Knowledge) -> None:
    bundle = answers(findings_of(Path("fhir_fixtures/reject/odd-entries-survived.json"), knowledge), knowledge)
    for response in responses(bundle):
        assert response["evaluationMessage"] == [{"reference": "#messages"}]
        issues = response["contained"][1]["issue"]
        assert {issue["severity"] for issue in issues} == {"warning"}
        assert any("cannot be read" in issue["details"]["text"] for issue in issues)


def test_what_would_settle_an_open_question_is_asked_for_by_its_value_set(knowledge: Knowledge) -> None:
    record = Record(born=None, sex=None).condition("C92.00", "Acute myeloblastic leukemia")
    findings = evaluate(read_bundle(record.body()), knowledge, AS_OF, ZONE)
    (response,) = [one for one in responses(answers(findings, knowledge)) if "NCT07144020" in one["moduleCanonical"]]
    assert response["status"] == "data-requested"
    asked = response["dataRequirement"]
    assert {"type": "Patient", "mustSupport": ["birthDate"]} in asked
    sets = {item["codeFilter"][0]["valueSet"].rsplit("/", 1)[-1] for item in asked if "codeFilter" in item}
    assert {"alt", "ast", "creatinine", "lvef", "cd117", "ecog"} <= sets
    assert len(asked) == len({json.dumps(item) for item in asked})


def test_a_patient_of_whom_nothing_more_is_asked_needs_no_data(
    knowledge: Knowledge, story_findings: dict[str, Findings]
) -> None:
    findings = story_findings["relapsed-cd117-positive"]
    match = next(match for match in findings.matches if match.trial.id == "NCT07144020")
    settled = tuple(replace(answer, verdict=replace(answer.verdict, missing=())) for answer in match.answers)
    bundle = answers(replace(findings, matches=(replace(match, answers=settled),)), knowledge)
    assert [response["status"] for response in responses(bundle)] == ["success"]


def test_tests_are_told_apart_by_their_titles(knowledge: Knowledge) -> None:
    tests = [one for one in knowledge.terminology if one.asked_of is AskedOf.OBSERVATION]
    assert len(value_set_by_title(knowledge.terminology)) == len(tests)


def test_every_answer_names_program_version_and_knowledge(knowledge: Knowledge, story_answers: dict[str, Any]) -> None:
    bundle = story_answers["american-units"]
    (device,) = of_type(bundle, "Device")
    assert {version["value"] for version in device["version"]} >= {knowledge.digest}
    for response in responses(bundle):
        assert response["performer"]["reference"] == f"urn:uuid:{device['id']}"
        assert response["moduleCanonical"].endswith(f"|{knowledge.digest}")
        assert response["occurrenceDateTime"] == AS_OF.isoformat()


def test_a_second_export_of_the_same_patient_replaces_the_first(
    knowledge: Knowledge, story_findings: dict[str, Findings], story_answers: dict[str, Any]
) -> None:
    first = answers(story_findings["american-units"], knowledge)
    assert first == story_answers["american-units"]
    other = story_answers["on-oxygen"]
    assert not {entry["fullUrl"] for entry in first["entry"][1:]} & {entry["fullUrl"] for entry in other["entry"]}


def test_two_patients_without_an_id_are_not_taken_for_one(knowledge: Knowledge, judge: Any) -> None:
    record = relapsed_aml()
    del record.resources[0]["id"]
    for resource in record.resources:
        resource.pop("subject", None)
    first, second = (answers(judge(record), knowledge) for _ in range(2))
    assert not {entry["fullUrl"] for entry in first["entry"][1:]} & {entry["fullUrl"] for entry in second["entry"]}
    assert {subject["individual"]["display"] for subject in of_type(first, "ResearchSubject")} == {"a patient without an id"}


ODD = ["blasts\x00 12\u00a0% \u2028 high", "\x0b\x1f", "<script>&amp;", "急性髓系白血病"]


@pytest.mark.parametrize("words", ODD)
def test_odd_characters_of_a_record_do_not_stop_the_export(knowledge: Knowledge, judge: Any, words: str) -> None:
    record = relapsed_aml().named_test("CD117 expression", words).condition("C92.02", words)
    bundle = answers(judge(record), knowledge)
    Bundle.model_validate(bundle)
    texts = [node["valueString"] for node in nodes(bundle) if "valueString" in node]
    assert all(text.isprintable() and text.strip() == text != "" for text in texts)


def test_a_resource_without_an_id_is_named_and_not_referred_to(knowledge: Knowledge, judge: Any) -> None:
    record = relapsed_aml()
    for resource in record.resources[1:]:
        del resource["id"]
    bundle = answers(judge(record), knowledge)
    named = [node["valueReference"] for node in nodes(bundle) if "valueReference" in node]
    assert all("#" not in one.get("reference", "") for one in named)
    assert any("display" in one for one in named)


def test_only_the_trials_named_are_exported(knowledge: Knowledge, story_findings: dict[str, Findings]) -> None:
    bundle = answers_bundle(story_findings["american-units"], AS_OF, knowledge.terminology, {"NCT05943314"})
    studies = [
        subject["study"]["identifier"]["value"] for subject in of_type(json.loads(bundle.model_dump_json()), "ResearchSubject")
    ]
    assert studies == ["NCT05943314"]
