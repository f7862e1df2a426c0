"""What `check` says of knowledge that loads and yet cannot decide: a broken file for each fault."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds_service import strict_yaml
from cds_service.assumptions import DEFAULT_FILE
from cds_service.assumptions import load as load_assumptions
from cds_service.checking import reach, unused, value_sets
from cds_service.checking.check import check
from cds_service.checking.limits import Limits
from cds_service.checking.roots import TrialFile, trial_files, words_of_readings, words_of_trials
from cds_service.checking.sense import Sense
from cds_service.criteria import load
from cds_service.criteria.knowledge import Knowledge
from cds_service.terminology.value_set_files import DIRECTORY
from cds_service.terminology.value_set_files import load as load_value_sets

Faults = Callable[[str], list[str]]

TRIAL = load.TRIALS / "NCT05943314.yaml"
TEXT = TRIAL.read_text(encoding="utf-8")
LINES = [str(number) for number, line in enumerate(TEXT.splitlines(), 1) if "id: AG" in line or "ask: Do the" in line]
ASKED = "    ask: Do the leukaemia cells carry CLL-1, CD33 or both? (no antigen criterion is published)\n"


def test_nothing_is_found_in_our_own_knowledge(knowledge: Knowledge) -> None:
    found = check(knowledge)
    assert [str(fault) for fault in found.faults] == []
    assert found.examples >= 80


@pytest.fixture
def faults_of(tmp_path: Path, knowledge: Knowledge) -> Faults:
    """What is said of a trial whose second criterion is this node."""

    def faults(node: str) -> list[str]:
        assert ASKED in TEXT
        path = tmp_path / TRIAL.name
        path.write_text(TEXT.replace(ASKED, f"    {node}\n", 1), encoding="utf-8")
        trial, source = load.read_trial(path, knowledge.assumptions)
        words = words_of_trials((TrialFile(path, trial, source),))
        sense = Sense(knowledge.readings, knowledge.assumptions)
        found = (
            *reach.unreachable(words, sense),
            *Limits(knowledge.assumptions).impossible(words),
            *value_sets.overlapping(words, sense, knowledge.terminology),
        )
        return [str(fault) for fault in found if fault.file == TRIAL.name]

    return faults


def cases(*steps: str) -> str:
    return f"cases: [{', '.join(steps)}, {{otherwise: {{answer: unknown, because: x}}}}]"


def found(word: str, answer: str = "met", when: str = "found") -> str:
    return f"{{{when}: {word}, answer: {answer}}}"


def both(one: str, other: str) -> str:
    return f"all: [{one}, {other}]"


AML, SARCOMA, EITHER = "{condition: aml}", "{condition: myeloid_sarcoma}", "{condition: [aml, myeloid_sarcoma]}"
RECENT, OLDER = "{therapy: t_cell_inhibitor, within: medication}", "{therapy: t_cell_inhibitor, within: medication_unclear}"
ALT_5, ALT_3 = "{observation: alt, above: 5 x ULN, window: chemistry}", "{observation: alt, above: 3 x ULN, window: chemistry}"

UNREACHABLE = [
    ("the same case twice", cases(found(AML), found(AML, "not_met")), "cases[1]: can never decide: cases[0]"),
    ("a part of an earlier case", cases(found(EITHER), found(AML, "not_met")), "cases[1]: can never decide: cases[0]"),
    (
        "what two earlier cases share",
        cases(found(AML), found(SARCOMA), found(EITHER, "unknown")),
        "cases[2]: can never decide: cases[1]",
    ),
    ("a shorter span after a longer", cases(found(OLDER, "unknown"), found(RECENT)), "cases[1]: can never decide: cases[0]"),
    ("a higher value after a lower", cases(found(ALT_3), found(ALT_5, "unknown")), "cases[1]: can never decide: cases[0]"),
    (
        "a stricter status after a wider",
        cases(found("{condition: gvhd, status: unresolved}"), found("{condition: gvhd, status: active}", "unknown")),
        "cases[1]: can never decide: cases[0]",
    ),
    (
        "a whole after its part",
        cases(found(AML), found(f"{{all: [{AML}, {{sex: male}}]}}", "unknown")),
        "cases[1]: can never decide: cases[0]",
    ),
    (
        "a reading after what it says",
        cases(found("{condition: bpdcn}"), found("{shared_reading: bpdcn}", "unknown")),
        "cases[1]: can never decide: cases[0]",
    ),
    (
        "the newest result after any result",
        cases(
            found("{finding: hiv_rna, is: positive, window: ever}"),
            found("{finding: hiv_rna, is: positive, window: serology_positive}", "unknown"),
        ),
        "cases[1]: can never decide: cases[0]",
    ),
    (
        "more relapses after fewer",
        cases(found("{course: relapses, at_least: 1}"), found("{course: relapses, at_least: 2}", "unknown")),
        "cases[1]: can never decide: cases[0]",
    ),
    (
        "fewer years after more",
        cases(found("{age: completed years, at_most: 15}"), found("{age: completed years, at_most: 9}", "unknown")),
        "cases[1]: can never decide: cases[0]",
    ),
    ("a question", cases(found("{ask: Is it so}")), "cases[0]: can never decide: nothing in a record meets it"),
    ("what follows what always is", cases(found("{sex: any}")), "cases[1]: can never decide: cases[0] always decides"),
    ("words beside one that always is", f"any: [{{sex: any}}, {AML}]", "any[0]: is always met"),
    ("the denial of what always is", "not: {sex: any}", "denies what is always so"),
    ("more than there are", f"count: {{at_least: 3, of: [{AML}, {SARCOMA}]}}", "is never met: 3 of 2"),
    ("none at all", f"count: {{at_least: 0, of: [{AML}]}}", "can never fail: 0 of 1"),
]
CONTRADICTIONS = [
    ("both sexes", "all: [{sex: male}, {sex: female}]"),
    ("a word and its denial", f"all: [{AML}, {{not: {AML}}}]"),
    ("a part and the denial of the whole", f"all: [{AML}, {{not: {EITHER}}}]"),
    ("too old and too young", "all: [{age: completed years, at_least: 18}, {age: completed years, at_most: 17}]"),
    ("above and below", f"all: [{ALT_5}, {{observation: alt, at_most: 3 x ULN, window: chemistry}}]"),
    (
        "above and below in two units",
        both(
            "{observation: creatinine, above: 3 mg/dL, window: chemistry}",
            "{observation: creatinine, below: 200 umol/L, window: chemistry}",
        ),
    ),
    (
        "positive and negative",
        both(
            "{finding: hbsag, is: positive, window: serology_positive}",
            "{finding: hbsag, is: negative, window: serology_negative}",
        ),
    ),
    (
        "early and late",
        both(
            "{course: last_relapse, after_remission_of: {at_most: 6 months}}",
            "{course: last_relapse, after_remission_of: {above: 6 months}}",
        ),
    ),
    (
        "remission and none",
        "all: [{course: response_to_last_line, is: remission}, {course: response_to_last_line, is: no remission}]",
    ),
    ("alternatives that are all denied", f"all: [{{any: [{AML}, {SARCOMA}]}}, {{not: {EITHER}}}]"),
    ("in a reading", "all: [{shared_reading: bpdcn}, {not: {condition: bpdcn}}]"),
]
REACHABLE = [
    ("a special case before the rule", cases(found(AML), found(EITHER, "unknown"))),
    ("a longer span after a shorter", cases(found(RECENT), found(OLDER, "unknown"))),
    ("a lower value after a higher", cases(found(ALT_5), found(ALT_3, "unknown"))),
    ("what is open after what is sure", cases(found(AML), found(AML, "unknown", "if"))),
    ("what may be so after what is sure", cases(found(AML), found(AML, "unknown", "possible"))),
    ("another kind of test", cases(found(ALT_5), found(ALT_5.replace("alt", "ast"), "unknown"))),
    ("both limits inside", f"all: [{ALT_3}, {{observation: alt, at_most: 5 x ULN, window: chemistry}}]"),
    (
        "one value",
        both(
            "{observation: lvef, at_least: 50 %, window: echocardiography}",
            "{observation: lvef, at_most: 50 %, window: echocardiography}",
        ),
    ),
    (
        "positive once and negative once",
        "all: [{finding: hiv_screen, is: positive, window: ever}, {finding: hiv_screen, is: negative, window: ever}]",
    ),
    ("two diseases", f"all: [{AML}, {SARCOMA}]"),
]


@pytest.mark.parametrize(("node", "problem"), [c[1:] for c in UNREACHABLE], ids=[c[0] for c in UNREACHABLE])
def test_a_part_that_can_never_decide_is_reported(faults_of: Faults, node: str, problem: str) -> None:
    (fault,) = faults_of(node)
    assert problem in fault
    assert re.match(r"NCT05943314\.yaml:(\d+): criteria\[1\]", fault)[1] in LINES


@pytest.mark.parametrize("node", [c[1] for c in CONTRADICTIONS], ids=[c[0] for c in CONTRADICTIONS])
def test_words_that_contradict_each_other_are_reported(faults_of: Faults, node: str) -> None:
    (fault,) = faults_of(node)
    assert "criteria[1].all[1]: contradicts criteria[1].all[0]: never both are met; mend one of them" in fault


@pytest.mark.parametrize("node", [c[1] for c in REACHABLE], ids=[c[0] for c in REACHABLE])
def test_what_can_decide_is_not_reported(faults_of: Faults, node: str) -> None:
    assert faults_of(node) == []


LIMITS = [
    ("{age: completed years, at_least: 80, at_most: 70}", "is never met: nobody is 80 to 70"),
    ("{age: completed years, at_least: 121}", "is never met: nobody is 121 to 120"),
    ("{age: completed years, at_least: 0}", "can never fail"),
    ("{observation: alt, below: 0 U/L, window: chemistry}", "below: is never met: no result is below 0"),
    ("{observation: alt, at_least: 0 U/L, window: chemistry}", "at_least: can never fail: no result is below 0"),
    ("{observation: alt, below: 0 x ULN, window: chemistry}", "below: is never met: no result is below 0"),
    ("{observation: lvef, above: 100 %, window: echocardiography}", "above: is never met: no result is above 100"),
    ("{observation: lvef, at_most: 100 %, window: echocardiography}", "at_most: can never fail: no result is above 100"),
    ("{share: bilirubin_direct, of: bilirubin_total, at_least: 101 %}", "at_least: is never met"),
    ("{oxygen_saturation: on room air, above: 100 %, window: oxygen_saturation}", "above: is never met"),
    ("{performance: karnofsky, above: 100}", "above: is never met: no result is above 100"),
    ("{performance: ecog, at_most: 5}", "at_most: can never fail: no result is above 5"),
    (
        "{performance: ecog, at_most: 2, derived: [{scale: karnofsky, met: {at_least: 50}, not_met: {at_most: 50}}]}",
        "derived[0]: has grades that are both met and not met",
    ),
    (
        "{performance: ecog, at_most: 2, derived: [{scale: karnofsky, met: {above: 100}, not_met: {at_most: 50}}]}",
        "derived[0].met: is never met",
    ),
    ("{observation: lvef, at_least: 50 mg/dL, window: echocardiography}", "at_least: is in mg/dL, in which lvef is not given"),
    ("{observation: alt, below: 5 umol/L, window: chemistry}", "below: is in umol/L, in which alt is not given"),
    ("{observation: alt, below: 5 bananas, window: chemistry}", "below: is in bananas, in which alt is not given"),
    ("{observation: alt, above: qtc_normal, window: chemistry}", "above: is in ms, in which alt is not given"),
    ("{oxygen_saturation: on room air, above: 92 mmHg, window: oxygen_saturation}", "above: is in mmHg"),
    (
        f"{{agree: [{ALT_5}, {{observation: alt, below: 3 x ULN, window: chemistry}}]}}",
        "agree[1]: leaves no value to criteria[1].agree[0]",
    ),
]


@pytest.mark.parametrize(("node", "problem"), LIMITS)
def test_a_limit_out_of_reach_is_reported(faults_of: Faults, node: str, problem: str) -> None:
    (fault,) = faults_of(node.removeprefix("{").removesuffix("}") if "agree" in node else f"all: [{node}]")
    assert problem in fault


@pytest.mark.parametrize(
    ("limit", "problem"), [("{above: 100 %}", "no result is above 100"), ("{at_least: 0 %}", "no result is below 0")]
)
def test_a_relapse_that_no_marrow_shows_or_every_one_is_reported(
    tmp_path: Path, knowledge: Knowledge, limit: str, problem: str
) -> None:
    path = tmp_path / TRIAL.name
    path.write_text(TEXT.replace("marrow_blasts: {at_least: 5 %}", f"marrow_blasts: {limit}"), encoding="utf-8")
    (fault,) = Limits(knowledge.assumptions).relapses([TrialFile(path, *load.read_trial(path, knowledge.assumptions))])
    assert "definitions.relapse.marrow_blasts" in fault.place
    assert problem in fault.problem


def changed_value_sets(tmp_path: Path, name: str, change: Callable[[dict[str, object]], None]) -> Path:
    shutil.copytree(DIRECTORY, tmp_path / "value_sets")
    path = tmp_path / "value_sets" / f"{name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path.parent


def include(system: str, code: str) -> Callable[[dict[str, object]], None]:
    def change(content: dict[str, object]) -> None:
        compose = content["compose"]
        assert isinstance(compose, dict)
        compose["include"].append({"system": system, "concept": [{"code": code}]})

    return change


ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LIMITED_OR_NOT = cases(
    found("{condition: organ_limited_autoimmune_disease}"), found("{condition: systemic_autoimmune_disease}", "unknown")
)


def test_a_code_in_two_sets_that_a_criterion_tells_apart_is_reported(tmp_path: Path, knowledge: Knowledge) -> None:
    directory = changed_value_sets(tmp_path, "organ_limited_autoimmune_disease", include(ICD, "M32.9"))
    path = tmp_path / TRIAL.name
    path.write_text(TEXT.replace(ASKED, f"    {LIMITED_OR_NOT}\n", 1), encoding="utf-8")
    trial, source = load.read_trial(path, knowledge.assumptions)
    words = words_of_trials((TrialFile(path, trial, source),))
    sense = Sense(knowledge.readings, knowledge.assumptions)
    found_ = list(value_sets.overlapping(words, sense, load_value_sets(directory)))
    fault = next(str(fault) for fault in found_ if fault.file == TRIAL.name)
    assert "criteria[1].cases[1]: tells systemic_autoimmune_disease from organ_limited_autoimmune_disease" in fault
    assert "http://hl7.org/fhir/sid/icd-10-cm M329 is in both" in fault
    assert "compose.exclude" in fault


def test_a_value_set_that_nothing_asks_for_is_reported(tmp_path: Path, knowledge: Knowledge) -> None:
    directory = changed_value_sets(tmp_path, "seizure", lambda content: None)
    text = (directory / "seizure.json").read_text(encoding="utf-8")
    (directory / "fits.json").write_text(text.replace('"name": "seizure"', '"name": "fits"'), encoding="utf-8")
    words = (*words_of_trials(trial_files(knowledge)), *words_of_readings(knowledge))
    (fault,) = unused.unused_value_sets(words, load_value_sets(directory))
    assert str(fault).startswith("fits.json: is asked for by nothing")


def own_assumptions(tmp_path: Path, old: str, new: str) -> Path:
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "site.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


A_DAY = "{fresh: 1 days, recheck: 1 days, superseded_by: [], source: x}"
ASSUMED = [
    (
        "windows:\n",
        "windows:\n  tea:\n    {fresh: 1 days, recheck: 1 days, superseded_by: [], source: x}\n",
        "windows.tea: is used",
    ),
    ("spans:\n", "spans:\n  tea: {length: 1 days, source: x}\n", "spans.tea: is used by nothing; use it, or drop it"),
    ("limits:\n", "limits:\n  tea: {any: 1 %, source: x}\n", "limits.tea: is used by nothing"),
    (
        "default_upper_limits:\n",
        "default_upper_limits:\n  lvef: {any: 1 %, source: x}\n",
        "default_upper_limits.lvef: is used by",
    ),
    ("recheck: 28 days", "recheck: 7 days", "windows.chemistry.recheck: is shorter than fresh"),
    ("male: 55 U/L", "male: 55 umol/L", "default_upper_limits.alt.male: is in umol/L, in which alt is not given"),
]


@pytest.mark.parametrize(("old", "new", "problem"), ASSUMED)
def test_an_assumption_that_cannot_work_or_is_not_used_is_reported(
    tmp_path: Path, knowledge: Knowledge, old: str, new: str, problem: str
) -> None:
    path = own_assumptions(tmp_path, old, new)
    document, assumptions = strict_yaml.load(path), load_assumptions(path)
    words = words_of_trials(trial_files(replace(knowledge, assumptions=assumptions)))
    (fault,) = (
        fault
        for fault in (*Limits(assumptions).assumed(document), *unused.unused_assumptions(words, assumptions, document))
        if str(fault).startswith("site.yaml:") and problem in str(fault)
    )
    assert fault.line is not None
