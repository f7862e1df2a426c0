"""The cards as people read them."""

import re
from collections.abc import Callable

import pytest

from cds_service.cards import Display, cards, escape
from cds_service.evaluation import Findings
from cds_service.fhir.record import Gap, GapReason
from tests.criteria.test_robustness import candidate
from tests.records import Record, relapsed_aml

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
    order = [detail.index(f"**{title}**") for title in ("Speaks for it", "Missing", "A person must judge", "About the trial")]
    assert order == sorted(order)
    assert "ALT [LOINC 1742-6]".replace("[", "\\[").replace("]", "\\]") in detail


def test_an_exclusion_that_does_not_apply_is_not_read_as_a_finding(judge: Judge) -> None:
    detail = shown(judge, candidate())[0][1]
    assert detail.index("**Not excluded by**") < detail.index("Active infection with no cure")


def test_a_patient_without_the_disease_gets_no_card(judge: Judge) -> None:
    assert shown(judge, Record().condition("E11.9", "Type 2 diabetes")) == []


def test_unspecified_leukaemia_is_a_diagnosis_to_be_confirmed(judge: Judge) -> None:
    ((summary, detail),) = shown(judge, Record().condition("C95.00", "Acute leukemia of unspecified cell type"))
    assert summary.startswith("Other cell-therapy trials checked")
    assert "diagnosis to be confirmed" in detail


@pytest.mark.parametrize(("display", "named"), [(DISPLAY, False), (OPEN, True)])
def test_a_sensitive_reason_is_named_only_where_the_site_wants_it(judge: Judge, display: Display, named: bool) -> None:
    record = candidate().lab("hbsag", "Reactive", 1)
    others = next(detail for summary, detail in shown(judge, record, display) if summary.startswith("Other"))
    assert ("hepatitis" in others.lower()) is named
    assert ("a listed exclusion, see the record" in others) is not named


def test_a_gap_that_could_change_a_trial_is_a_warning(judge: Judge) -> None:
    findings = judge(relapsed_aml())
    gaps = (Gap("Observation", GapReason.TIMEOUT, "laboratory"),)
    last = cards(Findings(findings.facts, findings.matches, gaps, findings.digest), "Practitioner/x", DISPLAY)[-1]
    assert last.indicator == "warning"
    assert "did not answer in time" in str(last.detail)


def test_what_a_server_does_not_offer_is_no_warning(judge: Judge) -> None:
    findings = judge(relapsed_aml())
    gaps = (Gap("MedicationAdministration", GapReason.NOT_OFFERED, "medicationAdministrations"),)
    found = cards(Findings(findings.facts, findings.matches, gaps, findings.digest), "Practitioner/x", DISPLAY)
    assert all(card.indicator == "info" for card in found)


def test_one_medication_type_stands_for_the_others(judge: Judge) -> None:
    findings = judge(relapsed_aml())
    gaps = (Gap("MedicationAdministration", GapReason.NOT_SENT, "medicationAdministrations"),)
    found = cards(Findings(findings.facts, findings.matches, gaps, findings.digest), "Practitioner/x", DISPLAY)
    assert all(card.indicator == "info" for card in found)


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
    ],
)
def test_text_of_the_record_is_no_markup(text: str, safe: str) -> None:
    assert escape(text) == safe
