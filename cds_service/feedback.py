"""Feedback on the wire: what became of the cards, as the specification has it and as EHRs really send it.

Source: https://cds-hooks.hl7.org/2.0/#feedback
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from cds_service.errors import MalformedRequest
from cds_service.json_bytes import UNDECODABLE
from cds_service.protocol import WireStruct, place

MOST_ITEMS = 1_000
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OUTCOMES = ("accepted", "overridden")


class RawCoding(WireStruct, frozen=True):
    """A Coding; some send a CodeableConcept around it."""

    code: str | None = None
    coding: "list[RawCoding] | None" = None


class RawOverrideReason(WireStruct, frozen=True):
    reason: RawCoding | list[RawCoding] | None = None
    user_comment: str | None = None
    extension: dict[str, msgspec.Raw] | None = None


class RawItem(WireStruct, frozen=True):
    """One card's outcome. Epic names its reasons `overrideReasons`."""

    card: str | None = None
    outcome: str | None = None
    outcome_timestamp: str | None = None
    accepted_suggestions: list[msgspec.Raw] | None = None
    override_reason: RawOverrideReason | list[RawOverrideReason] | None = None
    override_reasons: RawOverrideReason | list[RawOverrideReason] | None = None


class RawFeedback(WireStruct, frozen=True):
    feedback: list[RawItem] | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of one card. `reasons`: codes as the client has them, ours or its own; comments are not read."""

    card: str
    outcome: str
    at: datetime
    reasons: tuple[str, ...] = ()
    suggestions: int = 0
    commented: bool = False


def decode_feedback(body: bytes) -> tuple[Feedback, ...]:
    """Raises: MalformedRequest naming the member and what it must be."""
    try:
        items = msgspec.json.decode(body, type=RawFeedback).feedback
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"the feedback does not have the right shape: {place(error)}") from error
    except UNDECODABLE as error:
        raise MalformedRequest("the body is not JSON") from error
    if items is None:
        raise MalformedRequest("feedback is missing: send an array of items")
    if len(items) > MOST_ITEMS:
        raise MalformedRequest(f"feedback has too many items; send at most {MOST_ITEMS} at a time")
    return tuple(_item(f"feedback[{index}]", item) for index, item in enumerate(items))


def _item(where: str, item: RawItem) -> Feedback:
    if not item.card or not UUID.fullmatch(item.card.lower()):
        raise MalformedRequest(f"{where}.card must be the uuid of a card")
    if item.outcome not in OUTCOMES:
        raise MalformedRequest(f"{where}.outcome must be accepted or overridden")
    reasons = [*_listed(item.override_reason), *_listed(item.override_reasons)]
    return Feedback(
        card=item.card.lower(),
        outcome=item.outcome,
        at=_time(f"{where}.outcomeTimestamp", item.outcome_timestamp),
        reasons=tuple(code for reason in reasons for code in _codes(reason)),
        suggestions=len(item.accepted_suggestions or ()),
        commented=any(reason.user_comment for reason in reasons),
    )


def _time(where: str, text: str | None) -> datetime:
    try:
        at = datetime.fromisoformat(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedRequest(f"{where} must be a time such as 2026-11-22T08:30:00Z") from error


def _codes(reason: RawOverrideReason) -> list[str]:
    """The codes of a reason; where an extension stands in its place, the texts in it."""
    concepts = reason.reason if isinstance(reason.reason, list) else [reason.reason] if reason.reason is not None else []
    codings = [coding for concept in concepts for coding in (concept, *(concept.coding or ()))]
    codes = [coding.code for coding in codings if coding.code]
    return codes or _texts(reason.extension)


def _texts(extension: dict[str, msgspec.Raw] | None) -> list[str]:
    texts = []
    for value in (extension or {}).values():
        try:
            texts.append(msgspec.json.decode(value, type=str))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return texts


def _listed(reasons: RawOverrideReason | list[RawOverrideReason] | None) -> Sequence[RawOverrideReason]:
    if reasons is None:
        return ()
    return reasons if isinstance(reasons, list) else (reasons,)
