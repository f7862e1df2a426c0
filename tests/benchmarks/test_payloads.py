"""What the benchmarks send: the same every time, of an EHR's usual size, and worth an answer."""

import json
from datetime import date
from typing import Any

import pytest

from benchmarks import payloads
from cds_service.cards import Display
from cds_service.criteria.knowledge import Knowledge
from cds_service.hooks.patient_view import SERVICE
from cds_service.pipeline import answer
from cds_service.protocol import decode_request
from cds_service.settings import read_settings
from cds_service.terminology.codes import LOINC, Coding
from cds_service.terminology.value_set import AskedOf
from tests.conftest import ZONE

AS_OF = date(2026, 11, 25)
CHARTS = pytest.mark.parametrize("chart", [payloads.relapsed_aml, payloads.without_leukaemia])
DISPLAY = Display(hash_key=b"a key for tests", show_trials=frozenset(), show_closed_trials=True, show_sensitive_reasons=False)


def summaries(body: bytes, knowledge: Knowledge) -> list[str]:
    response = answer(SERVICE, decode_request(body, "patient-view"), knowledge, None, AS_OF, ZONE, DISPLAY)
    return [card.summary for card in response.cards]


def resources(body: bytes) -> list[dict[str, Any]]:
    bundles = json.loads(body)["prefetch"].values()
    return [entry["resource"] for bundle in bundles for entry in bundle.get("entry", [])]


@CHARTS
def test_the_same_seed_day_and_size_give_the_same_call(chart: Any) -> None:
    assert chart(100, AS_OF, seed=5) == chart(100, AS_OF, seed=5)
    assert chart(100, AS_OF, seed=5) != chart(100, AS_OF, seed=6)


@CHARTS
@pytest.mark.parametrize("observations", [100, 1_000])
def test_a_call_holds_what_it_is_named_for(chart: Any, observations: int) -> None:
    types = [resource["resourceType"] for resource in resources(chart(observations, AS_OF))]
    counted = [types.count(kind) for kind in ("Observation", "Condition", "MedicationStatement")]
    assert counted == [observations, 5, 5]


@CHARTS
def test_a_call_with_100_observations_weighs_about_99_kb_and_the_largest_is_not_refused(chart: Any) -> None:
    assert 90_000 < len(chart(100, AS_OF)) < 108_000
    assert len(chart(10_000, AS_OF)) < read_settings({}).max_body_bytes


@pytest.mark.parametrize("observations", [100, 1_000])
def test_relapsed_aml_gives_three_trials_cards(knowledge: Knowledge, observations: int) -> None:
    cards = summaries(payloads.relapsed_aml(observations, AS_OF), knowledge)
    assert [trial for trial in ("NCT07144020", "NCT04014881", "NCT06006403") if any(trial in card for card in cards)] == [
        "NCT07144020",
        "NCT04014881",
        "NCT06006403",
    ]


def test_a_chart_without_leukaemia_gives_no_card(knowledge: Knowledge) -> None:
    assert summaries(payloads.without_leukaemia(100, AS_OF), knowledge) == []


def test_at_least_twenty_results_are_of_tests_that_the_criteria_ask_for_and_no_bystander_is(knowledge: Knowledge) -> None:
    def is_known(test: payloads.Test) -> bool:
        coding = Coding(LOINC, test.code, test.display)
        found = knowledge.terminology.recognise(AskedOf.OBSERVATION, [coding], [test.display, test.text])
        return bool(found.by_code or found.by_text)

    assert len(payloads.MATTERING) >= 20
    assert all(is_known(result.test) for result in payloads.MATTERING)
    assert not any(is_known(test) for test in payloads.BYSTANDERS)
