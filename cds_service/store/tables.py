"""What is kept: feedback, overridden cards, token ids seen, and who looked at whom. No id in clear, no clinical content.

Units: times are UTC in ISO 8601, which sort as text.
"""

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, UniqueConstraint

METADATA = MetaData()

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("received_at", String(32), nullable=False),
    Column("client", String(255), nullable=False),
    Column("service", String(100), nullable=False),
    Column("card", String(36), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("outcome_at", String(32), nullable=False),
    Column("reason", String(32)),
    Column("suggestions", Integer, nullable=False),
    Column("commented", Boolean, nullable=False),
    UniqueConstraint("client", "card", "outcome", "outcome_at", name="feedback_once"),
)
"""`reason`: one of our codes, or `other`; comments are free text and are not kept, only that there was one."""

OVERRIDE = Table(
    "override",
    METADATA,
    Column("client", String(255), primary_key=True),
    Column("card", String(36), primary_key=True),
    Column("until", String(32), nullable=False),
)
"""The card is not shown again until then. Its uuid stands for patient, user, trial and evidence together."""

SEEN_TOKEN = Table(
    "seen_token",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("expires_at", String(32), nullable=False),
    Index("seen_token_expires", "expires_at"),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("client", String(255), nullable=False),
    Column("service", String(100), nullable=False),
    Column("user", String(64), nullable=False),
    Column("patient", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("sent", String(1000), nullable=False),
    Column("read", String(1000), nullable=False),
    Column("suppressed", Integer, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("knowledge", String(80), nullable=False),
    Column("request", String(36)),
    Index("audit_patient", "patient"),
    Index("audit_at", "at"),
)
"""`user` and `patient` are keyed hashes; `sent` and `read` name parts of the record, separated by commas; `request`: the
call's id in the log, which rows of earlier versions lack."""

AUDIT_CARD = Table(
    "audit_card",
    METADATA,
    Column("audit", Integer, ForeignKey("audit.id", ondelete="CASCADE"), primary_key=True),
    Column("card", String(36), primary_key=True),
    Column("topic", String(100), nullable=False),
    Index("audit_card_card", "card"),
)


def stamp(at: datetime) -> str:
    """A time as it is kept."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
