"""TrialMatch → cards: few, quiet, and the same for the same record.

A card says which trial and why now, then what speaks for it, what is missing, what a person must judge. It never says that
a patient is eligible: the investigator decides.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from cds_service import wording
from cds_service.criteria.course_reasons import DiseaseActive
from cds_service.criteria.match import CriterionAnswer, TrialMatch, in_reading_order
from cds_service.criteria.trial import Trial
from cds_service.criteria.verdict import Answer
from cds_service.evaluation import Findings
from cds_service.facts.model import Kind
from cds_service.fhir.record import Gap, GapReason
from cds_service.protocol import Card, Coding, Link, Source

LONGEST_SUMMARY = 139
LONGEST_PRINTED = 70
OVERRIDE_SYSTEM = "https://cds-service.example/CodeSystem/override-reason"
TOPIC_SYSTEM = "https://cds-service.example/CodeSystem/topic"
OVERRIDE_REASONS = {
    "not-a-candidate": "Not a candidate",
    "not-now": "Not now",
    "already-considered": "Already considered",
    "patient-declined": "Patient declined",
    "data-wrong": "The data are wrong",
}
MEDICATION_TYPES = frozenset({"MedicationStatement", "MedicationRequest", "MedicationAdministration"})
NO_WARNING = frozenset({GapReason.NOT_OFFERED})


@dataclass(frozen=True, slots=True)
class Display:
    """What a site chose to show."""

    hash_key: bytes
    show_trials: frozenset[str] = frozenset()
    show_closed_trials: bool = True
    show_sensitive_reasons: bool = False

    def shows(self, trial: Trial) -> bool:
        wanted = not self.show_trials or trial.id in self.show_trials
        return wanted and (self.show_closed_trials or trial.recruitment.is_open())


def cards(findings: Findings, user_id: str, display: Display) -> list[Card]:
    """All cards for one patient; none for a patient without the disease."""
    person = findings.facts.person
    if person.deceased or person.inactive:
        return []
    matches = in_reading_order(match for match in findings.matches if display.shows(match.trial))
    if all(match.gate.answer is Answer.NOT_MET for match in matches):
        return []
    identity = _Identity(display.hash_key, person.reference, user_id)
    shown = [_trial_card(match, findings, display, identity) for match in matches if match.is_shown]
    others = [match for match in matches if not match.is_shown]
    if others:
        shown.append(_others_card(others, findings, display, identity))
    gaps = [gap for gap in findings.gaps if _may_matter(gap, findings)]
    if gaps and any(not match.barring for match in matches):
        shown.append(_gaps_card(gaps, matches, identity))
    return shown


def _may_matter(gap: Gap, findings: Findings) -> bool:
    """Therapy is known when any one of the medication types was had; what a server does not offer is no reason to warn."""
    instead = gap.reason is GapReason.NOT_SENT and gap.resource_type in MEDICATION_TYPES
    return gap.reason not in NO_WARNING and not (instead and Kind.THERAPY in findings.facts.searched)


@dataclass(frozen=True, slots=True)
class _Identity:
    """Card ids: the same evidence gives the same card, changed evidence a new one."""

    key: bytes
    patient: str
    user: str

    def uuid(self, subject: str, evidence: Iterable[str]) -> str:
        message = "\x1f".join((self.patient, self.user, subject, *evidence))
        digest = hmac.new(self.key, message.encode(), hashlib.sha256).digest()
        return str(UUID(bytes=digest[:16], version=4))


def _trial_card(match: TrialMatch, findings: Findings, display: Display, identity: _Identity) -> Card:
    trial = match.trial
    return Card(
        uuid=identity.uuid(trial.id, _decisive(match)),
        summary=_summary(match),
        indicator="info",
        source=_source(trial.id),
        detail=_detail(match, findings, display),
        links=[Link(label=f"{trial.id} in the registry", url=trial.protocol_url, type="absolute")],
        override_reasons=_override_reasons(),
    )


def _summary(match: TrialMatch) -> str:
    """Which trial, and why now, in one line."""
    trial = match.trial
    shown = next(
        (f", {r.by.value} {r.since}" for r in match.gate.reasons if isinstance(r, DiseaseActive) and r.since is not None), ""
    )
    listed = "no listed criterion fails" if trial.complete else "no known criterion fails, list incomplete"
    to_check = len(match.open)
    state = f"{listed}, {to_check} open" if to_check else listed
    head = f"{trial.product} {trial.id} ({_status(trial)})"
    for text in (f"{head}: relapsed or refractory disease{shown}; {state}", f"{head}: active disease{shown}; {state}"):
        if len(text) <= LONGEST_SUMMARY:
            return text
    return f"{head}: {state}"[:LONGEST_SUMMARY]


def _detail(match: TrialMatch, findings: Findings, display: Display) -> str:
    speaks = [answer for answer in match.own if answer.admits and answer.verdict.answer is Answer.MET]
    not_excluded = [answer for answer in match.own if answer.admits and answer.verdict.answer is Answer.NOT_MET]
    asked = [answer for answer in match.own if answer.admits is None and not answer.open]
    sections = (
        ("Speaks for it", [_line(answer, display) for answer in speaks]),
        ("Not excluded by", [_line(answer, display) for answer in not_excluded]),
        ("Missing", [_missing_line(answer, display) for answer in match.open]),
        ("A person must judge", [_question(answer, display) for answer in asked]),
        ("About the trial", _about(match.trial, findings)),
    )
    return "\n\n".join(f"**{title}**\n\n" + "\n".join(lines) for title, lines in sections if lines)


def _line(answer: CriterionAnswer, display: Display) -> str:
    reason = wording.why_hidden(answer, show_sensitive=display.show_sensitive_reasons)
    confirm = " *(please confirm)*" if answer.verdict.confirm else ""
    dates = sorted({str(item.fact.when) for item in answer.verdict.evidence if item.fact is not None and item.fact.when})
    dated = f" [{dates[-1]}]" if dates and dates[-1] not in reason else ""
    return f"- {_printed(answer)}: {escape(reason + dated)}{confirm}"


def _missing_line(answer: CriterionAnswer, display: Display) -> str:
    reason = wording.why_hidden(answer, show_sensitive=display.show_sensitive_reasons)
    orders = list(dict.fromkeys(item.order or wording.missing(item) for item in answer.verdict.missing))
    hidden = answer.criterion.sensitive and not display.show_sensitive_reasons
    settle = f" → {escape(', '.join(orders))}" if orders and not hidden else ""
    return f"- {_printed(answer)}: {escape(reason)}{settle}"


def _question(answer: CriterionAnswer, display: Display) -> str:
    return (
        f"- {escape(wording.why_hidden(answer, show_sensitive=display.show_sensitive_reasons))} ({escape(answer.criterion.id)})"
    )


def _printed(answer: CriterionAnswer) -> str:
    """The protocol's own words, cut to a line, with their number."""
    text = answer.criterion.text
    cut = text if len(text) <= LONGEST_PRINTED else f"{text[:LONGEST_PRINTED].rsplit(' ', 1)[0]} …"
    return f"**{escape(cut)}** ({escape(answer.criterion.id)})"


def _about(trial: Trial, findings: Findings) -> list[str]:
    old = ", an old status" if trial.recruitment.is_old(findings.facts.as_of) else ""
    status = f"{_status(trial)} on {trial.recruitment.as_of}{old}"
    newest = max((fact.when.last for fact in findings.facts.results if fact.when is not None), default=None)
    return [
        f"- {escape(trial.title)}",
        f"- {escape(status)}; {escape(trial.site.name)}, {escape(trial.site.city)}",
        f"- Known of the protocol: {escape(trial.completeness)}",
        f"- {_reviewed(trial)}",
        f"- Newest result used: {newest or 'none'}; knowledge {findings.digest.removeprefix('sha256:')[:12]}",
    ]


def _reviewed(trial: Trial) -> str:
    return f"Reading reviewed: {escape(trial.reviewed)}" if trial.reviewed else "Reading not yet reviewed by a haematologist"


def _others_card(matches: Sequence[TrialMatch], findings: Findings, display: Display, identity: _Identity) -> Card:
    ruled_out = [match for match in matches if match.barring]
    open_gate = [match for match in matches if not match.barring]
    lines = [_open_gate_line(match) for match in open_gate] + [_ruled_out_line(match, display) for match in ruled_out]
    counts = [f"{len(open_gate)} open" if open_gate else "", f"{len(ruled_out)} ruled out" if ruled_out else ""]
    return Card(
        uuid=identity.uuid("others", [item for match in matches for item in (match.trial.id, *_decisive(match))]),
        summary=f"Other cell-therapy trials checked: {', '.join(filter(None, counts))}",
        indicator="info",
        source=_source("other-trials"),
        detail="\n".join([*lines, "", f"As of {findings.facts.as_of}. Readings not yet reviewed by a haematologist."]),
        override_reasons=_override_reasons(),
    )


def _open_gate_line(match: TrialMatch) -> str:
    settle = list(dict.fromkeys(item.order or wording.missing(item) for item in match.gate.missing))
    what = f" → {escape(', '.join(settle))}" if settle else ""
    return f"- {_named(match.trial)}: open whether the disease is meant: {escape(wording.reason(match.gate))}{what}"


def _ruled_out_line(match: TrialMatch, display: Display) -> str:
    first = match.barring[0]
    reason = escape(wording.why_hidden(first, show_sensitive=display.show_sensitive_reasons))
    hidden = first.criterion.sensitive and not display.show_sensitive_reasons
    return f"- {_named(match.trial)}: ruled out by {reason if hidden else f'{_printed(first)}: {reason}'}"


def _named(trial: Trial) -> str:
    return f"**{escape(trial.product)} {trial.id}** ({escape(_status(trial))})"


def _status(trial: Trial) -> str:
    return "status unknown" if trial.recruitment.status == "unknown" else trial.recruitment.status


def _gaps_card(gaps: Sequence[Gap], matches: Sequence[TrialMatch], identity: _Identity) -> Card:
    open_trials = [match for match in matches if not match.barring]
    lines = [f"- {escape(line)}" for line in dict.fromkeys(wording.gap(gap) for gap in gaps)]
    trials = ", ".join(match.trial.id for match in open_trials)
    return Card(
        uuid=identity.uuid("gaps", sorted({f"{gap.key or gap.resource_type}:{gap.reason.value}" for gap in gaps})),
        summary="Trial check not fully evaluated: a part of the record could not be read",
        indicator="warning",
        source=_source("not-fully-evaluated"),
        detail="\n".join([*lines, "", f"Answers may change for: {trials}."]),
    )


def _decisive(match: TrialMatch) -> list[str]:
    """What the card rests on: every row's answer and evidence."""
    return [
        f"{answer.criterion.id}={answer.verdict.answer.value}:"
        + ",".join(
            f"{item.fact.reference}@{item.fact.when}:{wording.statement(item)}" if item.fact is not None else f"{item.searched}"
            for item in answer.verdict.evidence
        )
        for answer in match.answers
    ]


def _source(topic: str) -> Source:
    code = re.sub(r"[^A-Za-z0-9]", "", topic)
    return Source(label="Cell-therapy trial check", topic=Coding(code=code, system=TOPIC_SYSTEM, display=topic))


def _override_reasons() -> list[Coding]:
    return [Coding(code=code, system=OVERRIDE_SYSTEM, display=display) for code, display in OVERRIDE_REASONS.items()]


def escape(text: str) -> str:
    """Text from a record or a protocol, safe in Markdown: no markup, no HTML, one line."""
    one_line = re.sub(r"\s+", " ", text)
    marked = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", one_line)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
