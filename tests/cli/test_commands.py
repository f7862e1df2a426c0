"""The command line: explain as promised, check, settings, demo; clear errors and exit statuses."""

import io
import json
import re
import socket
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cds_service.app import create_app
from cds_service.cli import main
from cds_service.sandbox import stories
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server
from cds_service.sandbox.running import running
from cds_service.sandbox.stories import WRITTEN_FOR
from cds_service.settings import read_settings
from tests.records import Record, relapsed_aml
from tests.web.ehr import KEYS

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
    _, (line,) = explained(capsys, "--trial", "nct05943314", saved(tmp_path, relapsed_aml()))
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


def test_a_fault_of_ours_in_one_file_is_told_by_its_place_and_costs_the_others_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails_once(*arguments: Any) -> Any:
        monkeypatch.undo()
        raise KeyError("canary of a record")

    monkeypatch.setattr("cds_service.cli.explain.evaluate", fails_once)
    status, (refused, answered) = explained(capsys, saved(tmp_path, relapsed_aml()), saved(tmp_path, relapsed_aml(), "b.json"))
    assert status == 1
    assert refused["error"]["code"] == "unforeseen"
    assert "KeyError in tests.cli" in refused["error"]["message"]
    assert "canary" not in json.dumps(refused)
    assert answered["patient"] == "p"


def test_an_unforeseen_error_is_one_line_without_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any, **options: Any) -> Any:
        raise ValueError("canary")

    monkeypatch.setattr("cds_service.cli.check.knowledge_of_site", fails)
    assert main(["check"]) == 1
    assert "unforeseen ValueError in tests.cli" in (said := capsys.readouterr().err)
    assert "canary" not in said


def test_a_file_whose_name_is_no_text_has_its_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    status, (line,) = explained(capsys, "nowhere-\udcff.json")
    assert (status, line["error"]["code"]) == (1, "not-readable")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_any_day_of_the_calendar_can_be_judged_on(capsys: pytest.CaptureFixture[str], tmp_path: Path, day: str) -> None:
    assert main(["explain", "--format", "json", "--as-of", day, saved(tmp_path, relapsed_aml().lab("alt", 30))]) == 0
    assert json.loads(capsys.readouterr().out)["asOf"] == day


def test_documents_are_utf_8_whatever_the_terminal_can_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    record = saved(tmp_path, relapsed_aml())
    assert main(["explain", "--format", "json", "--as-of", "2026-11-22", record]) == 0
    assert "≥" in written.getvalue().decode()
    assert main(["explain", "--as-of", "2026-11-22", record]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["explain", "--as-of", "tomorrow", "x"],
        ["explain", "--as-of", "20261122", "x"],
        ["explain", "--as-of", "2026-11-31", "x"],
        ["explain", "--trial", "NCT1", "x"],
        ["demo", "--fhir-server", "localhost:8090"],
        ["nothing"],
    ],
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


@pytest.mark.parametrize(("name", "value"), [("CDS_PORT", "0"), ("CDS_PORT", "70000"), ("CDS_THREADS", "0")])
def test_a_number_that_cannot_serve_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err.startswith(f"cds-service: {name} must be a whole number from 1 to ")


def test_a_trial_to_be_shown_that_is_none_stops_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDS_SHOW_TRIALS", "NCT07144020,NCT0714402O")
    assert main(["demo"]) == 1
    assert "CDS_SHOW_TRIALS names NCT0714402O, which is no trial here" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve"], ["demo", "--serve"]])
def test_a_port_in_use_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("CDS_PORT", str(other.getsockname()[1]))
        assert main(command) == 1
    assert re.fullmatch(
        r"cds-service: port \d+ cannot be used \(.+\); end what uses it, or set CDS_PORT\n", capsys.readouterr().err
    )


@pytest.fixture
def few_stories(tmp_path: Path) -> str:
    for name in ("relapsed-cd117-positive", "type-2-diabetes"):
        (tmp_path / f"{name}.json").write_bytes(Path(f"fhir_fixtures/patients/{name}.json").read_bytes())
    return str(tmp_path)


def test_the_demonstration_can_be_given_with_a_fhir_server_of_the_users(
    capsys: pytest.CaptureFixture[str], few_stories: str
) -> None:
    with running(create_fhir_server(ResourceStore())) as address:
        arguments = ["demo", "--fixtures", few_stories, "--fhir-server", f"{address}/fhir"]
        assert main(arguments) == 1
        assert "does not have the patient relapsed-cd117-positive; load the patients with --load" in capsys.readouterr().err
        assert main([*arguments, "--load"]) == 0
        assert "CD117 CAR-T NCT07144020" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "load", "said"),
    [
        ("http://127.0.0.1:1/fhir", [], "cannot be reached (unreachable)"),
        ("http://127.0.0.1:1/fhir", ["--load"], "cannot be reached (unreachable)"),
        ("/elsewhere", [], "does not have the patient"),
        ("/elsewhere", ["--load"], "answers 405"),
    ],
)
def test_a_fhir_server_that_does_not_play_along_is_named_with_what_is_wrong(
    capsys: pytest.CaptureFixture[str], few_stories: str, path: str, load: list[str], said: str
) -> None:
    with running(create_fhir_server(ResourceStore())) as address:
        url = path if path.startswith("http") else f"{address}/fhir{path}"
        assert main(["demo", "--fixtures", few_stories, "--fhir-server", url, *load]) == 1
    assert f"cds-service: {url} {said}" in capsys.readouterr().err


def test_the_demonstration_shows_cards_no_cards_and_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    shown = capsys.readouterr().out
    assert "CD117 CAR-T NCT07144020" in shown
    assert "No cards." in shown
    assert "HTTP 412" in shown


def test_a_folder_without_stories_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["demo", "--fixtures", str(tmp_path)]) == 1
    assert "--fixtures" in capsys.readouterr().err


def test_the_demonstration_can_be_given_with_a_service_that_runs_already(
    capsys: pytest.CaptureFixture[str], few_stories: str, tmp_path: Path
) -> None:
    """It judges by its own clock, so that the patients' dates are moved to today."""
    with running(create_fhir_server(ResourceStore([]), refused=frozenset())) as fhir:
        settings = {"CDS_AUTH": "off", "CDS_FHIR_SERVERS": f"{fhir}/fhir", "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite"}
        with running(create_app(read_settings(settings))) as service:
            arguments = ["demo", "--service", service, "--fhir-server", f"{fhir}/fhir", "--fixtures", few_stories]
            assert main([*arguments, "--load"]) == 0
            shown = capsys.readouterr().out
            assert "CD117 CAR-T NCT07144020 (recruiting)" in shown
            assert f"curl -s {service}/cds-services/" in shown
        assert main([*arguments, "--load"]) == 1
        assert f"{service} cannot be reached (unreachable)" in capsys.readouterr().err


def test_the_demonstration_says_that_a_service_with_authentication_is_not_for_it(
    capsys: pytest.CaptureFixture[str], few_stories: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "keys.json").write_text(KEYS, encoding="utf-8")
    (site / "clients.yaml").write_text("clients: [{iss: https://ehr.example, jwks: keys.json}]\n", encoding="utf-8")
    settings = {
        "CDS_CLIENTS": f"{site}/clients.yaml",
        "CDS_PUBLIC_URL": "http://localhost:8080",
        "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite",
    }
    with running(create_app(read_settings(settings))) as service:
        arguments = ["demo", "--service", service, "--fhir-server", "http://127.0.0.1:9/fhir", "--fixtures", few_stories]
        assert main(arguments) == 1
    assert "answers 401; the demonstration signs nothing: let the service run with CDS_AUTH=off" in capsys.readouterr().err


@pytest.mark.parametrize("day", [date(2024, 2, 29), WRITTEN_FOR.date(), date(2031, 3, 1)])
def test_stories_told_on_another_day_keep_every_span(day: date) -> None:
    written, moved = stories.load(), stories.told_on(day, stories.load())
    later = day - WRITTEN_FOR.date()
    pairs = list(zip(days_in(written), days_in(moved), strict=True))
    assert len(pairs) > 500
    assert all(after - before == later for before, after in pairs)


def days_in(patients: object) -> list[date]:
    """Every whole date, in the order of the file."""
    return [date.fromisoformat(found) for found in re.findall(r'"(\d{4}-\d{2}-\d{2})[T"]', json.dumps(patients))]
