"""The disease course: each story is told as a record, and read by each trial's own definition (rulings 3 to 19)."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.match import match_all
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.fhir.bundle import read_bundle
from tests.records import AS_OF, SNOMED, Record, days_ago

TRIALS = {"000": "NCT04014881", "001": "NCT04265963", "002": "NCT06006403", "003": "NCT05943314", "004": "NCT07144020"}

PRIMARY_REFRACTORY = ("000-I1B.i", "002-I3b1", "004-I2b1")
RELAPSED = ("000-I1A", "001-I2.D", "002-I3a", "004-I2a")
WITHIN_12_MONTHS = ("000-I1B.ii", "002-I3b2", "004-I2b2")
LATE_AND_RESISTANT = ("000-I1B.iii", "002-I3b3", "004-I2b3")
TWICE = ("000-I1B.iv", "001-I2.4", "002-I3b4", "004-I2b4")
OUTSIDE = ("000-I1B.v", "002-I3b5", "004-I2b5")
RELAPSE_GATES = ("000-gate", "002-gate", "003-gate", "004-gate")
GATES = (*RELAPSE_GATES, "001-gate")


def patient() -> Record:
    """AML, found on 10 January 2025 with 60 % blasts."""
    aml = Record().condition("C92.00", "Acute myeloblastic leukemia", onset="2025-01-10", recorded="2025-01-10")
    return aml.marrow(60, "2025-01-10")


def in_remission() -> Record:
    """In complete remission on 12 February 2025, after 7+3."""
    return patient().induction("2025-01-12").remission("2025-02-12")


def consolidated() -> Record:
    """And given high-dose cytarabine to 5 March 2025."""
    return in_remission().given("cytarabine", "2025-03-01", "2025-03-05", dosage=[{"text": "3 g/m2 every 12 hours"}])


def relapsed(on: str = "2026-11-10", blasts: Any = 30) -> Record:
    """A first relapse, 21 months after the remission."""
    return consolidated().marrow(blasts, on)


def answers(knowledge: Knowledge, record: Record, as_of: date = AS_OF) -> dict[str, str]:
    """Every row and gate: the answer, with ! where it is to be confirmed."""
    facts = extract.facts(read_bundle(record.body()), Recogniser(knowledge.terminology), as_of, ZoneInfo("UTC"))
    found = {}
    for match in match_all(knowledge.trials, knowledge.case(facts), knowledge.sensitive):
        number = next(key for key, trial in TRIALS.items() if trial == match.trial.id)
        verdicts = {a.criterion.id: a.verdict for a in match.answers} | {"gate": match.gate}
        found |= {f"{number}-{row}": f"{v.answer.value}{'!' if v.confirm else ''}" for row, v in verdicts.items()}
    return found


def each(rows: tuple[str, ...], answer: str) -> dict[str, str]:
    return dict.fromkeys(rows, answer)


def sarcoma(recorded: str, **more: Any) -> dict[str, Any]:
    return {"code": "404155008", "text": "Granulocytic sarcoma affecting skin", "system": SNOMED, "recorded": recorded, **more}


STORIES: dict[str, tuple[Record, dict[str, str]]] = {
    # Primary refractory disease: two courses of a standard induction (rulings 5 and 13).
    "two inductions without remission are primary refractory disease": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").marrow(35, "2025-03-10"),
        each(PRIMARY_REFRACTORY, "met") | each(RELAPSED, "not_met") | {"001-I2.1": "not_met"},
    ),
    "one induction without remission is not": (
        patient().induction("2025-01-12").marrow(40, "2025-02-12"),
        each(PRIMARY_REFRACTORY, "not_met") | {"001-I2.1": "not_met"},
    ),
    "a second induction that reached remission is not": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").remission("2025-03-10"),
        each(PRIMARY_REFRACTORY, "not_met"),
    ),
    "without a marrow after the second course nobody knows": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08"),
        each(PRIMARY_REFRACTORY, "unknown"),
    ),
    "a re-induction on day 15 is a second course, with the day 14 marrow before it": (
        patient().induction("2025-01-12").marrow(40, "2025-01-26").induction("2025-01-27").marrow(30, "2025-02-25"),
        each(PRIMARY_REFRACTORY, "met"),
    ),
    "a marrow on day 18 with no course after it is a nadir": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").marrow(35, "2025-02-26"),
        each(PRIMARY_REFRACTORY, "unknown"),
    ),
    "exactly 5 % after two courses is no remission only where 5 % is disease": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").marrow(5, "2025-03-10"),
        {"000-I1B.i": "unknown", "002-I3b1": "met", "004-I2b1": "unknown"},
    ),
    "a hypomethylating agent alone is no standard induction, and proves nothing": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .given("azacitidine", "2025-02-09", "2025-02-15")
        .marrow(50, "2025-03-15"),
        each(PRIMARY_REFRACTORY, "unknown"),
    ),
    "two cycles with venetoclax and no remission count, to be confirmed": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .given("venetoclax", "2025-01-12", "2025-02-08")
        .given("azacitidine", "2025-02-09", "2025-02-15")
        .given("venetoclax", "2025-02-09", "2025-03-08")
        .marrow(50, "2025-03-15"),
        each(PRIMARY_REFRACTORY, "met!"),
    ),
    "but not where the blasts fell by half": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .given("venetoclax", "2025-01-12", "2025-02-08")
        .given("azacitidine", "2025-02-09", "2025-02-15")
        .given("venetoclax", "2025-02-09", "2025-03-08")
        .marrow(30, "2025-03-15"),
        each(PRIMARY_REFRACTORY, "unknown"),
    ),
    "an order that is merely active proves no course": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-05")
        .add(
            "MedicationRequest",
            status="active",
            intent="order",
            authoredOn="2025-02-08",
            medicationCodeableConcept={"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "3041"}]},
        ),
        each(PRIMARY_REFRACTORY, "unknown"),
    ),
    "intrathecal cytarabine and hydroxyurea are no course": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-05")
        .given("cytarabine", "2025-02-10", dosage=[{"route": {"text": "Intrathecal"}}])
        .given("hydroxyurea", "2025-02-20", "2025-02-27")
        .marrow(40, "2025-03-10"),
        each(PRIMARY_REFRACTORY, "not_met"),
    ),
    # Relapse after remission (rulings 4, 6, 8, 9, 10).
    "30 % blasts after a remission are a relapse": (
        relapsed(),
        each(RELAPSED, "met!") | each(TWICE, "not_met") | each(PRIMARY_REFRACTORY, "not_met"),
    ),
    "exactly 5 % is a relapse in one trial, for a person to judge in another, and none in the others": (
        relapsed(blasts=5),
        {"000-I1A": "unknown", "001-I2.D": "not_met", "002-I3a": "met!", "004-I2a": "not_met"},
    ),
    "5.1 % is a relapse everywhere": (relapsed(blasts=5.1), each(RELAPSED, "met!")),
    "4.9 % is none": (consolidated().marrow(4.9, "2026-11-10", 1.8, 180), each(RELAPSED, "not_met")),
    "8 % a month after a course may be a regenerating marrow": (
        consolidated().given("cytarabine", "2026-10-10", "2026-10-14").marrow(8, "2026-11-10"),
        each(RELAPSED, "unknown") | {"004-I3": "unknown"},
    ),
    "20 % a month after a course is disease": (
        consolidated().given("cytarabine", "2026-10-10", "2026-10-14").marrow(20, "2026-11-10"),
        each(RELAPSED, "met!") | {"004-I3": "met"},
    ),
    "8 % that flow cytometry finds leukaemic is no regeneration": (
        consolidated()
        .given("cytarabine", "2026-10-10", "2026-10-14")
        .marrow(8, "2026-11-10")
        .lab("marrow_flow", 6, effectiveDateTime="2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    "a marrow that was clean again was regenerating": (
        consolidated().given("cytarabine", "2026-09-10", "2026-09-14").marrow(8, "2026-10-10").marrow(2, "2026-10-24", 2, 150),
        each(RELAPSED, "not_met"),
    ),
    "blood blasts in one sample leave it open": (
        consolidated().lab("blood_blasts", 3, effectiveDateTime="2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "blood blasts in two samples a week apart are a relapse": (
        consolidated()
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-10")
        .lab("blood_blasts", 4, effectiveDateTime="2026-11-17"),
        each(RELAPSED, "met!"),
    ),
    "in two samples six days apart they are not yet": (
        consolidated()
        .lab("blood_blasts", 3, effectiveDateTime="2026-11-10")
        .lab("blood_blasts", 4, effectiveDateTime="2026-11-16"),
        each(RELAPSED, "unknown"),
    ),
    "extramedullary disease recorded anew after a remission is a relapse": (
        consolidated().condition(**sarcoma("2026-11-01")),
        each(RELAPSED, "met!") | each(RELAPSE_GATES, "met!"),
    ),
    "blasts in the spinal fluid after a remission are a relapse": (
        consolidated().lab("csf_blasts", 10, effectiveDateTime="2026-11-01"),
        each(RELAPSED, "met!"),
    ),
    "two codes of one relapse are one relapse": (
        relapsed()
        .condition("C92.02", "AML in relapse", recorded="2026-11-11")
        .condition("C92.02", "AML in relapse", recorded="2026-11-18"),
        each(RELAPSED, "met!") | each(TWICE, "not_met"),
    ),
    "a relapse by its code alone tells no dates and no counts": (
        patient().induction("2025-01-12").condition("C92.02", "AML in relapse", recorded="2026-11-01"),
        each(RELAPSED, "met!")
        | each(TWICE, "unknown")
        | each(WITHIN_12_MONTHS, "unknown")
        | each(("001-I2.1", "001-I2.2", "001-I2.3", "001-I2"), "unknown"),
    ),
    "a relapse that the marrow of those days denies is for a person to judge": (
        consolidated().marrow(2, "2026-11-10", 2, 150).lab("disease_status", "Relapse", effectiveDateTime="2026-11-12"),
        each(RELAPSED, "unknown") | each(GATES, "unknown"),
    ),
    "a growth factor may make a regenerating marrow": (
        consolidated().given("filgrastim", "2026-11-01", "2026-11-05").marrow(8, "2026-11-19"),
        each(RELAPSED, "unknown"),
    ),
    "fifteen days after it no more": (
        consolidated().given("filgrastim", "2026-11-01", "2026-11-04").marrow(8, "2026-11-19"),
        each(RELAPSED, "met!"),
    ),
    "more than 20 % is above 5 %": (
        consolidated().lab("marrow_blasts", ">20 %", effectiveDateTime="2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    "3 to 8 % is neither below nor above 5 %": (
        consolidated().lab("marrow_blasts", "3-8 %", effectiveDateTime="2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "a marrow that was aplastic or inadequate shows nothing": (
        consolidated().marrow(30, "2026-11-10", note=[{"text": "Hemodilute, inadequate sample."}]),
        each(RELAPSED, "not_met"),
    ),
    "a code in remission that the marrow of those days denies is for a person to judge": (
        patient()
        .induction("2025-01-12")
        .condition("C92.01", "AML in remission", recorded="2025-03-01")
        .marrow(30, "2025-03-10"),
        each(RELAPSED, "unknown"),
    ),
    "a code in remission and a much later marrow with disease are a relapse": (
        patient()
        .induction("2025-01-12")
        .condition("C92.01", "AML in remission", recorded="2025-03-01")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    # Is it remission? (ruling 4)
    "a clean marrow beside active extramedullary disease is no remission": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12", 2, 150)
        .condition(**sarcoma("2025-02-01"))
        .induction("2025-02-20")
        .marrow(2, "2025-03-20", 2, 150)
        .condition(**sarcoma("2025-03-10")),
        each(PRIMARY_REFRACTORY, "met!"),
    ),
    "a partial remission that a clinician stated is no remission": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-05")
        .induction("2025-02-08")
        .lab("disease_status", "Partial remission", effectiveDateTime="2025-03-10"),
        each(PRIMARY_REFRACTORY, "met!"),
    ),
    "a stated leukaemia-free state against a computed remission is for a person to judge": (
        in_remission().lab("disease_status", "MLFS", effectiveDateTime="2025-02-13").marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "blasts below 5 % without blood counts are no remission": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12").marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "counts too old to belong to the marrow are none": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("neutrophils", 2, effectiveDateTime="2025-02-04")
        .lab("platelets", 150, effectiveDateTime="2025-02-04")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "counts that recovered within six weeks are": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("neutrophils", 2, effectiveDateTime="2025-03-20")
        .lab("platelets", 150, effectiveDateTime="2025-03-20")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    "a morphologic leukaemia-free state is neither remission nor resistance": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12", 0.3, 30).marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "neutrophils of 300 10*9/L are an error of their unit, not a recovery": (
        patient().induction("2025-01-12").marrow(2, "2025-02-12", 300, 150).marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "a remission that a clinician stated stands where the counts are missing": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("disease_status", "Complete remission", effectiveDateTime="2025-02-14")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    # The clocks (ruling 17).
    "a relapse 9 months after remission and consolidation is within 12 months": (
        relapsed("2025-11-10"),
        each(WITHIN_12_MONTHS, "met!") | each(LATE_AND_RESISTANT, "not_met") | {"001-I2.2": "not_met!"},
    ),
    "a relapse 21 months after is not": (relapsed(), each(WITHIN_12_MONTHS, "not_met!")),
    "where the two clocks differ a person decides": (relapsed("2026-02-25"), each(WITHIN_12_MONTHS, "unknown")),
    "12 calendar months to the day are inside": (
        in_remission().marrow(30, "2026-02-12"),
        each(WITHIN_12_MONTHS, "met!"),
    ),
    "a day more is outside": (in_remission().marrow(30, "2026-02-13"), each(WITHIN_12_MONTHS, "not_met!")),
    "6 calendar months to the day are an early recurrence": (
        in_remission().marrow(30, "2025-08-12"),
        {"001-I2.2": "met!", "001-I2.3": "not_met"},
    ),
    "maintenance does not move the clock": (
        in_remission()
        .given("azacitidine", "2025-06-01", "2025-10-30", dosage=[{"route": {"text": "Oral"}}])
        .marrow(30, "2026-02-13"),
        each(WITHIN_12_MONTHS, "not_met!"),
    ),
    "a remission of an unknown day in a month may leave the clock open": (
        patient()
        .induction("2025-01-12")
        .lab("disease_status", "Complete remission", effectiveDateTime="2025-02")
        .marrow(30, "2026-02-12"),
        each(WITHIN_12_MONTHS, "unknown"),
    ),
    "a clean marrow of which nobody knows the day of the remission tells no clock": (
        patient().induction("2025-01-12").condition("C92.02", "AML in relapse", recorded="2025-10-01"),
        each(WITHIN_12_MONTHS, "unknown"),
    ),
    # After the relapse (ruling 18).
    "a late relapse with nothing given since has not resisted": (relapsed(), each(LATE_AND_RESISTANT, "not_met")),
    "a late relapse that salvage did not turn is resistant": (
        relapsed("2026-08-10").flag_ida("2026-08-20").marrow(40, "2026-09-20"),
        each(LATE_AND_RESISTANT, "met!") | {"001-I2.3": "met!", "001-I2.1": "met!", "001-I2": "unknown"},
    ),
    "without a marrow after salvage nobody knows": (
        relapsed("2026-08-10").flag_ida("2026-08-20"),
        each(LATE_AND_RESISTANT, "unknown") | each(GATES, "unknown"),
    ),
    "a kinase inhibitor is no conventional chemotherapy": (
        relapsed("2026-06-10").given("gilteritinib", "2026-06-20", "2026-09-20").marrow(40, "2026-11-10"),
        each(LATE_AND_RESISTANT, "not_met") | {"001-I2.3": "met!"},
    ),
    "two relapses with a remission between are two": (
        relapsed("2025-09-10").flag_ida("2025-09-20").remission("2025-10-25").marrow(30, "2026-11-10"),
        each(TWICE, "met!") | each(GATES, "met!"),
    ),
    "a second remission now is not relapsed now": (
        relapsed("2026-05-10").flag_ida("2026-05-20").remission("2026-06-25"),
        each(RELAPSED, "met!") | each(RELAPSE_GATES, "unknown"),
    ),
    "venetoclax and azacitidine need eight weeks to fail": (
        relapsed("2026-09-10")
        .given("azacitidine", "2026-09-20", "2026-09-26")
        .given("venetoclax", "2026-09-20", "2026-10-17")
        .marrow(40, "2026-11-14"),
        each(LATE_AND_RESISTANT, "unknown"),
    ),
    "after eight weeks they have failed": (
        relapsed("2026-09-10")
        .given("azacitidine", "2026-09-20", "2026-09-26")
        .given("venetoclax", "2026-09-20", "2026-10-17")
        .marrow(40, "2026-11-15"),
        each(LATE_AND_RESISTANT, "met!"),
    ),
    "a relapse coded again after an unanswered salvage may be a second": (
        relapsed("2025-09-10").flag_ida("2025-09-20").condition("C92.02", "AML in relapse", recorded="2026-11-10"),
        each(TWICE, "unknown"),
    ),
    # Lines (rulings 14 and 15).
    "a transplant for active disease is a line of its own": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-12")
        .given("busulfan", "2025-04-01", "2025-04-04")
        .procedure("425843001", "Allogeneic transplant", None, performedDateTime="2025-04-08")
        .marrow(40, "2025-05-08"),
        {"001-I2.1": "met!"},
    ),
    "donor lymphocytes in remission belong to their line": (
        in_remission()
        .procedure(None, "Donor lymphocyte infusion", None, performedDateTime="2025-06-08")
        .marrow(30, "2026-11-10"),
        {"001-I2.1": "not_met"},
    ),
    "a second line that reached remission did not fail": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").flag_ida("2025-02-08").remission("2025-03-20"),
        {"001-I2.1": "not_met!"},
    ),
    "what was given before the leukaemia is no line": (
        Record()
        .given("azacitidine", "2024-06-01", "2024-06-07")
        .condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10")
        .marrow(60, "2025-01-10")
        .induction("2025-01-12")
        .marrow(40, "2025-02-12"),
        {"001-I2.1": "not_met"},
    ),
    "7+3 twice is one line": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").marrow(35, "2025-03-10"),
        {"001-I2.1": "not_met"},
    ),
    "FLAG-IDA for no response is a second line": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").flag_ida("2025-02-08").marrow(35, "2025-03-10"),
        {"001-I2.1": "met!"},
    ),
    "a change without a marrow may or may not be a new line": (
        patient().induction("2025-01-12").flag_ida("2025-02-20").marrow(35, "2025-03-25"),
        {"001-I2.1": "unknown"},
    ),
    "busulfan and cytarabine just before a graft are conditioning, no course": (
        in_remission()
        .given("busulfan", "2025-04-01", "2025-04-04")
        .given("cytarabine", "2025-04-01", "2025-04-02")
        .procedure("425843001", "Allogeneic peripheral blood stem cell transplant", None, performedDateTime="2025-04-08")
        .marrow(30, "2026-11-10"),
        {"001-I2.1": "not_met"} | each(RELAPSED, "met!"),
    ),
    "a transplant in remission starts the second clock": (
        in_remission()
        .given("busulfan", "2025-04-01", "2025-04-04")
        .procedure("425843001", "Allogeneic peripheral blood stem cell transplant", None, performedDateTime="2025-04-08")
        .marrow(30, "2026-03-10"),
        each(WITHIN_12_MONTHS, "unknown"),
    ),
    # What the record does not tell (ruling 3).
    "a first drug long after the diagnosis means that some treatment is not on record": (
        patient().induction("2025-04-12").marrow(40, "2025-05-12"),
        each(PRIMARY_REFRACTORY, "unknown") | {"001-I2.1": "unknown"} | each(RELAPSED, "unknown"),
    ),
    "no treatment on record is not no treatment": (
        patient(),
        each(PRIMARY_REFRACTORY, "unknown") | {"001-I2.1": "unknown"} | each(RELAPSED, "unknown"),
    ),
    "unless a clinician says so": (
        Record()
        .condition("C92.00", "AML", onset=days_ago(10), recorded=days_ago(10))
        .marrow(60, days_ago(10))
        .lab("disease_status", "Newly diagnosed, untreated", effectiveDateTime=days_ago(5)),
        each(PRIMARY_REFRACTORY, "not_met") | each(RELAPSED, "not_met"),
    ),
    "treatment before the leukaemia counts for nothing": (
        Record()
        .given("azacitidine", "2024-06-01", "2024-06-07")
        .given("azacitidine", "2024-07-01", "2024-07-07")
        .condition("C92.00", "AML", onset="2025-01-10", recorded="2025-01-10")
        .marrow(60, "2025-01-10")
        .induction("2025-01-12")
        .marrow(40, "2025-02-12"),
        each(PRIMARY_REFRACTORY, "not_met") | {"001-I2.1": "not_met"},
    ),
    "a record that begins with relapse is of a patient treated elsewhere": (
        Record().condition("C92.02", "AML in relapse", recorded="2026-10-01").marrow(30, "2026-10-02").flag_ida("2026-10-05"),
        each(TWICE, "unknown") | {"001-I2.1": "unknown", "001-X1": "unknown"},
    ),
    # Extramedullary disease (ruling 10).
    "extramedullary disease before and again after a course persists": (
        patient()
        .condition(**sarcoma("2025-01-10"))
        .induction("2025-01-12")
        .marrow(2, "2025-02-12", 2, 150)
        .add(
            "DiagnosticReport",
            status="final",
            code={"text": "Skin biopsy"},
            effectiveDateTime="2025-03-01",
            conclusion="Leukemia cutis.",
        ),
        each(OUTSIDE, "met!"),
    ),
    "a diagnosis that was merely never closed proves nothing": (
        patient().condition(**sarcoma("2025-01-10")).induction("2025-01-12").remission("2025-02-12"),
        each(OUTSIDE, "unknown"),
    ),
    # BPDCN (ruling 18).
    "BPDCN after two lines that did not hold": (
        Record()
        .condition("C86.40", "Blastic NK-cell lymphoma", onset="2026-01-10", recorded="2026-01-10")
        .marrow(60, "2026-01-10")
        .drug("tagraxofusp", None, None, effectivePeriod={"start": "2026-01-12", "end": "2026-01-16"}, route="Intravenous")
        .marrow(40, "2026-03-20")
        .given("azacitidine", "2026-08-25", "2026-08-31")
        .given("venetoclax", "2026-08-25", "2026-09-20")
        .marrow(40, "2026-11-10"),
        {"002-I3c": "met!", "002-I3": "met!", "002-gate": "met!", "000-gate": "not_met"},
    ),
    "BPDCN after one line is for a person to judge": (
        Record()
        .condition("C86.40", "Blastic NK-cell lymphoma", onset="2026-01-10", recorded="2026-01-10")
        .marrow(60, "2026-01-10")
        .drug("tagraxofusp", None, None, effectivePeriod={"start": "2026-01-12", "end": "2026-01-16"}, route="Intravenous")
        .marrow(40, "2026-11-10"),
        {"002-I3c": "unknown"},
    ),
    "AML is no BPDCN": (relapsed(), {"002-I3c": "not_met"}),
    # How it stands now (ruling 7).
    "a relapse two months ago with no marrow since is not known to be active": (
        relapsed("2026-09-10"),
        each(RELAPSED, "met!") | each(RELAPSE_GATES, "unknown"),
    ),
    "an early relapse with a fresh marrow opens every gate": (
        relapsed("2025-08-01").marrow(40, "2026-11-10"),
        each(("000-gate", "002-gate", "003-gate", "004-gate"), "met!") | {"001-gate": "met!"},
    ),
    "a plain first late relapse opens every gate but that of NCT04265963": (
        relapsed(),
        each(RELAPSE_GATES, "met!") | {"001-gate": "not_met!"},
    ),
    # At the limits of what belongs together.
    "flow cytometry months later does not call a regenerating marrow leukaemic": (
        consolidated()
        .given("cytarabine", "2026-09-10", "2026-09-14")
        .marrow(8, "2026-10-10")
        .lab("marrow_flow", 6, effectiveDateTime="2026-11-15"),
        each(RELAPSED, "unknown"),
    ),
    "42 days after the start of a course a marrow may still regenerate": (
        consolidated().given("cytarabine", "2026-09-29", "2026-10-03").marrow(8, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "43 days after it no more": (
        consolidated().given("cytarabine", "2026-09-28", "2026-10-02").marrow(8, "2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    "19.9 % a month after a course may be a regenerating marrow": (
        consolidated().given("cytarabine", "2026-10-10", "2026-10-14").marrow(19.9, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "6 calendar months and a day are no early recurrence": (
        in_remission().marrow(30, "2025-08-13"),
        {"001-I2.2": "not_met!"},
    ),
    "blood counts of 42 days after the marrow still make a remission": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("neutrophils", 2, effectiveDateTime="2025-03-26")
        .lab("platelets", 150, effectiveDateTime="2025-03-26")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "met!"),
    ),
    "of 43 days after it they do not": (
        patient()
        .induction("2025-01-12")
        .marrow(2, "2025-02-12")
        .lab("neutrophils", 2, effectiveDateTime="2025-03-27")
        .lab("platelets", 150, effectiveDateTime="2025-03-27")
        .marrow(30, "2026-11-10"),
        each(RELAPSED, "unknown"),
    ),
    "two courses of induction with remission by counts of later weeks are not primary refractory": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-05")
        .induction("2025-02-08")
        .marrow(2, "2025-03-10")
        .lab("neutrophils", 1, effectiveDateTime="2025-04-01")
        .lab("platelets", 100, effectiveDateTime="2025-04-01"),
        each(PRIMARY_REFRACTORY, "not_met"),
    ),
    "a remission with incomplete recovery after two courses is to be confirmed": (
        patient().induction("2025-01-12").marrow(40, "2025-02-05").induction("2025-02-08").marrow(2, "2025-03-10", 1.2, 30),
        each(PRIMARY_REFRACTORY, "not_met!"),
    ),
    "blasts that fell to just above half under venetoclax did not fall by half": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .given("venetoclax", "2025-01-12", "2025-02-08")
        .given("azacitidine", "2025-02-09", "2025-02-15")
        .given("venetoclax", "2025-02-09", "2025-03-08")
        .marrow(31, "2025-03-15"),
        each(PRIMARY_REFRACTORY, "met!"),
    ),
    "one cycle with venetoclax is too early to fail": (
        patient()
        .given("azacitidine", "2025-01-12", "2025-01-18")
        .given("venetoclax", "2025-01-12", "2025-02-08")
        .marrow(50, "2025-02-15"),
        each(PRIMARY_REFRACTORY, "not_met"),
    ),
    "a second induction of which only the starts are known is to be confirmed": (
        patient()
        .induction("2025-01-12")
        .marrow(40, "2025-02-05")
        .induction("2025-02-08", effectivePeriod={"start": "2025-02-08"})
        .marrow(35, "2025-03-10"),
        each(PRIMARY_REFRACTORY, "met!"),
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test(story: str, knowledge: Knowledge) -> None:
    record, expected = STORIES[story]
    found = answers(knowledge, record)
    assert {row: found[row] for row in expected} == expected
