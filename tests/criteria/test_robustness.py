"""Whatever an EHR writes into an element: no crash, and no answer from what cannot be read."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.match import Outcome
from cds_service.errors import UnreadableRecord
from cds_service.evaluation import Findings, evaluate
from cds_service.explanation import as_json, explain
from cds_service.fhir.bundle import read_bundle
from tests.conftest import ZONE
from tests.records import AS_OF, LABS, Record, interpretation, relapsed_aml

STORIES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path("fhir_fixtures/patients").glob("*.json"))]
ODD = st.sampled_from(
    [
        None,
        0,
        -1,
        1e300,
        True,
        "",
        "x",
        "NaN",
        "19xx",
        "2026",
        "2099-01-01",
        "2026-02-30T25:61:00Z",
        [],
        {},
        [None],
        [[]],
        {"a": 1},
    ]
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_odd_element_is_a_crash(knowledge: Knowledge, data: st.DataObject) -> None:
    bundle = copy.deepcopy(data.draw(st.sampled_from(STORIES)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from([path for path in places(bundle) if path]))
        parent = bundle
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = copy.deepcopy(data.draw(ODD))
    try:
        record = read_bundle(json.dumps(bundle).encode())
    except UnreadableRecord:
        return
    assert as_json(explain(evaluate(record, knowledge, AS_OF, ZONE), AS_OF))


def candidate() -> Record:
    """A man for whom NCT07144020 leaves nothing open."""
    record = relapsed_aml().lab("marrow_blasts", 40).lab("cd117_stain", None, interpretation=interpretation("POS"))
    for name, value in (("alt", 30), ("ast", 30), ("bilirubin", 10), ("creatinine", 80), ("lvef", 60), ("spo2_room_air", 97)):
        record.lab(name, value)
    record.lab("ecog", 1).lab("qtc", 430)
    for name in ("hiv", "hbsag", "anti_hbc", "hcv_ab"):
        record.lab(name, "Negative")
    return record


def outcome(findings: Findings, trial: str = "NCT07144020") -> Outcome:
    return next(match.outcome for match in findings.matches if match.trial.id == trial)


def test_a_full_record_is_a_candidate(judge: Callable[[Record], Findings]) -> None:
    assert outcome(judge(candidate())) is Outcome.CANDIDATE


COUNT = len(candidate().resources)


@pytest.mark.parametrize("index", range(1, COUNT))
def test_taking_evidence_away_never_makes_a_candidate_of_a_barred_patient(
    judge: Callable[[Record], Findings], index: int
) -> None:
    barred = candidate().lab("hiv", "Reactive", 1)
    del barred.resources[index]
    assert outcome(judge(barred)) is Outcome.INELIGIBLE


@pytest.mark.parametrize(
    "name", ["alt", "ast", "bilirubin", "creatinine", "lvef", "spo2_room_air", "ecog", "qtc", "hiv", "hbsag"]
)
def test_without_one_result_the_patient_is_no_candidate(judge: Callable[[Record], Findings], name: str) -> None:
    record = candidate()
    code = LABS[name][0]
    record.resources = [r for r in record.resources if r.get("code", {}).get("coding", [{}])[0].get("code") != code]
    assert len(record.resources) == COUNT - 1
    assert outcome(judge(record)) is Outcome.POSSIBLE


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(1, COUNT)))
def test_the_order_of_entries_changes_no_answer(judge: Callable[[Record], Findings], order: list[int]) -> None:
    shuffled = candidate()
    shuffled.resources = [shuffled.resources[0], *(shuffled.resources[index] for index in order)]
    expected = judge(candidate())
    assert [[a.verdict.answer for a in m.answers] for m in judge(shuffled).matches] == [
        [a.verdict.answer for a in m.answers] for m in expected.matches
    ]
