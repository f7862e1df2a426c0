"""What a client sends under other names, and what it can show: the call and the cards fitted to its profile."""

import html
import re
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from cds_service.clients import Profile
from cds_service.protocol import Card, CdsResponse, HookRequest


def renamed(call: HookRequest, profile: Profile) -> HookRequest:
    """The call with the client's prefetch keys under our names; a key sent under our own name wins."""
    aliases = profile.prefetch_aliases
    if not aliases.keys() & call.prefetch.keys():
        return call
    ours = {key: value for key, value in call.prefetch.items() if key not in aliases}
    theirs = {aliases[key]: value for key, value in call.prefetch.items() if key in aliases}
    return msgspec.structs.replace(call, prefetch={**theirs, **ours})


def fit(response: CdsResponse, profile: Profile) -> CdsResponse:
    """The cards as this client can show them."""
    return CdsResponse(cards=[_fitted(card, profile) for card in response.cards])


def _fitted(card: Card, profile: Profile) -> Card:
    links = [link for link in _given(card.links) if not profile.links or link.url.startswith(tuple(profile.links))]
    suggestions = _given(card.suggestions) if profile.suggestions else []
    return msgspec.structs.replace(
        card,
        detail=plain_text(card.detail) if profile.detail == "plain" and isinstance(card.detail, str) else card.detail,
        links=links or UNSET,
        suggestions=suggestions or UNSET,
        selection_behavior=profile.selection_behavior if suggestions else UNSET,
    )


Item = TypeVar("Item")


def _given(items: list[Item] | UnsetType) -> list[Item]:
    return [] if isinstance(items, UnsetType) else items


def plain_text(markdown: str) -> str:
    """Our Markdown (bold, emphasis, lists, escapes) as plain text."""
    marks = re.sub(r"(?<!\\)\*+", "", markdown)
    return html.unescape(re.sub(r"\\([\\`*_\[\]|~#])", r"\1", marks))
