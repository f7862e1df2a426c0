"""What is remembered between calls: which cards were overridden and for how long, and who looked at whom."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from cds_service import metrics
from cds_service.cards import OVERRIDE_REASONS
from cds_service.clients import Client
from cds_service.errors import SettingsError
from cds_service.feedback import Feedback
from cds_service.logs import REQUEST_ID
from cds_service.protocol import CdsResponse, HookRequest
from cds_service.store.records import Look, Outcome, Pseudonyms, ShownCard
from cds_service.store.store import Store

OTHER = "other"
"""A reason that is neither ours nor mapped by the client's profile."""


class Memory:
    """Feedback goes in; cards that were overridden stay away."""

    def __init__(self, store: Store, pseudonyms: Pseudonyms, days: Mapping[str, float], *, silent: bool) -> None:
        """Raises: SettingsError for a reason that no card offers."""
        if foreign := sorted(days.keys() - {"", *OVERRIDE_REASONS}):
            raise SettingsError(
                f"CDS_SUPPRESS_DAYS: {foreign[0]} is no override reason; there are {', '.join(OVERRIDE_REASONS)}"
            )
        self._store = store
        self._pseudonyms = pseudonyms
        self._days = days
        self._silent = silent

    def learn(self, client: Client, service: str, feedback: tuple[Feedback, ...], at: datetime) -> None:
        """Keep what became of the cards. Raises: StoreDown."""
        outcomes = [self._outcome(client, item, at) for item in feedback]
        self._store.keep_feedback(client.iss, service, outcomes, at)
        metrics.feedback_kept((outcome.outcome, outcome.reason) for outcome in outcomes)

    def note_failure(self, look: Look, read: tuple[str, ...], status: int) -> None:
        """Who looked at whom, and what was read for it; they got no cards."""
        self._store.audit(replace(look, read=read, status=status))

    def note(self, look: Look, read: tuple[str, ...], response: CdsResponse) -> CdsResponse:
        """Who looked at whom, and what was read for it; the cards but those overridden.

        A card that offers no reasons to override it, "Not fully evaluated", always stays.
        """
        overridable = [card.uuid for card in response.cards if isinstance(card.override_reasons, list)]
        shown = tuple(ShownCard(card.uuid, card.topic) for card in response.cards)
        away = self._store.audit(replace(look, read=read, cards=shown), overridable)
        return CdsResponse(cards=[card for card in response.cards if card.uuid not in away]) if away else response

    def look(
        self, call: HookRequest, at: datetime, client: Client, service: str, sent: tuple[str, ...], knowledge: str
    ) -> Look:
        """The audit row of a call, before its answer is known."""
        return Look(
            at=at,
            client=client.iss,
            service=service,
            user=self._pseudonyms.of("user", call.user_id),
            patient=self._pseudonyms.of("patient", call.patient_id),
            status=200,
            sent=sent,
            read=(),
            cards=(),
            suppressed=0,
            silent=self._silent,
            knowledge=knowledge,
            request=REQUEST_ID.get(),
        )

    def _outcome(self, client: Client, item: Feedback, at: datetime) -> Outcome:
        reason = self._reason(client, item.reasons)
        overridden = item.outcome == "overridden"
        days = self._days.get(reason or "", self._days[""])
        until = min(item.at, at) + timedelta(days=days) if overridden and days else None
        return Outcome(item.card, item.outcome, item.at, reason, item.suggestions, item.commented, until)

    def _reason(self, client: Client, codes: tuple[str, ...]) -> str | None:
        """Ours, or the client's own translated; free text never gets into the store."""
        for code in codes:
            ours = client.profile.override_reasons.get(code, code)
            if ours in OVERRIDE_REASONS:
                return ours
        return OTHER if codes else None
