"""A haematologist signs a trial's reading in its file, and CDS_REQUIRE_REVIEWED evaluates the signed ones alone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.criteria import load
from cds_service.criteria.knowledge import knowledge_of_site, load_knowledge
from cds_service.doctor.examination import examine
from cds_service.doctor.finding import State
from cds_service.errors import KnowledgeErrors, SettingsError
from cds_service.settings import read_settings
from tests.records import relapsed_aml

SIGNED = "NCT07144020"
SHIPPED = (load.TRIALS / f"{SIGNED}.yaml").read_text(encoding="utf-8")
SIGNATURE = "reviewed: A. Haematologist, 2026-11-24"
OTHERS = ("NCT04014881", "NCT04265963", "NCT05943314", "NCT06006403")


def signed(text: str = SHIPPED, signature: str = SIGNATURE) -> str:
    assert "\nreviewed: null\n" in text
    return text.replace("\nreviewed: null\n", f"\n{signature}\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's directory with the signed copy of a trial that is shipped."""
    directory = tmp_path / "trials"
    directory.mkdir()
    (directory / f"{SIGNED}.yaml").write_text(signed(), encoding="utf-8")
    return directory


@pytest.fixture
def required(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CDS_TRIALS", str(site))
    monkeypatch.setenv("CDS_REQUIRE_REVIEWED", "true")
    return site


def test_a_signed_copy_takes_the_place_of_the_shipped_trial(site: Path) -> None:
    trials = {trial.id: trial.reviewed for trial in load_knowledge(site_trials=site).trials}
    assert trials == {SIGNED: "A. Haematologist, 2026-11-24", **dict.fromkeys(OTHERS)}


def test_a_signature_does_not_cover_another_reading_than_the_one_shipped(site: Path) -> None:
    """After an upgrade that changes a trial, the copy signed before is no longer what is shipped."""
    assert "at_least: 18" in SHIPPED
    (site / f"{SIGNED}.yaml").write_text(signed(SHIPPED.replace("at_least: 18", "at_least: 19", 1)), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=rf"{SIGNED}\.yaml:\d+: criteria: is not as in the trial that is shipped; have"):
        load_knowledge(site_trials=site)


@pytest.mark.parametrize("said", ["no", "yes", "false", "pending", "2026-11-24", "A. Haematologist", "A. B., 2026-13-45"])
def test_what_does_not_tell_who_and_when_is_no_signature(site: Path, said: str) -> None:
    (site / f"{SIGNED}.yaml").write_text(signed(signature=f"reviewed: {said}"), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=r"reviewed: does not tell who and when; write \"A\. Haematologist, 2026-11-24\""):
        load_knowledge(site_trials=site)


def test_only_signed_trials_are_evaluated_where_that_is_required(required: Path) -> None:
    knowledge = knowledge_of_site(read_settings())
    assert [trial.id for trial in knowledge.trials] == [SIGNED]
    assert knowledge.not_reviewed == OTHERS


def test_all_are_evaluated_where_it_is_not(site: Path) -> None:
    knowledge = knowledge_of_site(read_settings({"CDS_TRIALS": str(site)}))
    assert (len(knowledge.trials), knowledge.not_reviewed) == (5, ())


def test_the_digest_is_that_of_all_files_whatever_is_left_out(required: Path) -> None:
    settings = read_settings()
    assert knowledge_of_site(settings).digest == knowledge_of_site(settings, for_review=True).digest


def test_a_service_without_a_trial_left_does_not_start() -> None:
    with pytest.raises(
        SettingsError, match=r"CDS_REQUIRE_REVIEWED leaves no trial to evaluate: nobody has reviewed NCT.*; have a haem"
    ):
        knowledge_of_site(read_settings({"CDS_REQUIRE_REVIEWED": "true"}))


def test_serve_and_export_end_with_the_setting_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("CDS_REQUIRE_REVIEWED", "true")
    assert main(["export", "trials"]) == 1
    assert (said := capsys.readouterr().err).startswith("cds-service: CDS_REQUIRE_REVIEWED leaves no trial to evaluate")
    environment = {**os.environ, "CDS_AUTH": "off", "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite"}
    serve = subprocess.run(
        [sys.executable, "-m", "cds_service", "serve"], env=environment, capture_output=True, text=True, check=False
    )
    assert serve.returncode == 1
    assert serve.stderr.splitlines()[-1:] == said.splitlines()


def test_what_is_exported_for_other_programs_is_signed(required: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "trials"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert SIGNED in line


def test_explain_shows_a_reviewer_the_trials_that_nobody_has_signed(
    required: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    record.write_bytes(relapsed_aml().body())
    assert main(["explain", "--format", "json", "--as-of", "2026-11-22", str(record)]) == 0
    trials = {trial["trial"]: trial["reviewed"] for trial in json.loads(capsys.readouterr().out)["trials"]}
    assert trials == {SIGNED: "A. Haematologist, 2026-11-24", **dict.fromkeys(OTHERS)}


def test_check_looks_at_all_trials_and_says_which_are_left_out(required: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("5 trials")
    assert f"CDS_REQUIRE_REVIEWED leaves out {', '.join(OTHERS)}: not reviewed" in said


def test_doctor_says_how_many_are_evaluated_and_which_are_left_out(required: Path) -> None:
    (found,) = (finding for finding in examine(read_settings()) if finding.subject == "knowledge")
    assert found.said.startswith("1 trial, sha256:")
    assert found.said.endswith(f"; CDS_REQUIRE_REVIEWED leaves out {', '.join(OTHERS)}")


def test_doctor_says_that_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_REQUIRE_REVIEWED", "true")
    (found,) = (finding for finding in examine(read_settings()) if finding.subject == "knowledge")
    assert found.state is State.FAILED
    assert found.said.startswith("CDS_REQUIRE_REVIEWED leaves no trial to evaluate")


def test_sign_writes_the_copy_that_takes_the_shipped_trials_place(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    assert main(["sign", SIGNED.lower(), "--by", 'Prof. "Blut": 血液', "--on", "2026-11-24"]) == 0
    said = capsys.readouterr()
    (site / f"{SIGNED}.yaml").write_text(said.out, encoding="utf-8")
    (trial,) = (trial for trial in load_knowledge(site_trials=site).trials if trial.id == SIGNED)
    assert trial.reviewed == 'Prof. "Blut": 血液, 2026-11-24'
    assert said.out.splitlines()[:10] == SHIPPED.splitlines()[:10], "comments too"
    assert f"keep it as {SIGNED}.yaml in the directory of CDS_TRIALS" in said.err


def test_what_is_signed_without_a_day_is_signed_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", SIGNED, "--by", "A. Haematologist"]) == 0
    assert re.search(r'^reviewed: "A. Haematologist, \d{4}-\d{2}-\d{2}"$', capsys.readouterr().out, re.MULTILINE)


def test_the_signed_file_may_be_written_where_the_site_keeps_its_trials(required: Path) -> None:
    """The shell makes the file, still empty, before the program begins."""
    with (required / f"{SIGNED}.yaml").open("w") as emptied:
        command = [sys.executable, "-m", "cds_service", "sign", SIGNED, "--by", "B. Haematologist", "--on", "2026-11-25"]
        subprocess.run(command, stdout=emptied, check=True)
    (trial,) = knowledge_of_site(read_settings()).trials
    assert trial.reviewed == "B. Haematologist, 2026-11-25"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["NCT00000000", "--by", "A. Haematologist"], "no such trial is shipped; there are NCT04014881,"),
        ([SIGNED, "--by", " "], "a name"),
    ],
)
def test_sign_refuses_what_is_no_trial_and_no_name(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sign", *arguments])
    assert said in capsys.readouterr().err
