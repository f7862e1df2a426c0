"""The knowledge as shipped, and what `check` says of broken files."""

from pathlib import Path

import pytest

from cds_service.assumptions import load as load_assumptions
from cds_service.criteria import load
from cds_service.criteria.knowledge import Knowledge, load_knowledge
from cds_service.errors import KnowledgeErrors

# The 97 rows in the protocols' order, as agreed with those who build on `explain`.
ROWS = {
    "NCT04014881": "I1 I1A I1B.i I1B.ii I1B.iii I1B.iv I1B.v I1B.vi I2 I3 SEX X*",
    "NCT04265963": (
        "I1 I2 I2.1 I2.2 I2.3 I2.4 I2.D I3 I4 I5 I6 I7 I8 I9 I10 I11a I11b I12 I13 I14 I15 X1 X2 X3 X4 X5 X6 X7 X7a X7b X7c X7d"
    ),
    "NCT05943314": "D AG AGE X*",
    "NCT06006403": "I1 I2 I3 I3a I3b1 I3b2 I3b3 I3b4 I3b5 I3c I4 I5 I6 I6a I6b I6c I6d1 I6e I7 X*",
    "NCT07144020": ("I1 I2 I2n I2a I2b1 I2b2 I2b3 I2b4 I2b5 I3 I4a I4b I4c I5 I6 I7 I8 I9 I10 AGE X1 X2 X3 X4 X5 X6 X7 X8 X9"),
}
PARTS = {
    "NCT04014881": {"I1": "I1A I1B.i I1B.ii I1B.iii I1B.iv I1B.v I1B.vi"},
    "NCT04265963": {"I2": "I2.1 I2.2 I2.3 I2.4 I2.D", "X7": "X7a X7b X7c X7d"},
    "NCT05943314": {},
    "NCT06006403": {"I3": "I3a I3b1 I3b2 I3b3 I3b4 I3b5 I3c"},
    "NCT07144020": {"I2": "I2a I2b1 I2b2 I2b3 I2b4 I2b5"},
}


def test_every_row_of_the_protocols_is_there_in_its_order(knowledge: Knowledge) -> None:
    assert {trial.id: " ".join(row.id for row in trial.rows()) for trial in knowledge.trials} == ROWS


def test_parts_name_the_sentence_that_they_belong_to(knowledge: Knowledge) -> None:
    for trial in knowledge.trials:
        named = {row.id: row.part_of for row in trial.rows() if row.part_of is not None}
        assert named == {part: whole for whole, parts in PARTS[trial.id].items() for part in parts.split()}


def test_at_least_78_rows_are_computed_and_at_most_19_asked(knowledge: Knowledge) -> None:
    rows = [row for trial in knowledge.trials for row in trial.rows()]
    assert len(rows) == 97
    assert sum(row.asked for row in rows) <= 19


def test_only_one_trial_recruits(knowledge: Knowledge) -> None:
    assert [trial.id for trial in knowledge.trials if trial.recruitment.is_open()] == ["NCT07144020"]


def test_no_reading_has_been_reviewed_yet(knowledge: Knowledge) -> None:
    assert all(trial.reviewed is None for trial in knowledge.trials)


def test_the_digest_changes_with_the_assumptions(tmp_path: Path, knowledge: Knowledge) -> None:
    site = tmp_path / "site.yaml"
    text = Path("cds_service/assumptions.yaml").read_text(encoding="utf-8")
    site.write_text(text.replace("fresh: 14 days", "fresh: 13 days"), encoding="utf-8")
    assert load_knowledge(site).digest != knowledge.digest


GOOD = (load.TRIALS / "NCT05943314.yaml").read_text(encoding="utf-8")
BROKEN = [
    ("at_most: 18", "at_moost: 18", "unknown field"),
    ("at_most: 18", "at_most: eighteen", "is not a whole number"),
    ("kind: inclusion", "kind: inklusion", "use inclusion or exclusion"),
    ("id: NCT05943314", "id: NCT00000000", "is not the file's name"),
    ("course: relapses", "course: relapsed", "has no such value"),
    ("at_least: 1}", "at_least: 0}", "can never fail"),
    ("course: refractory_as_stated", "{course: refractory_as_stated, at_least: 2}", "does not go with"),
    ("{at_least: 5 %}", "{at_least: 5 %, above: 5 %}", "needs one limit"),
    ("{at_least: 5 %}", "{at_least: 5}", "is not a percentage"),
    ("age: completed years", "age: years", "is not an age"),
    ("reviewed: null", "reviewed: null\nreviewed: null", "stands twice"),
    ("course: active", "criterion: I99", "does not stand above"),
    ("complete: no", "complete: maybe", "use yes or no"),
    ("as_of: 2026-08-22", "as_of: yesterday", "write YYYY-MM-DD"),
    ("- id: AG\n", "- id: D\n", "twice"),
    ("all:\n      - shared_reading: aml\n", "all: []\n    any:\n", "joins and holds other keys"),
    ("ask_list: ", "ask_liszt: ", "words of the vocabulary"),
    ("title:", "titel:", "wrong header"),
]


@pytest.mark.parametrize(("old", "new", "problem"), BROKEN)
def test_a_broken_trial_file_is_reported_with_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_trial(path, load_assumptions())
    assert problem in str(caught.value)
    assert "NCT05943314.yaml" in str(caught.value)
    assert all(fault.fix for fault in caught.value.faults)


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(GOOD.replace("course: relapses", "course: x").replace("at_most: 18", "at_most: y"), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_trial(path, load_assumptions())
    assert len(caught.value.faults) == 2


def test_a_fault_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(GOOD.replace("at_most: 18", "at_most: y"), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_trial(path, load_assumptions())
    line = next(n for n, text in enumerate(GOOD.splitlines(), 1) if "at_most: 18" in text)
    assert caught.value.faults[0].line == line


def test_a_value_set_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    for path in load.TRIALS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("observation: alt,", "observation: altt,")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match="asks for the value set altt"):
        load_knowledge(trials_directory=tmp_path)


def test_faults_of_several_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "NCT05943314.yaml").write_text(GOOD.replace("at_most: 18", "at_most: y"), encoding="utf-8")
    (tmp_path / "NCT00000000.yaml").write_text("id: x", encoding="utf-8")
    (tmp_path / "alt.json").write_text("{", encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load_knowledge(trials_directory=tmp_path, value_sets_directory=tmp_path)
    assert {fault.file for fault in caught.value.faults} == {"NCT05943314.yaml", "NCT00000000.yaml", "alt.json"}


def test_a_folder_without_trials_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeErrors, match="there is no trial file"):
        load_knowledge(trials_directory=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("fresh: 14 days", "fresh: a fortnight", "is not a length"),
        ("male: 450 ms", "male: long", "is not a limit"),
        ("superseded_by: [course]", "superseded_by: [weather]", "weather is not known"),
        ("limits:", "limitz:", "right shape"),
        ("at_least: 5 %, at_most: 95 %", "at_least: 95 %, at_most: 5 %", "is not a range"),
        ("at_least: 5 %, at_most: 95 %", "at_least: 5 %, at_most: 95 ms", "is not a range"),
        ("at_least: 5 %, at_most: 95 %", "at_least: 5 ms, at_most: 95 ms", "unit that does not fit the test"),
        ("  lvef: {at_least", "  lvfe: {at_least", "is no value set"),
    ],
)
def test_broken_assumptions_stop_the_start(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "site.yaml"
    text = Path("cds_service/assumptions.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=problem):
        load_knowledge(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a: &x [1]\nb: *x", "alias"), ("a: {<<: {b: 1}}", "merges"), ("a: [", "is not YAML"), ("a: 1\na: 2", "stands twice")],
)
def test_yaml_that_says_less_than_it_seems_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "readings.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=problem):
        load.load_readings(path, load_assumptions())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  nadir: {", "  nadirr: {", "spans.nadir: is missing"),
        ("any: 1.0 10*9/L", "any: 1000 /uL", "limits.cr_neutrophils: is in another unit than the one shipped"),
    ],
)
def test_a_sites_assumptions_must_have_what_is_asked_for(tmp_path: Path, old: str, new: str, problem: str) -> None:
    site = tmp_path / "site.yaml"
    text = Path("cds_service/assumptions.yaml").read_text(encoding="utf-8")
    assert old in text
    site.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load_assumptions(site)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ("{condition: alt}", "asks for alt as Condition, and the set is of Observation"),
        ("{procedure: epilepsy}", "asks for epilepsy as Procedure, and the set is of Condition"),
        ("{therapy: tuberculosis}", "asks for tuberculosis as Medication, and the set is of Condition"),
        ("{therapy: cytarabine, for: cytarabine}", "asks for cytarabine as Condition, and the set is of Medication"),
        ("{observation: cytarabine, above: 5 %, window: marrow}", "asks for cytarabine as Observation"),
        ("{finding: pregnancy_status, is: aml, window: ever}", "asks for aml as answer, and the set is of Condition"),
        ("{antigen: cytarabine}", "asks for cytarabine as Observation"),
    ],
)
def test_a_value_set_of_another_kind_stops_the_start(tmp_path: Path, node: str, problem: str) -> None:
    asked = "    ask: Do the leukaemia cells carry CLL-1, CD33 or both? (no antigen criterion is published)\n"
    assert asked in GOOD
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(GOOD.replace(asked, f"    all: [{node}]\n", 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load_knowledge(trials_directory=tmp_path)
    assert f"AG: {problem}" in str(caught.value)


def test_readings_that_refer_to_themselves_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "readings.yaml"
    text = load.READINGS.read_text(encoding="utf-8")
    own.write_text(f"{text}\none: {{shared_reading: other}}\nother: {{not: {{shared_reading: one}}}}\n", encoding="utf-8")
    monkeypatch.setattr(load, "READINGS", own)
    with pytest.raises(KnowledgeErrors) as caught:
        load_knowledge()
    assert "refers to itself" in str(caught.value)
