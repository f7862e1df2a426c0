"""The command line: explain as promised, check, settings, demo; clear errors and exit statuses."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cds_service.cli import main
from tests.records import Record, relapsed_aml

SCHEMA = json.loads(Path("docs/schemas/explain.schema.json").read_text(encoding="utf-8"))
REJECT = Path("fhir_fixtures/reject")
STORIES = sorted(Path("fhir_fixtures/patients").glob("*.json"))


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `explain --format json`; every line is checked against the schema."""
    status = main(["explain", "--format", "json", "--as-of", "2026-11-22", *arguments])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        jsonschema.validate(line, SCHEMA)
    return status, lines


def saved(tmp_path: Path, record: Record, name: str = "record.json") -> str:
    path = tmp_path / name
    path.write_bytes(record.body())
    return str(path)


def test_every_story_is_explained_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = explained(capsys, *map(str, STORIES))
    assert status == 0
    assert [line["patient"] for line in lines] == [path.stem for path in STORIES]


def test_an_answer_that_needs_data_has_evidence_and_every_unknown_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = explained(capsys, *map(str, STORIES))
    for row in (row for line in lines for trial in line["trials"] for row in trial["criteria"]):
        assert row["reason"]
        assert row["answer"] == "unknown" or row["evidence"] or row["id"] in ("SEX", "I7"), row
        assert row["admits"] is None if row["answer"] == "unknown" else row["admits"] is not None
        assert not (row["answer"] == "unknown" and row["confirm"])


def test_only_a_trial_whose_list_is_known_has_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = explained(capsys, *map(str, STORIES))
    trials = [trial for line in lines for trial in line["trials"]]
    assert {trial["trial"] for trial in trials if trial["outcome"] == "candidate"} == {"NCT07144020"}
    assert all(trial["complete"] for trial in trials if trial["outcome"] == "candidate")


def test_a_deceased_patient_is_not_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    _, (line,) = explained(capsys, "fhir_fixtures/patients/deceased.json")
    assert line["trials"] == []
    assert line["notEvaluated"] == "deceased"


def test_one_trial_alone_can_be_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, (line,) = explained(capsys, "--trial", "NCT05943314", saved(tmp_path, relapsed_aml()))
    assert [trial["trial"] for trial in line["trials"]] == ["NCT05943314"]


def test_standard_input_is_a_dash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(relapsed_aml().body())))
    assert explained(capsys, "-")[0] == 0


REFUSED = [
    ("bundle-with-two-patients.json", "several-patients"),
    ("bundle-without-a-patient.json", "no-patient"),
    ("a-lone-patient.json", "not-a-bundle"),
    ("truncated.json", "not-a-bundle"),
    ("not-json.json", "not-a-bundle"),
    ("nowhere.json", "not-readable"),
]


@pytest.mark.parametrize(("name", "code"), REFUSED)
def test_what_is_no_record_has_its_own_line_and_the_others_are_answered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, code: str
) -> None:
    status, (refused, answered) = explained(capsys, str(REJECT / name), saved(tmp_path, relapsed_aml()))
    assert status == 1
    assert refused["error"]["code"] == code
    assert answered["patient"] == "p"


@pytest.mark.parametrize("name", ["odd-entries-survived.json", "birth-date-is-no-date.json"])
def test_odd_entries_are_survived(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, (line,) = explained(capsys, str(REJECT / name))
    assert status == 0
    first = line["trials"][0]["criteria"]
    assert {row["id"]: row["answer"] for row in first}["I1B.i"] in ("unknown", "not_met")


def test_an_entry_that_cannot_be_read_keeps_silence_from_answering(capsys: pytest.CaptureFixture[str]) -> None:
    _, (line,) = explained(capsys, str(REJECT / "odd-entries-survived.json"))
    trial = next(trial for trial in line["trials"] if trial["trial"] == "NCT04265963")
    assert {row["id"]: row["answer"] for row in trial["criteria"]}["X1"] == "unknown"


def test_the_tables_for_people_name_trial_answer_and_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["explain", "--as-of", "2026-11-22", saved(tmp_path, relapsed_aml().lab("alt", 35))]) == 0
    shown = capsys.readouterr().out
    assert "NCT07144020: possible · recruiting (2026-08-22)" in shown
    assert "not yet reviewed by a haematologist" in shown


def test_the_tables_say_that_a_file_is_no_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(REJECT / "truncated.json")]) == 1
    assert "the file is not JSON: input data was truncated" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["explain"], ["explain", "--as-of", "tomorrow", "x"], ["explain", "--trial", "NCT1", "x"], ["nothing"]]
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_check_counts_what_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith("5 trials, 97 criteria (79 computed, 18 asked)")


def test_check_reports_each_fault(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    text = Path("cds_service/assumptions.yaml").read_text(encoding="utf-8")
    site.write_text(text.replace("fresh: 14 days", "fresh: soon"), encoding="utf-8")
    monkeypatch.setenv("CDS_ASSUMPTIONS", str(site))
    assert main(["check"]) == 1
    assert "site.yaml" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_TIMEZONE", "Mars/Olympus")
    assert main(["check"]) == 1
    assert capsys.readouterr().err == "cds-service: CDS_TIMEZONE must be a time zone such as Europe/Berlin\n"


def test_settings_are_listed_and_secrets_masked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_HASH_KEY", "canary")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert "CDS_HASH_KEY" in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "CDS_CLIENTS must name"),
        ({"CDS_AUTH": "off", "CDS_HOST": "0.0.0.0"}, "loopback"),
        ({"CDS_AUTH": "off", "CDS_PUBLIC_URL": "https://cds.example"}, "loopback"),
    ],
)
def test_the_service_is_never_open_by_accident(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["serve"]) == 1
    assert said in capsys.readouterr().err


def test_the_demonstration_shows_cards_no_cards_and_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    shown = capsys.readouterr().out
    assert "CD117 CAR-T NCT07144020" in shown
    assert "No cards." in shown
    assert "HTTP 412" in shown


def test_a_folder_without_stories_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["demo", "--fixtures", str(tmp_path)]) == 1
    assert "--fixtures" in capsys.readouterr().err
