"""The codes that nothing recognises: counted, proposed for, and drafted as a map in which nothing is applied."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.conceptmap import ConceptMap

from cds_service.cli import main
from cds_service.criteria.knowledge import load_knowledge
from cds_service.terminology.codes import CONCEPTS
from tests.records import Record, days_ago

LOCAL = "urn:hospital:codes"
EXAMPLE = sorted(str(path) for path in Path("fhir_fixtures/local_codes/records").glob("*.json"))
MAPS = "fhir_fixtures/local_codes/concept_maps"


def concept(
    code: str | None, display: str | None = None, text: str | None = None, system: str | None = LOCAL
) -> dict[str, Any]:
    coding = {"system": system, "code": code, "display": display}
    coding = {key: value for key, value in coding.items() if value is not None}
    return {**({"coding": [coding]} if coding else {}), **({"text": text} if text else {})}


def result(code: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": "final", "effectiveDateTime": days_ago(3), "code": code, **more}


def saved(tmp_path: Path, *records: Record) -> list[str]:
    paths = [tmp_path / f"record-{number}.json" for number, _ in enumerate(records)]
    for path, record in zip(paths, records, strict=True):
        path.write_bytes(record.body())
    return [str(path) for path in paths]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["codes", "--format", "json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [one["code"] for one in found["codes"]]


def test_the_most_frequent_comes_first_with_its_count_and_its_records(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    glucose, sodium = concept("GLU", "Glucose"), concept("NA", "Sodium")
    one = (
        Record()
        .add("Observation", **result(sodium))
        .add("Observation", **result(glucose))
        .add("Observation", **result(glucose))
    )
    other = Record().add("Observation", **result(concept("GLU", "Glucose, serum")))
    found = told(capsys, *saved(tmp_path, one, other))
    assert [(one["code"], one["count"], one["records"], one["display"]) for one in found["codes"]] == [
        ("GLU", 3, 2, "Glucose"),
        ("NA", 1, 1, "Sodium"),
    ]
    assert found["records"] == 2


EVERYWHERE = [
    (Record().add("Condition", code=concept("X")), "Condition", "Condition"),
    (Record().add("Procedure", status="completed", code=concept("X")), "Procedure", "Procedure"),
    (Record().add("Observation", **result(concept("X"))), "Observation", "Observation"),
    (
        Record().add("Observation", **result({"text": "Panel"}, component=[{"code": concept("X")}])),
        "Observation",
        "Observation",
    ),
    (Record().named_test("HBsAg", None, valueCodeableConcept=concept("X")), "answer", "Observation"),
    (
        Record().add("MedicationRequest", status="active", medicationCodeableConcept=concept("X")),
        "Medication",
        "MedicationRequest",
    ),
    (Record().add("Medication", code=concept("X")), "Medication", "Medication"),
    (Record().add("Medication", ingredient=[{"itemCodeableConcept": concept("X")}]), "Medication", "Medication"),
    (
        Record().add(
            "MedicationAdministration",
            status="completed",
            contained=[{"resourceType": "Medication", "id": "m", "code": concept("X")}],
            medicationReference={"reference": "#m"},
        ),
        "Medication",
        "Medication",
    ),
    (
        Record().add(
            "MedicationStatement",
            status="active",
            medicationCodeableConcept={"text": "prednisone"},
            reasonCode=[concept("X")],
        ),
        "Condition",
        "MedicationStatement",
    ),
]


@pytest.mark.parametrize(("record", "asked_of", "resource_type"), EVERYWHERE)
def test_every_coded_element_that_decides_is_looked_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, record: Record, asked_of: str, resource_type: str
) -> None:
    (one,) = told(capsys, *saved(tmp_path, record))["codes"]
    assert (one["code"], one["system"], one["askedOf"], one["resourceTypes"]) == ("X", LOCAL, asked_of, [resource_type])


NOT_TOLD = [
    Record().condition("C92.00", "AML"),
    Record().condition("E11.9", "Type 2 diabetes"),
    Record().add("Condition", code={"coding": [*concept("X")["coding"], {"system": "http://loinc.org", "code": "2345-7"}]}),
    Record().add(
        "Observation", **result({"coding": [*concept("X")["coding"], {"system": "http://loinc.org", "code": "1742-6"}]})
    ),
    Record().named_test("Smoking status", None, valueCodeableConcept=concept("never")),
    Record().add(
        "MedicationStatement", status="active", medicationCodeableConcept={"text": "metformin"}, reasonCode=[concept("X")]
    ),
    Record().add("Condition", code={"text": "Gout"}),
    Record().add("Condition", code=concept(" ", "Gout")),
    Record().add("Encounter", type=[concept("X")]),
]


@pytest.mark.parametrize("record", NOT_TOLD)
def test_what_is_known_or_decides_nothing_is_not_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, record: Record
) -> None:
    assert codes(told(capsys, *saved(tmp_path, record))) == []


def test_standard_codes_that_no_value_set_holds_are_told_on_demand(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = saved(tmp_path, Record().condition("E11.9", "Type 2 diabetes"))
    assert codes(told(capsys, "--standard", *files)) == ["E11.9"]


def test_elements_without_any_code_are_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = saved(tmp_path, Record().add("Condition", code={"text": "Gout"}).add("Condition", code=concept("X")))
    assert told(capsys, *files)["withoutACode"] == 1


@pytest.mark.parametrize(
    ("named", "proposed"),
    [
        (concept("X", "Akute myeloische Leukämie"), ("aml", "91861009", True)),
        (concept("X", "急性髓系白血病"), ("aml", "91861009", True)),
        (concept("X", "Hepatitis B carrier (inactive)"), ("hbv_infection", "235871004", True)),
        (concept("X", "乳腺癌"), ("other_malignancy", None, True)),
        (concept("X", "Gout"), None),
        (concept("X"), None),
    ],
)
def test_a_diagnosis_is_proposed_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, named: dict[str, Any], proposed: tuple[str, str | None, bool] | None
) -> None:
    (one,) = told(capsys, *saved(tmp_path, Record().add("Condition", code=named)))["codes"]
    near = one["proposal"]
    assert (near and (near["valueSet"], near["code"], near["byWords"])) == proposed


@pytest.mark.parametrize(
    ("display", "value_set", "code"),
    [
        ("Bili total", "bilirubin_total", "14631-6"),
        ("ALT (SGPT)", "alt", "1742-6"),
        ("谷丙转氨酶", "alt", "1742-6"),
        ("CD123 Blasten", "cd123", "cd123"),
    ],
)
def test_a_test_is_proposed_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, display: str, value_set: str, code: str
) -> None:
    (one,) = told(capsys, *saved(tmp_path, Record().add("Observation", **result(concept("X", display)))))["codes"]
    assert (one["proposal"]["valueSet"], one["proposal"]["code"]) == (value_set, code)


@pytest.mark.parametrize("display", ["Creatinine clearance", "Glucose", "Sodium"])
def test_another_test_is_not_proposed(capsys: pytest.CaptureFixture[str], tmp_path: Path, display: str) -> None:
    (one,) = told(capsys, *saved(tmp_path, Record().add("Observation", **result(concept("X", display)))))["codes"]
    assert one["proposal"] is None


def test_words_of_the_record_help_to_propose_but_are_never_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    record = Record(name=[{"family": "Zzyzx"}]).add("Condition", code=concept("X", text="Zzyzx has an acute myeloid leukemia"))
    (file,) = saved(tmp_path, record)
    target = tmp_path / "draft.json"
    for form in ("text", "json", "csv"):
        target.unlink(missing_ok=True)
        assert main(["codes", "--format", form, "--write-map", str(target), file]) == 0
        shown = capsys.readouterr()
        assert "91861009" in shown.out
        assert "Zzyzx" not in shown.out + shown.err + target.read_text(encoding="utf-8")


def test_the_draft_is_valid_and_nothing_in_it_is_applied(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "maps" / "draft.json"
    target.parent.mkdir()
    assert main(["codes", "--write-map", str(target), *EXAMPLE]) == 0
    assert "codes to be looked at" in capsys.readouterr().err
    ConceptMap.model_validate_json(target.read_bytes())
    (file,) = load_knowledge(concept_maps_directory=target.parent).maps.files
    assert (file.translated, set(file.not_applied)) == (0, {"relatedto", "without a target"})


def test_a_draft_in_which_a_person_wrote_equivalent_and_active_is_applied(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    files = saved(tmp_path, Record().add("Observation", **result(concept("X", "CD123 Blasten"))))
    assert main(["codes", "--write-map", str(maps / "ours.json"), *files]) == 0
    draft = (maps / "ours.json").read_text(encoding="utf-8")
    (maps / "ours.json").write_text(draft.replace("relatedto", "equivalent").replace('"draft"', '"active"'), encoding="utf-8")
    monkeypatch.setenv("CDS_CONCEPT_MAPS", str(maps))
    capsys.readouterr()
    assert codes(told(capsys, *files)) == []
    assert CONCEPTS in draft


def test_a_code_that_a_person_found_to_be_none_of_ours_is_not_told_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDS_CONCEPT_MAPS", MAPS)
    assert codes(told(capsys, *EXAMPLE)) == ["D-3090"]


@pytest.mark.parametrize("code", [concept("X", system=None), concept("two  spaces")])
def test_a_code_that_no_map_can_hold_is_told_and_left_out_of_the_draft(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, code: dict[str, Any]
) -> None:
    (file,) = saved(tmp_path, Record().add("Condition", code=code))
    target = tmp_path / "draft.json"
    assert main(["codes", "--write-map", str(target), file]) == 0
    shown = capsys.readouterr()
    assert "0 codes to be looked at; 1 without a code system, or no FHIR codes, are left out" in shown.err
    assert "group" not in json.loads(target.read_text(encoding="utf-8"))


def test_a_map_is_never_overwritten(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "ours.json"
    target.write_text("an hour's work", encoding="utf-8")
    assert main(["codes", "--write-map", str(target), *EXAMPLE]) == 1
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "an hour's work"


def test_a_draft_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["codes", "--write-map", str(tmp_path / "nowhere" / "draft.json"), *EXAMPLE]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


def test_the_table_is_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["codes", *EXAMPLE]) == 0
    shown = capsys.readouterr().out
    assert "Codes that nothing recognises, in 2 records" in shown
    assert "LOINC 1742-6" in shown
    assert ": which code?" in shown


def test_the_table_says_how_much_has_no_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["codes", *saved(tmp_path, Record().add("Condition", code={"text": "Gout"}))]) == 0
    assert "1 elements have no code at all" in capsys.readouterr().out


def test_the_csv_has_a_line_for_each_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "--format", "csv", *EXAMPLE]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 10
    assert next(row for row in rows if row["code"] == "GPT")["proposedCode"] == "1742-6"
    assert next(row for row in rows if row["code"] == "D-1101")["proposal"] == ""


def test_a_file_that_is_no_record_is_told_and_the_others_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "--format", "json", "fhir_fixtures/reject/truncated.json", EXAMPLE[0]]) == 1
    shown = capsys.readouterr()
    assert "fhir_fixtures/reject/truncated.json: the file is not JSON: input data was truncated" in shown.err
    assert json.loads(shown.out)["records"] == 1


def test_the_guide_runs_as_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each command of the guide that does not go to a file, in its order."""
    guide = Path("docs/add-a-sites-codes.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [line.removeprefix("$ ") for line in guide.splitlines() if line.startswith("$ ") and ">" not in line]
    for command in commands:
        words = command.replace("concept-maps", str(tmp_path / "maps")).split()
        setting, words = (words[0], words[1:]) if "=" in words[0] else ("CDS_CONCEPT_MAPS=", words)
        monkeypatch.setenv(*setting.split("="))
        if words[0] == "mkdir":
            Path(words[1]).mkdir()
        else:
            given = [str(path) for word in words[1:] for path in (Path().glob(word) if "*" in word else [word])]
            assert main(given) == 0, command
    assert len(commands) == 6
