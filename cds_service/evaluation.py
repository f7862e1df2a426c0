"""Every criterion of every trial for one record: what the hook, `explain` and screening share."""

from datetime import date
from zoneinfo import ZoneInfo

from cds_service.criteria.knowledge import DISEASES, Knowledge
from cds_service.criteria.match import TrialMatch, cited, mark_invalid, match_all
from cds_service.criteria.verdict import Verdict, any_of
from cds_service.facts import extract
from cds_service.facts.concepts import Recogniser
from cds_service.facts.model import PatientFacts
from cds_service.fhir import validate
from cds_service.fhir.record import Gap, PatientRecord
from cds_service.value import Value


class Findings(Value, frozen=True):
    """Every trial's match for one patient, what could not be had, and the knowledge by which it was judged."""

    facts: PatientFacts
    matches: tuple[TrialMatch, ...]
    gaps: tuple[Gap, ...]
    digest: str
    disease: Verdict
    """Whether the patient has, or may have, a disease that any trial is about."""


def evaluate(
    record: PatientRecord, knowledge: Knowledge, as_of: date, zone: ZoneInfo, recogniser: Recogniser | None = None
) -> Findings:
    """Every criterion of every trial; the hook, `explain` and screening share it.

    `recogniser`: one that has looked at some of this record already.
    """
    facts = extract.facts(record, recogniser or Recogniser(knowledge.terminology), as_of, zone)
    case = knowledge.case(facts)
    matches = match_all(knowledge.trials, case, knowledge.sensitive)
    disease = any_of(case.reading(name) for name in DISEASES)
    invalid = validate.problems(record, cited(matches))
    return Findings(facts, mark_invalid(matches, invalid), record.gaps, knowledge.digest, disease)
