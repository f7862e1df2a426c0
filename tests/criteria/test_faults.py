"""What is told of a fault in a file of knowledge: the file, the place, what is wrong there and how to mend it."""

from pathlib import Path

import pytest

from cds_service.assumptions import load as load_assumptions
from cds_service.criteria import load
from cds_service.criteria.knowledge import load_knowledge
from cds_service.errors import KnowledgeErrors

GOOD = (load.TRIALS / "NCT05943314.yaml").read_text(encoding="utf-8")
COUNT = "{course: relapses, at_least: 1}"
REFRACTORY = "course: refractory_as_stated"
AGE = "age: completed years\n    at_least: 1\n    at_most: 18"
DEFINITION = "definitions.relapse"
BOTH = "write {at_most: 6 months} or {above: 6 months}"
OF_RELAPSE = "{course: relapse, after_remission_of: {at_most: 6 months}"

# what is replaced and by what; the end of the place, the problem and the fix
FAULTS = [
    (COUNT, "{course: relapses}", ".any[0]", "counts without a number", "add at_least"),
    (COUNT, "{course: relapses, at_least: 0}", ".at_least", "can never fail", "ask for one at least"),
    (COUNT, "{course: relapses, at_least: 1.5}", ".at_least", "is not a whole number", "write digits only"),
    (COUNT, "{course: relapse}", ".any[0]", "asks nothing of the relapse", "write {course: relapses, at_least: 1}"),
    (COUNT, "{course: relapse, after_remission_of: {}}", ".after_remission_of", "is not one length", BOTH),
    (
        COUNT,
        "{course: relapse, after_remission_of: {at_most: 6 months, above: 1 months}}",
        ".after_remission_of",
        "is not one length",
        BOTH,
    ),
    (
        COUNT,
        "{course: relapse, after_remission_of: {below: 6 months}}",
        ".after_remission_of",
        "has no such value",
        "use one of: above, at_most",
    ),
    (
        COUNT,
        "{course: relapse, after_remission_of: {at_most: half a year}}",
        ".after_remission_of.at_most",
        "is not a length",
        'write "14 days" or "6 months"',
    ),
    (
        COUNT,
        f"{OF_RELAPSE}, treated_with: chemotherapy}}",
        ".treated_with",
        "stands without then",
        "say how the treatment ended",
    ),
    (COUNT, f"{OF_RELAPSE}, treated_with: surgery}}", ".treated_with", "has no such value", "use one of: chemotherapy"),
    (COUNT, f"{OF_RELAPSE}, at_least: 2}}", ".at_least", "does not go with relapse", "drop it"),
    (COUNT, "{course: relapses, at_least: 1, is: remission}", ".is", "does not go with relapses", "drop it"),
    (REFRACTORY, "{course: refractory_as_stated, then: remission}", ".then", "does not go with", "drop it"),
    ("marrow_blasts: {at_least: 5 %}", "marrow_blasts: {}", "marrow_blasts", "needs one limit", "give one of above, at_least"),
    ("{at_least: 5 %}", "{at_least: 101 %}", f"{DEFINITION}.marrow_blasts", "is not a percentage", 'write "5 %"'),
    ("{at_least: 5 %}", "{at_least: -1 %}", f"{DEFINITION}.marrow_blasts", "is not a percentage", 'write "5 %"'),
    ("{at_least: 5 %}", "{at_least: 5 g}", f"{DEFINITION}.marrow_blasts", "is not a percentage", 'write "5 %"'),
    (
        "{at_least: 5 %}",
        "{above: 5 %, exactly: relapse}",
        f"{DEFINITION}.marrow_blasts.exactly",
        "has no such value",
        "use one of: a person judges",
    ),
    (
        "{at_least: 5 %}",
        "{above: 5 %, by: flow}",
        f"{DEFINITION}.marrow_blasts.by",
        "has no such value",
        "use one of: morphology",
    ),
    ("blood_blasts: any", "blood_blasts: some", f"{DEFINITION}.blood_blasts", "has no such value", "use one of: any, none"),
    (
        "extramedullary: any",
        "extramedullary: some",
        f"{DEFINITION}.extramedullary",
        "has no such value",
        "use one of: any, none",
    ),
    ("kind: inclusion", "kind: inklusion", "criteria[0].kind", "has no such value", "use inclusion or exclusion"),
    ("id: NCT05943314", "id: NCT00000000", "id", "is not the file's name", "write NCT05943314"),
    ("complete: no", "complete: maybe", "completeness.complete", "has no such value", "use yes or no"),
    ("as_of: 2026-08-22", "as_of: yesterday", "recruitment.as_of", "is not a day", "write YYYY-MM-DD"),
    ("- id: AG\n", "- id: D\n", "criteria", "has the id D twice", "give each criterion its own id"),
    (AGE, f"{AGE}\n    shown: none", "criteria[2].shown", "is not a list", "list the criteria"),
    (AGE, f"{AGE}\n    beside: none", "criteria[2].beside", "is not a list", "list the criteria"),
    (
        AGE,
        "condition: aml\n    because: silence says it",
        "criteria[2]",
        "says because or history without if_absent",
        "add if_absent or drop them",
    ),
    (
        AGE,
        "observation: alt\n    window: chemistry\n    below: 5 x ULN\n    above: 1 x ULN",
        "criteria[2]",
        "has 2 operators",
        "give one of below, at_most, at_least, above",
    ),
    (
        AGE,
        "observation: alt\n    window: chemistry\n    below: many x ULN",
        "criteria[2].below",
        "is not a number",
        "write digits, with a point for decimals",
    ),
    (
        AGE,
        "finding: hiv\n    is: positive",
        "criteria[2]",
        "needs one of window and within",
        "give the newest result's window, or a span for any result",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "problem", "fix"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_names_its_file_place_and_fix(tmp_path: Path, old: str, new: str, place: str, problem: str, fix: str) -> None:
    assert old in GOOD
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_trial(path, load_assumptions())
    (fault,) = caught.value.faults
    assert fault.file == "NCT05943314.yaml"
    assert fault.place is not None and fault.place.endswith(place)
    assert problem in fault.problem
    assert fault.fix == fix


@pytest.mark.parametrize("text", ["- a list", "a sentence", "12"])
def test_a_file_that_is_no_trial_is_told_as_such(tmp_path: Path, text: str) -> None:
    path = tmp_path / "NCT05943314.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_trial(path, load_assumptions())
    (fault,) = caught.value.faults
    assert (fault.place, fault.problem, fault.fix) == ("", "is not a trial", "start with id, title …")


def test_a_wrong_reading_is_told_with_the_others(tmp_path: Path) -> None:
    path = tmp_path / "readings.yaml"
    path.write_text("a:\n  course: relapsed\nb:\n  age: years\n", encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load.load_readings(path, load_assumptions())
    assert len(caught.value.faults) == 2
    assert {fault.file for fault in caught.value.faults} == {"readings.yaml"}


@pytest.mark.parametrize(
    ("old", "new", "place", "problem", "fix"),
    [
        (
            "superseded_by: [course]",
            "superseded_by: [weather]",
            "windows.chemistry.superseded_by",
            "weather is not known",
            "use some of: anthracycline, course, heart_failure",
        ),
        ("  lvef: {at_least", "  lvfe: {at_least", "plausible.lvfe", "is no value set", "mend the name"),
        (
            "at_least: 5 %, at_most: 95 %",
            "at_least: 5 ms, at_most: 95 ms",
            "plausible.lvef",
            "has a unit that does not fit the test",
            "mend the unit",
        ),
    ],
)
def test_a_fault_of_the_assumptions_names_them(tmp_path: Path, old: str, new: str, place: str, problem: str, fix: str) -> None:
    path = tmp_path / "site.yaml"
    text = Path("cds_service/assumptions.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeErrors) as caught:
        load_knowledge(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.place, fault.problem, fault.fix) == ("assumptions.yaml", place, problem, fix)
