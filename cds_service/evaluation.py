"""Every criterion of every trial for one record: what the hook, `explain` and screening share."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.match import TrialMatch, cited, mark_invalid, match_all
from cds_service.facts import extract
from cds_service.facts.model import PatientFacts
from cds_service.fhir import validate
from cds_service.fhir.record import Gap, PatientRecord


@dataclass(frozen=True, slots=True)
class Findings:
    """Every trial's match for one patient, what could not be had, and the knowledge by which it was judged."""

    facts: PatientFacts
    matches: tuple[TrialMatch, ...]
    gaps: tuple[Gap, ...]
    digest: str


def evaluate(record: PatientRecord, knowledge: Knowledge, as_of: date, zone: ZoneInfo) -> Findings:
    """Every criterion of every trial; the hook, `explain` and screening share it."""
    facts = extract.facts(record, knowledge.terminology, as_of, zone)
    matches = match_all(knowledge.trials, knowledge.case(facts))
    invalid = validate.problems(record, cited(matches))
    return Findings(facts, mark_invalid(matches, invalid), record.gaps, knowledge.digest)
