"""What is handed to the store, already free of names and ids."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from cds_service.value import Value


class Outcome(Value, frozen=True):
    """What became of one card. `reason`: one of our override codes, `other`, or None; `until`: not to be shown before."""

    card: str
    outcome: str
    at: datetime
    reason: str | None = None
    suggestions: int = 0
    commented: bool = False
    until: datetime | None = None


class ShownCard(Value, frozen=True):
    uuid: str
    topic: str


class Look(Value, frozen=True):
    """One look at a patient: who asked, which parts of the record were sent and read, which cards were answered."""

    at: datetime
    client: str
    service: str
    user: str
    patient: str
    status: int
    sent: tuple[str, ...]
    read: tuple[str, ...]
    cards: tuple[ShownCard, ...]
    suppressed: int
    silent: bool
    knowledge: str
    request: str | None = None
    """The call's id, as its log lines have it."""

    def without(self, away: frozenset[str]) -> "Look":
        """The same, with these cards suppressed."""
        cards = tuple(card for card in self.cards if card.uuid not in away)
        return replace(self, cards=cards, suppressed=len(self.cards) - len(cards)) if away else self


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed hashes of ids: who has the key can ask about one patient, nobody can read ids from them."""

    key: bytes

    def of(self, kind: str, identifier: str) -> str:
        message = f"{kind}\x1f{identifier}".encode(errors="surrogatepass")
        return hmac.digest(self.key, message, "sha256").hex()
