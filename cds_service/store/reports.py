"""What operators ask the store: acceptance per trial, who looked at a patient, and to forget what is old."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from cds_service.store.database import Database
from cds_service.store.tables import AUDIT, AUDIT_CARD, FEEDBACK, OVERRIDE, SEEN_TOKEN, stamp

UNKNOWN = "unknown card"
NO_REASON = "no reason"


@dataclass
class Acceptance:
    """What became of the cards of one topic, a trial or a summary card. `reasons`: why they were overridden."""

    topic: str
    shown: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def overridden(self) -> int:
        return self.reasons.total()

    @property
    def share(self) -> float | None:
        """Accepted among those answered; None where nobody answered."""
        answered = self.accepted + self.overridden
        return self.accepted / answered if answered else None


@dataclass(frozen=True, slots=True)
class LookRow:
    """One row of the audit of a patient."""

    at: str
    client: str
    service: str
    user: str
    status: int
    sent: str
    read: str
    cards: int
    knowledge: str
    request: str | None


def acceptance(database: Database, since: datetime | None = None) -> list[Acceptance]:
    """By topic: distinct cards shown, and the outcomes that came back. Raises: StoreDown."""
    found: dict[str, Acceptance] = {}
    topics = sa.select(AUDIT_CARD.c.card, sa.func.min(AUDIT_CARD.c.topic).label("topic")).group_by(AUDIT_CARD.c.card)
    shown = (
        sa.select(AUDIT_CARD.c.topic, sa.func.count(sa.distinct(AUDIT_CARD.c.card)))
        .join(AUDIT, AUDIT.c.id == AUDIT_CARD.c.audit)
        .where(AUDIT.c.silent.is_(False))
        .group_by(AUDIT_CARD.c.topic)
    )
    by_card = topics.subquery()
    outcomes = (
        sa.select(by_card.c.topic, FEEDBACK.c.outcome, FEEDBACK.c.reason, sa.func.count())
        .join_from(FEEDBACK, by_card, FEEDBACK.c.card == by_card.c.card, isouter=True)
        .group_by(by_card.c.topic, FEEDBACK.c.outcome, FEEDBACK.c.reason)
    )
    if since is not None:
        shown = shown.where(AUDIT.c.at >= stamp(since))
        outcomes = outcomes.where(FEEDBACK.c.outcome_at >= stamp(since))
    with database.reading() as connection:
        for topic, count in connection.execute(shown):
            found.setdefault(topic, Acceptance(topic)).shown = count
        for topic, outcome, reason, count in connection.execute(outcomes):
            row = found.setdefault(topic or UNKNOWN, Acceptance(topic or UNKNOWN))
            if outcome == "accepted":
                row.accepted += count
            else:
                row.reasons[reason or NO_REASON] += count
    return [found[topic] for topic in sorted(found, key=lambda topic: (not topic.startswith("NCT"), topic))]


def looks(database: Database, patient: str) -> list[LookRow]:
    """Every look at the patient of this keyed hash, the oldest first. Raises: StoreDown."""
    cards = sa.select(sa.func.count()).where(AUDIT_CARD.c.audit == AUDIT.c.id).scalar_subquery().label("cards")
    kept = [AUDIT.c[name] for name in LookRow.__slots__ if name != "cards"]
    query = sa.select(*kept, cards).where(AUDIT.c.patient == patient).order_by(AUDIT.c.id)
    with database.reading() as connection:
        return [LookRow(**row) for row in connection.execute(query).mappings()]


def purge(database: Database, before: datetime, at: datetime) -> int:
    """Forget audit rows and feedback older than `before`, and what has expired. The number of rows; raises: StoreDown."""
    rows = (
        sa.delete(AUDIT_CARD).where(AUDIT_CARD.c.audit.in_(sa.select(AUDIT.c.id).where(AUDIT.c.at < stamp(before)))),
        sa.delete(AUDIT).where(AUDIT.c.at < stamp(before)),
        sa.delete(FEEDBACK).where(FEEDBACK.c.received_at < stamp(before)),
        sa.delete(OVERRIDE).where(OVERRIDE.c.until < stamp(at)),
        sa.delete(SEEN_TOKEN).where(SEEN_TOKEN.c.expires_at < stamp(at)),
    )
    with database.writing(durable=True) as connection:
        return sum(connection.execute(statement).rowcount for statement in rows)
