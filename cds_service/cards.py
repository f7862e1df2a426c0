"""TrialMatch → cards: few, quiet, and the same for the same record.

A card says which trial and why now, then what speaks for it, what is missing, what a person must judge. It never says that
a patient is eligible: the investigator decides.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from uuid import UUID

from cds_service import card_wording, wording
from cds_service.criteria.course_reasons import DiseaseActive
from cds_service.criteria.match import CriterionAnswer, TrialMatch, in_reading_order
from cds_service.criteria.trial import Trial
from cds_service.criteria.verdict import Answer, Evidence, Verdict
from cds_service.evaluation import Findings
from cds_service.facts.model import Kind
from cds_service.fhir.record import Gap, GapReason
from cds_service.protocol import Card, Coding, Link, Source

LONGEST_SUMMARY = 139
LONGEST_PRINTED = 70
NAMED_GAPS = 3
OVERRIDE_SYSTEM = "https://cds-service.example/CodeSystem/override-reason"
TOPIC_SYSTEM = "https://cds-service.example/CodeSystem/topic"
OVERRIDE_REASONS = {
    "not-a-candidate": "Not a candidate",
    "not-now": "Not now",
    "already-considered": "Already considered",
    "patient-declined": "Patient declined",
    "data-wrong": "The data are wrong",
}
_CODED_REASONS = [Coding(code=code, system=OVERRIDE_SYSTEM, display=display) for code, display in OVERRIDE_REASONS.items()]
MEDICATION_TYPES = frozenset({"MedicationStatement", "MedicationRequest", "MedicationAdministration"})
BASIS = frozenset({"Patient", "Condition"})


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
    if person.deceased or person.inactive or findings.disease.answer is Answer.NOT_MET:
        return []
    matches = in_reading_order(match for match in findings.matches if display.shows(match.trial))
    identity = _Identity(display.hash_key, person.reference, user_id)
    shown = [_trial_card(match, findings, display, identity) for match in matches if match.is_shown]
    others = [match for match in matches if not match.is_shown]
    if others:
        shown.append(_others_card(others, findings, display, identity, beside_trials=bool(shown)))
    gaps = [gap for gap in findings.gaps if _may_matter(gap, findings)]
    if gaps and any(not match.barring for match in matches):
        shown.append(_gaps_card(gaps, matches, identity))
    return shown


def _may_matter(gap: Gap, findings: Findings) -> bool:
    """Therapy is known when any one of the medication types was had; what a server does not offer is no reason to warn."""
    if gap.reason is GapReason.NOT_OFFERED:
        return gap.resource_type in BASIS
    instead = gap.reason is GapReason.NOT_SENT and gap.resource_type in MEDICATION_TYPES
    return not (instead and Kind.THERAPY in findings.facts.searched)


_TOLD = {answer: answer.value for answer in Answer}
"""Looked up here, since an Enum works its value out anew each time, in Python."""


class _Identity:
    """Card ids: the same evidence gives the same card, changed evidence a new one."""

    def __init__(self, key: bytes, patient: str, user: str) -> None:
        self._key = key
        self._of_whom = (patient, user)
        # By identity: rows and trials share answers, many answers rest on one fact, and the findings hold them all meanwhile.
        self._verdicts: dict[int, str] = {}
        self._facts: dict[int, str] = {}

    def uuid(self, subject: str, rests_on: Iterable[str]) -> str:
        message = "\x1f".join((*self._of_whom, subject, *rests_on))
        digest = hmac.digest(self._key, message.encode(), "sha256")
        return str(UUID(bytes=digest[:16], version=4))

    def decisive(self, match: TrialMatch) -> list[str]:
        """What the card rests on: every row's answer and evidence."""
        return [f"{answer.criterion.id}={self._verdict(answer.verdict)}" for answer in match.answers]

    def _verdict(self, verdict: Verdict) -> str:
        if (told := self._verdicts.get(id(verdict))) is None:
            told = f"{_TOLD[verdict.answer]}:{','.join(map(self._told, verdict.evidence))}"
            self._verdicts[id(verdict)] = told
        return told

    def _told(self, item: Evidence) -> str:
        fact = item.fact
        if fact is None:
            return item.searched.value if item.searched is not None else ""
        if (told := self._facts.get(id(fact))) is None:
            told = self._facts[id(fact)] = f"{fact.reference}@{fact.when}:{wording.own_words(fact)}"
        return told if item.detail is None and not item.invalid else f"{told}{wording.remark(item)}"


def _trial_card(match: TrialMatch, findings: Findings, display: Display, identity: _Identity) -> Card:
    trial = match.trial
    return Card(
        uuid=identity.uuid(trial.id, identity.decisive(match)),
        summary=_summary(match),
        indicator="info",
        source=_source(trial.id),
        detail=_detail(match, findings, display),
        links=[Link(label=f"{trial.id} in the registry", url=trial.protocol_url, type="absolute")],
        override_reasons=_CODED_REASONS,
    )


def _summary(match: TrialMatch) -> str:
    """Which trial, and why now, in one line."""
    trial = match.trial
    active = next((reason for reason in match.gate.reasons if isinstance(reason, DiseaseActive)), None)
    now = f", {card_wording.active_disease(active)}" if active is not None else ""
    listed = "no listed criterion fails" if trial.complete else "no known criterion fails, list incomplete"
    to_check = len(match.open)
    state = f"{listed}, {to_check} open" if to_check else listed
    head = f"{trial.product} {trial.id} ({_status(trial)})"
    for why_now in (f"relapsed or refractory{now}; ", f"{now.removeprefix(', ')}; ", "relapsed or refractory; "):
        if len(text := f"{head}: {why_now}{state}") <= LONGEST_SUMMARY:
            return text
    return f"{head}: {state}"[:LONGEST_SUMMARY]


def _detail(match: TrialMatch, findings: Findings, display: Display) -> str:
    speaks = [answer for answer in match.admitting if answer.verdict.answer is Answer.MET and answer.verdict.evidence]
    missing = [answer for answer in match.open if answer.verdict.missing]
    judged = [answer for answer in match.open if not answer.verdict.missing]
    not_excluded = [answer for answer in match.admitting if answer.verdict.answer is Answer.NOT_MET]
    sections = (
        ("Speaks for it", [_line(answer, display) for answer in speaks]),
        ("Missing", [_missing_line(answer, display) for answer in missing]),
        (
            "A person must judge",
            [_line(answer, display) for answer in judged] + [_question(answer, display) for answer in match.asked],
        ),
        ("Not excluded by", [_line(answer, display) for answer in not_excluded]),
        ("About the trial", _about(match, findings)),
    )
    return "\n\n".join(f"**{title}**\n\n" + "\n".join(lines) for title, lines in sections if lines)


def _why(answer: CriterionAnswer, *, hidden: bool) -> str:
    """The reason for an answer, escaped; where it is hidden, it is not named."""
    fixed = card_wording.fixed_reason(answer, hidden=hidden)
    return escape(card_wording.reason_of_record(answer)) if fixed is None else _escaped_once(fixed)


def _is_hidden(answer: CriterionAnswer, display: Display) -> bool:
    """Whether its reason is sensitive, and not for this site's screens."""
    return answer.is_sensitive and not display.show_sensitive_reasons


def _line(answer: CriterionAnswer, display: Display) -> str:
    hidden = _is_hidden(answer, display)
    reason = _why(answer, hidden=hidden)
    confirm = " *(please confirm)*" if answer.verdict.confirm else ""
    newest = "" if hidden else _newest_date(answer.verdict)
    dated = rf" \[{newest}\]" if newest and newest not in reason else ""
    return f"- {_printed(answer)}: {reason}{dated}{confirm}"


def _newest_date(verdict: Verdict) -> str:
    dates = [str(item.fact.when) for item in verdict.evidence if item.fact is not None and item.fact.when is not None]
    return max(dates, default="")


def _missing_line(answer: CriterionAnswer, display: Display) -> str:
    hidden = _is_hidden(answer, display)
    settle = "" if hidden else card_wording.settled_by(answer.verdict)
    return f"- {_printed(answer)}: {_why(answer, hidden=hidden)} {escape(settle)}".rstrip()


def _question(answer: CriterionAnswer, display: Display) -> str:
    return f"- {_why(answer, hidden=_is_hidden(answer, display))} ({_escaped_once(answer.criterion.id)})"


def _printed(answer: CriterionAnswer) -> str:
    return _printed_words(answer.criterion.text, answer.criterion.id)


@lru_cache(maxsize=1024)
def _printed_words(text: str, number: str) -> str:
    """The protocol's own words, cut to a line, with their number."""
    cut = text if len(text) <= LONGEST_PRINTED else f"{text[:LONGEST_PRINTED].rsplit(' ', 1)[0]} …"
    return f"**{escape(cut)}** ({escape(number)})"


def _about(match: TrialMatch, findings: Findings) -> list[str]:
    trial = match.trial
    old = ", an old status" if trial.recruitment.is_old(findings.facts.as_of) else ""
    status = f"{_status(trial)} on {trial.recruitment.as_of}{old}"
    of_trial = (
        trial.title,
        f"{status}; {trial.site.name}, {trial.site.city}",
        f"Known of the protocol: {trial.completeness}",
        f"Reading reviewed: {trial.reviewed}" if trial.reviewed else "Reading not yet reviewed by a haematologist",
    )
    of_record = [f"Newest data used: {_newest_used(match) or 'none'}; knowledge {_knowledge(findings)}"]
    not_offered = sorted({gap.resource_type for gap in findings.gaps if gap.reason is GapReason.NOT_OFFERED})
    if not_offered:
        of_record.append(f"Not offered by the EHR: {', '.join(not_offered)}")
    return [f"- {line}" for line in (*map(_escaped_once, of_trial), *map(escape, of_record))]


@lru_cache(maxsize=1024)
def _escaped_once(words: str) -> str:
    """Words of ours or of a trial's file, never of a record: the same for every patient."""
    return escape(words)


def _newest_used(match: TrialMatch) -> date | None:
    facts = [item.fact for answer in match.answers for item in answer.verdict.evidence if item.fact is not None]
    return max([fact.when.last for fact in facts if fact.when is not None], default=None)


def _knowledge(findings: Findings) -> str:
    return findings.digest.removeprefix("sha256:")[:12]


def _others_card(
    matches: Sequence[TrialMatch], findings: Findings, display: Display, identity: _Identity, *, beside_trials: bool
) -> Card:
    """The trials without a card of their own; those that stay open for the same reason share a line."""
    ruled_out = [match for match in matches if match.barring]
    open_gate = [match for match in matches if not match.barring]
    alike: dict[str, list[str]] = {}
    for match in open_gate:
        alike.setdefault(_open_because(match, findings.disease), []).append(_named(match.trial))
    lines = [f"- {', '.join(names)}: {because}" for because, names in alike.items()]
    lines += [_ruled_out_line(match, display) for match in ruled_out]
    reviewed = "" if all(match.trial.reviewed for match in matches) else " Readings not yet reviewed by a haematologist."
    counts = [f"{len(open_gate)} open" if open_gate else "", f"{len(ruled_out)} ruled out" if ruled_out else ""]
    return Card(
        uuid=identity.uuid("others", [item for match in matches for item in (match.trial.id, *identity.decisive(match))]),
        summary=f"{_checked(matches, findings, beside_trials=beside_trials)}: {', '.join(filter(None, counts))}",
        indicator="info",
        source=_source("other-trials"),
        detail="\n".join([*lines, "", f"As of {findings.facts.as_of}; knowledge {_knowledge(findings)}.{reviewed}"]),
        override_reasons=_CODED_REASONS,
    )


def _checked(matches: Sequence[TrialMatch], findings: Findings, *, beside_trials: bool) -> str:
    """What the card is about; where it is the only one, why no trial has a card of its own."""
    if beside_trials:
        return "Other cell-therapy trials checked"
    why = card_wording.why_no_trial(findings.disease, [match.gate for match in matches])
    return "Cell-therapy trials checked" + (f", {why}" if why else "")


def _open_because(match: TrialMatch, disease: Verdict) -> str:
    return f"open: {escape(card_wording.open_gate(match.gate, disease))}"


def _ruled_out_line(match: TrialMatch, display: Display) -> str:
    first, *more = match.barring
    hidden = _is_hidden(first, display)
    reason = _why(first, hidden=hidden)
    count = f" (and {len(more)} more)" if more else ""
    shown = reason if hidden else f"{_printed(first)}: {reason}"
    return f"- {_named(match.trial)}: ruled out by {shown}{count}"


def _named(trial: Trial) -> str:
    return f"**{escape(trial.product)} {trial.id}** ({escape(_status(trial))})"


def _status(trial: Trial) -> str:
    return "status unknown" if trial.recruitment.status == "unknown" else trial.recruitment.status


def _gaps_card(gaps: Sequence[Gap], matches: Sequence[TrialMatch], identity: _Identity) -> Card:
    parts = list(dict.fromkeys(wording.part_of_record(gap) for gap in gaps))
    more = f" and {len(parts) - NAMED_GAPS} more" if len(parts) > NAMED_GAPS else ""
    by_reason: dict[str, list[str]] = {}
    for gap in gaps:
        by_reason.setdefault(wording.gap_reason(gap), []).append(wording.part_of_record(gap))
    lines = [f"- {escape(', '.join(dict.fromkeys(names)))}: {reason}" for reason, names in by_reason.items()]
    trials = ", ".join(match.trial.id for match in matches if not match.barring)
    return Card(
        uuid=identity.uuid("gaps", sorted({f"{gap.key or gap.resource_type}:{gap.reason.value}" for gap in gaps})),
        summary=f"Trial check not fully evaluated: lacks {', '.join(parts[:NAMED_GAPS])}{more}"[:LONGEST_SUMMARY],
        indicator="warning",
        source=_source("not-fully-evaluated"),
        detail="\n".join([*lines, "", f"Answers may change for: {trials}."]),
    )


@lru_cache(maxsize=1024)
def _source(topic: str) -> Source:
    """What a card is about: a trial, or a kind of summary; the same for every patient."""
    code = re.sub(r"[^A-Za-z0-9]", "", topic)
    return Source(label="Cell-therapy trial check", topic=Coding(code=code, system=TOPIC_SYSTEM, display=topic))


_LINK = re.compile(r"(?i)(\w:)(//)|\b(www\.)")
_MARKUP = re.compile(r"[\\`*_\[\]|~#&<>]")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """Text from a record or a protocol, safe in Markdown: no markup, no HTML, no links, one line."""
    is_one_line = text.isprintable() and "  " not in text  # what is printable has no white space but the space
    one_line = text.strip() if is_one_line else " ".join(text.split())
    if "://" in one_line or "www." in one_line.lower():
        one_line = _LINK.sub(lambda link: f"{link[1] or link[3]} {link[2] or ''}", one_line)
    return _MARKUP.sub(lambda sign: _HTML.get(sign[0], f"\\{sign[0]}"), one_line)
