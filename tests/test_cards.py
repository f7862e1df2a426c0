"""The cards as people read them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cds_service.cards import Display, cards, escape
from cds_service.criteria.knowledge import Knowledge
from cds_service.evaluation import Findings, evaluate
from cds_service.fhir.bundle import read_bundle
from cds_service.fhir.record import Gap, GapReason
from cds_service.protocol import Card
from tests.conftest import ZONE
from tests.criteria.test_robustness import candidate
from tests.records import AS_OF, Record, relapsed_aml

DISPLAY = Display(hash_key=b"key")
OPEN = Display(hash_key=b"key", show_sensitive_reasons=True)
Judge = Callable[[Record], Findings]


def shown(judge: Judge, record: Record, display: Display = DISPLAY) -> list[tuple[str, str]]:
    return [(card.summary, str(card.detail)) for card in cards(judge(record), "Practitioner/x", display)]


def test_candidates_that_recruit_come_first(judge: Judge) -> None:
    first, *others = shown(judge, candidate())
    assert first[0].startswith("CD117 CAR-T NCT07144020 (recruiting)")
    assert "no listed criterion fails" in first[0]
    assert all("recruiting)" not in summary for summary, _ in others)


def test_every_summary_fits_a_line(judge: Judge) -> None:
    for record in (candidate(), relapsed_aml(), Record().condition("C95.00", "Acute leukemia")):
        assert all(len(summary) < 140 for summary, _ in shown(judge, record))


def test_no_card_ever_says_eligible(judge: Judge) -> None:
    for summary, detail in shown(judge, candidate()):
        assert not re.search(r"is eligible", f"{summary} {detail}", re.IGNORECASE)


def test_a_card_tells_what_speaks_what_is_missing_and_what_a_person_must_judge(judge: Judge) -> None:
    detail = next(detail for summary, detail in shown(judge, relapsed_aml()) if "NCT07144020" in summary)
    titles = ("Speaks for it", "Missing", "A person must judge", "Not excluded by", "About the trial")
    order = [detail.index(f"**{title}**") for title in titles]
    assert order == sorted(order)
    assert "ALT [LOINC 1742-6]".replace("[", "\\[").replace("]", "\\]") in detail


def test_what_only_a_person_can_read_is_not_called_missing(judge: Judge) -> None:
    detail = next(detail for summary, detail in shown(judge, candidate()) if "NCT06006403" in summary)
    assert detail.index("**A person must judge**") < detail.index("a person has to read the electrocardiogram")


def test_an_exclusion_of_which_nothing_is_on_record_is_said_briefly_and_to_be_confirmed(judge: Judge) -> None:
    detail = shown(judge, candidate())[0][1]
    assert "**Active infection with no cure** (X3): nothing on record *(please confirm)*" in detail


def test_the_newest_date_is_of_what_was_used(judge: Judge) -> None:
    record = candidate().named_test("Ferritin", "normal", 1)
    assert "Newest data used: 2026-11-21" not in shown(judge, record)[0][1]


def test_an_exclusion_that_does_not_apply_is_not_read_as_a_finding(judge: Judge) -> None:
    detail = shown(judge, candidate())[0][1]
    assert detail.index("**Not excluded by**") < detail.index("Active infection with no cure")


def test_a_patient_without_the_disease_gets_no_card(judge: Judge) -> None:
    assert shown(judge, Record().condition("E11.9", "Type 2 diabetes")) == []


def test_unspecified_leukaemia_is_a_diagnosis_to_be_confirmed_said_once_for_all_trials(judge: Judge) -> None:
    ((summary, detail),) = shown(judge, Record().condition("C95.00", "Acute leukemia of unspecified cell type"))
    assert summary == "Cell-therapy trials checked, diagnosis to be confirmed: 4 open, 1 ruled out"
    assert detail.count("diagnosis to be confirmed") == 1


def test_in_remission_the_first_line_says_so(judge: Judge) -> None:
    ((summary, _),) = shown(judge, Record().condition("C92.01", "AML in remission"))
    assert summary.startswith("Cell-therapy trials checked, in remission since 2026-10-01: ")


OPEN_GATES = [
    (relapsed_aml(), "NCT04265963", "whether relapsed or refractory by its definition (the remission before the relapse is"),
    (Record().condition("C92.01", "AML in remission"), "NCT07144020", "open: in remission since 2026-10-01 → marrow\n"),
    (
        Record().condition("C92.00", "AML", verification="provisional"),
        "NCT07144020",
        "(2026-10-01): not confirmed → the diagnosis; then,",
    ),
    (Record().condition("C86.4", "BPDCN"), "NCT06006403", "failure of salvage, or intolerance, is for a person to judge →"),
]


@pytest.mark.parametrize(("record", "trial", "said"), OPEN_GATES)
def test_an_open_trial_says_in_few_words_why_and_what_would_settle_it(
    judge: Judge, record: Record, trial: str, said: str
) -> None:
    (line,) = [line for line in shown(judge, record)[-1][1].split("- ") if trial in line]
    assert said in line
    assert len(line) < 600


def test_a_trial_for_another_disease_is_ruled_out_for_want_of_it(judge: Judge) -> None:
    detail = shown(judge, Record().condition("C86.4", "BPDCN"))[-1][1]
    assert "(I1): no record of Acute myeloid leukaemia (and 1 more)" in detail


@pytest.mark.parametrize(("display", "named"), [(DISPLAY, False), (OPEN, True)])
def test_a_sensitive_reason_is_named_only_where_the_site_wants_it(judge: Judge, display: Display, named: bool) -> None:
    record = candidate().lab("hbsag", "Reactive", 1)
    others = next(detail for summary, detail in shown(judge, record, display) if summary.startswith("Other"))
    assert ("hepatitis" in others.lower()) is named
    assert ("a listed exclusion, see the record" in others) is not named


def test_a_sensitive_reason_that_is_no_obstacle_or_open_is_not_told_either(judge: Judge) -> None:
    clear, unasked = (shown(judge, record)[0][1] for record in (candidate(), relapsed_aml()))
    assert "**Infected with AIDS virus** (X8): no obstacle; see the record" in clear
    assert "**Infected with AIDS virus** (X8): open; see the record\n" in unasked


SENSITIVE = [
    candidate().condition("B22.0", "canary: HIV disease resulting in encephalopathy"),
    candidate().condition("B18.1", "canary: chronic hepatitis B"),
    candidate().condition("F20.0", "canary: paranoid schizophrenia"),
    relapsed_aml(sex="female").condition("O09.90", "canary: supervision of pregnancy"),
]


@pytest.mark.parametrize("record", SENSITIVE)
def test_no_row_whatever_names_what_a_sensitive_one_asks_for(judge: Judge, record: Record) -> None:
    assert "canary" not in " ".join(summary + detail for summary, detail in shown(judge, record))
    assert "canary" in " ".join(detail for _, detail in shown(judge, record, OPEN))


STORIES = [path for path in sorted(Path("fhir_fixtures/patients").glob("*.json")) if path.stem != "many-observations"]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_order_of_the_entries_and_repeats_change_no_card(knowledge: Knowledge, path: Path) -> None:
    bundle = json.loads(path.read_text(encoding="utf-8"))

    def of(entries: list[Any]) -> list[Card]:
        record = read_bundle(json.dumps({**bundle, "entry": entries}).encode())
        return cards(evaluate(record, knowledge, AS_OF, ZONE), "Practitioner/x", DISPLAY)

    entries = bundle["entry"]
    assert of(entries) == of(entries[::-1]) == of([*entries, *entries])


def with_gaps(findings: Findings, *gaps: Gap) -> list[Card]:
    return cards(replace(findings, gaps=gaps), "Practitioner/x", DISPLAY)


NOT_SENT = GapReason.NOT_SENT
GAPS = [
    ((Gap("Observation", GapReason.TIMEOUT, "laboratory"),), "laboratory: the FHIR server did not answer in time"),
    (
        (Gap("Observation", NOT_SENT, "vitalSigns"), Gap("Procedure", NOT_SENT, "procedures")),
        "vital signs, procedures: not sent",
    ),
    ((Gap("Condition", GapReason.NOT_OFFERED, "conditions"),), "conditions: not offered"),
    ((Gap("Medication", GapReason.SERVER_ERROR),), "Medication: the FHIR server answered with an error"),
]


@pytest.mark.parametrize(("gaps", "said"), GAPS)
def test_a_gap_that_could_change_a_trial_is_a_warning(judge: Judge, gaps: tuple[Gap, ...], said: str) -> None:
    last = with_gaps(judge(relapsed_aml()), *gaps)[-1]
    assert last.indicator == "warning"
    assert said in str(last.detail)


def test_a_warning_names_the_first_parts_and_counts_the_others(judge: Judge) -> None:
    gaps = [Gap("Observation", NOT_SENT, key) for key in ("laboratory", "vitalSigns", "imaging", "antigens", "assessments")]
    summary = with_gaps(judge(relapsed_aml()), *gaps)[-1].summary
    assert summary == "Trial check not fully evaluated: lacks laboratory, vital signs, imaging and 2 more"


@pytest.mark.parametrize("reason", [GapReason.NOT_OFFERED, NOT_SENT])
def test_one_medication_type_stands_for_the_others(judge: Judge, reason: GapReason) -> None:
    found = with_gaps(judge(relapsed_aml()), Gap("MedicationAdministration", reason, "medicationAdministrations"))
    assert all(card.indicator == "info" for card in found)


def test_what_a_server_does_not_offer_is_named_in_the_detail(judge: Judge) -> None:
    gap = Gap("MedicationAdministration", GapReason.NOT_OFFERED, "medicationAdministrations")
    assert "Not offered by the EHR: MedicationAdministration" in str(with_gaps(judge(relapsed_aml()), gap)[0].detail)


def test_no_warning_where_every_trial_is_barred_anyway(judge: Judge) -> None:
    barred = relapsed_aml("2025-12-01")  # eleven months old: too young for all
    assert all(match.barring for match in judge(barred).matches)
    assert [card.indicator for card in with_gaps(judge(barred), Gap("Observation", NOT_SENT, "laboratory"))] == ["info"]


def test_a_long_or_steering_text_of_the_record_stays_a_line(judge: Judge) -> None:
    record = relapsed_aml().condition("C92.02", "\x1b[2J\u202eAML\x00 " + "in relapse " * 500)
    details = " ".join(detail for _, detail in shown(judge, record))
    assert "\x1b" not in details
    assert "\u202e" not in details
    assert max(map(len, details.splitlines())) < 2000


def test_a_diagnosis_whose_words_are_no_letters_is_still_named(judge: Judge) -> None:
    record = relapsed_aml().condition("C92.02", "\x00")
    assert "an entry without words (2026-10-01)" in shown(judge, record)[0][1]


def test_another_user_gets_another_card_id(judge: Judge) -> None:
    findings = judge(candidate())
    one, other = (cards(findings, user, DISPLAY)[0].uuid for user in ("Practitioner/a", "Practitioner/b"))
    assert one != other


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a|b", "a\\|b"),
        ("*x*", "\\*x\\*"),
        ("a\n\nb", "a b"),
        ("[a](b)", "\\[a\\](b)"),
        ("&", "&amp;"),
        ("see http://x.example/y", "see http: //x.example/y"),
        ("WWW.x.example", "WWW. x.example"),
    ],
)
def test_text_of_the_record_is_no_markup(text: str, safe: str) -> None:
    assert escape(text) == safe
