"""The command line of exports: lines or files, one Bundle each; wrong usage and unreadable files told plainly."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from tests.records import relapsed_aml

DAY = ["--as-of", "2026-11-22"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any], str]:
    """Exit status, the Bundles on standard output, and what was said beside."""
    status = main(["export", *arguments])
    told = capsys.readouterr()
    return status, [json.loads(line) for line in told.out.splitlines()], told.err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *arguments])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def types(bundle: Any) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in bundle["entry"]}


@pytest.fixture
def record(tmp_path: Path) -> str:
    path = tmp_path / "record.json"
    path.write_bytes(relapsed_aml().body())
    return str(path)


def test_every_trial_is_a_line_with_study_and_group(capsys: pytest.CaptureFixture[str]) -> None:
    status, bundles, _ = run(capsys, "trials")
    assert status == 0
    assert len(bundles) == 5
    assert all(types(bundle) == {"ResearchStudy", "Group", "CodeSystem"} for bundle in bundles)


def test_in_r5_the_criteria_are_evidence_variables(capsys: pytest.CaptureFixture[str]) -> None:
    _, bundles, _ = run(capsys, "trials", "--fhir", "r5", "--trial", "NCT07144020", "--trial", "NCT05943314")
    assert len(bundles) == 2
    assert all(types(bundle) == {"ResearchStudy", "EvidenceVariable"} for bundle in bundles)


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_value_sets_come_along_when_they_are_wanted(capsys: pytest.CaptureFixture[str], release: str) -> None:
    _, (bundle,), _ = run(capsys, "trials", "--fhir", release, "--trial", "NCT05943314", "--with-value-sets")
    assert "ValueSet" in types(bundle)


def test_a_directory_gets_a_file_a_trial(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    directory = tmp_path / "new" / "trials"
    status, bundles, _ = run(capsys, "trials", "--output", str(directory))
    assert (status, bundles) == (0, [])
    assert len(list(directory.glob("NCT*.json"))) == 5
    assert json.loads((directory / "NCT07144020.json").read_text(encoding="utf-8"))["resourceType"] == "Bundle"


def test_a_directory_gets_a_file_a_patient(capsys: pytest.CaptureFixture[str], tmp_path: Path, record: str) -> None:
    status, _, _ = run(capsys, "answers", *DAY, "--output", str(tmp_path / "answers"), record)
    assert status == 0
    assert types(json.loads((tmp_path / "answers" / "record.json").read_text(encoding="utf-8"))) >= {"GuidanceResponse"}


def test_standard_input_is_a_dash_and_one_trial_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(relapsed_aml().body())))
    _, (bundle,), _ = run(capsys, "answers", *DAY, "--trial", "NCT07144020", "-")
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Device", "ResearchSubject", "GuidanceResponse"]


def test_a_file_that_is_no_record_is_told_and_the_others_are_answered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, record: str
) -> None:
    status, bundles, told = run(capsys, "answers", *DAY, str(tmp_path / "nowhere.json"), record)
    assert status == 1
    assert len(bundles) == 1
    assert "nowhere.json: the file cannot be read" in told


def test_an_output_that_cannot_be_written_is_told_with_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, record: str
) -> None:
    status, _, told = run(capsys, "trials", "--output", record)
    assert status == 1
    assert "cannot be written" in told
    assert len(told.splitlines()) == 1


def test_two_files_that_would_become_one_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = refused(capsys, "answers", "--output", str(tmp_path), "a/record.json", "b/record.json")
    assert "several files would become record.json" in told


@pytest.mark.parametrize("what", [["trials"], ["answers", "record.json"]])
def test_a_trial_that_does_not_exist_is_refused_by_name(capsys: pytest.CaptureFixture[str], what: list[str]) -> None:
    assert "no trial NCT00000000; there are NCT04014881" in refused(capsys, *what, "--trial", "NCT00000000")


@pytest.mark.parametrize("what", [[], ["trials"], ["answers"]])
def test_help_shows_commands_that_can_be_typed(capsys: pytest.CaptureFixture[str], what: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", *what, "--help"])
    assert "examples:\n  cds-service export" in capsys.readouterr().out
