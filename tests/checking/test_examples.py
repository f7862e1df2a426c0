"""The examples of the trial files: they hold, they reach every answer that a row can have, and a wrong one is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fhir.resources.R4B.bundle import Bundle

from cds_service.checking import examples
from cds_service.checking.examples import SHIPPED
from cds_service.criteria import load
from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import KnowledgeFault
from tests.conftest import SHORT

FILES = sorted(load.TRIALS.glob("*.yaml"))
EXAMPLES = {path.stem: yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)["examples"] for path in FILES}
PARTS = sorted(SHIPPED.glob("*.json"))
KINDS = ("met", "met, confirm", "not_met", "not_met, confirm", "unknown")

CANNOT = {
    "000-SEX": ({"not_met", "unknown"}, "no restriction is printed"),
    "001-I7": ({"not_met", "unknown"}, "no restriction is printed"),
    "000-I3": ({"not_met"}, "the printed sentence is cut off: without active disease a person has to read it"),
    "001-I8": ({"not_met"}, "where item 2 is not met, the other alternatives are for a person to judge"),
    "001-I9": ({"not_met"}, "whether a recorded illness is serious is for a person to judge"),
    "002-I6": ({"not_met"}, "whether a recorded illness is serious is for a person to judge"),
    "001-X2": ({"met"}, "whether an infection is controlled is for a person to judge"),
    "004-X3": ({"met"}, "whether an infection is controlled is for a person to judge"),
    "001-X7": ({"not_met"}, "its last part is for a person to judge"),
    "002-I6a": ({"met"}, "a person has to read the electrocardiogram"),
}
"""Row → the answers that it cannot have, and why."""


def names(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_examples_reach_every_answer_that_a_row_can_have(knowledge: Knowledge) -> None:
    short = {nct: number for number, nct in SHORT.items()}
    missing = {}
    for trial in knowledge.trials:
        reached: dict[str, set[str]] = {row.id: set() for row in trial.rows() if not row.asked}
        for example in EXAMPLES[trial.id]:
            for kind in KINDS:
                for row in names(example.get(kind, [])):
                    reached.get(row, set()).add(kind.partition(",")[0])
        missing |= {f"{short[trial.id]}-{row}": {"met", "not_met", "unknown"} - answers for row, answers in reached.items()}
    assert {row: answers for row, answers in missing.items() if answers} == {row: can for row, (can, _) in CANNOT.items()}


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_an_example_file_is_valid_fhir_of_the_invented_patient(path: Path) -> None:
    Bundle.model_validate_json(path.read_bytes())
    for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            assert resource["id"] == "example"
            assert resource["name"] == [{"family": "Example", "given": ["Invented"]}]
        else:
            assert resource["subject"] == {"reference": "Patient/example"}


def test_every_example_file_is_used() -> None:
    used = {name for of_trial in EXAMPLES.values() for example in of_trial for name in names(example["record"])}
    assert {path.stem for path in PARTS} == used


TRIAL = load.TRIALS / "NCT05943314.yaml"
TEXT = TRIAL.read_text(encoding="utf-8")
BEFORE = TEXT[: TEXT.index("examples:")]


@pytest.fixture
def faults_of(tmp_path: Path, knowledge: Knowledge) -> Callable[[str], list[str]]:
    """What `check` says of that trial with these examples."""

    def faults(written: str) -> list[str]:
        path = tmp_path / TRIAL.name
        path.write_text(BEFORE + written, encoding="utf-8")
        trial, source = load.read_trial(path, knowledge.assumptions)
        found: list[KnowledgeFault] = []
        read = examples.read(trial, source.document, tmp_path / "examples", found)
        return [str(fault) for fault in (*found, *examples.run(trial, read, source.document, knowledge))]

    return faults


def example(**changed: str) -> str:
    """One example, of a boy in relapse, with some keys changed or (empty) left out."""
    keys = {"story": "a boy", "record": "boy-born-in-may-2017", "as_of": "2026-11-22", "met": "AGE"} | changed
    lines = [f"{key}: {value}" for key, value in keys.items() if value]
    return "examples:\n  - " + "\n    ".join(lines) + "\n"


def test_an_example_that_holds_is_no_fault(faults_of: Callable[[str], list[str]]) -> None:
    assert faults_of(example()) == []


def test_a_wrong_answer_is_told_with_line_row_expectation_answer_and_reason(faults_of: Callable[[str], list[str]]) -> None:
    (fault,) = faults_of(example(as_of="2036-05-01", met="[AGE]"))
    line = BEFORE.count("\n") + 5
    assert fault == (
        f'NCT05943314.yaml:{line}: examples[0].met[0]: "a boy": AGE is expected met and is not_met '
        "(19 years old, outside 1 to 18); mend the criterion or the example"
    )


def test_what_is_to_be_confirmed_has_to_be_expected_so(faults_of: Callable[[str], list[str]]) -> None:
    relapsed = "[boy-born-in-may-2017, aml-coded-as-in-relapse]"
    (fault,) = faults_of(example(record=relapsed, met="D"))
    assert "D is expected met and is met, confirm" in fault
    assert faults_of(example(record=relapsed, met="", **{"met, confirm": "D"})) == []


BROKEN = [
    ("", "examples: are missing"),
    ("examples: []\n", "examples: are missing"),
    (example(as_of=""), "examples[0]: is no example: Object missing required field as_of"),
    (example(storry="x"), "examples[0]: is no example: Object contains unknown field storry"),
    (example(as_of="tomorrow"), "examples[0].as_of: is not a day"),
    (example(met="[AGE, I99]"), "examples[0].met[1]: speaks of I99, which is no row of this trial"),
    (example(unknown="AGE"), "examples[0].unknown: speaks of AGE twice"),
    (example(met=""), "examples[0]: expects nothing"),
    (example(record="girl-born-in-may-2017"), "examples[0].record: asks for girl-born-in-may-2017, which is no example"),
    (example(record="breast-cancer"), "examples[0].record: is not one patient's record"),
    (
        example(record="[boy-born-in-may-2017, viruses-positive, viruses-negative]"),
        "examples[0].record: has Observation/hiv in two of its files",
    ),
]


@pytest.mark.parametrize(("written", "problem"), BROKEN)
def test_a_broken_example_is_told_with_its_place(faults_of: Callable[[str], list[str]], written: str, problem: str) -> None:
    assert problem in "\n".join(faults_of(written))


@pytest.mark.parametrize("written", ["examples: nonsense\n", example(met="I99"), example(met="D")])
def test_a_broken_or_wrong_example_does_not_stop_the_service(tmp_path: Path, knowledge: Knowledge, written: str) -> None:
    path = tmp_path / TRIAL.name
    path.write_text(BEFORE + written, encoding="utf-8")
    assert load.load_trial(path, knowledge.assumptions).id == TRIAL.stem


def test_a_site_keeps_its_own_examples_beside_its_trials(faults_of: Callable[[str], list[str]], tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "girl.json").write_bytes((SHIPPED / "boy-born-in-may-2017.json").read_bytes())
    assert faults_of(example(record="[girl, aml-coded-as-in-relapse]", met="AGE")) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "is no Bundle of resources with ids"),
        ('{"entry": [{"resource": {"resourceType": "Patient"}}]}', "is no Bundle of resources with ids"),
        (
            '{"entry": [{"resource": {"resourceType": "Patient", "id": "x", "birthDate": 1980}}]}',
            "is not one patient's record",
        ),
    ],
)
def test_an_example_file_that_cannot_be_read_is_named(
    faults_of: Callable[[str], list[str]], tmp_path: Path, body: str, problem: str
) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "own.json").write_text(body, encoding="utf-8")
    assert problem in "\n".join(faults_of(example(record="own")))
