"""Feedback, overridden cards, token ids seen, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("client", sa.String(255), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("card", sa.String(36), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("outcome_at", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("suggestions", sa.Integer, nullable=False),
        sa.Column("commented", sa.Boolean, nullable=False),
        sa.UniqueConstraint("client", "card", "outcome", "outcome_at", name="feedback_once"),
    )
    op.create_table(
        "override",
        sa.Column("client", sa.String(255), primary_key=True),
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("until", sa.String(32), nullable=False),
    )
    op.create_table(
        "seen_token",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.String(32), nullable=False),
    )
    op.create_index("seen_token_expires", "seen_token", ["expires_at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("client", sa.String(255), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("sent", sa.String(1000), nullable=False),
        sa.Column("read", sa.String(1000), nullable=False),
        sa.Column("suppressed", sa.Integer, nullable=False),
        sa.Column("silent", sa.Boolean, nullable=False),
        sa.Column("knowledge", sa.String(80), nullable=False),
    )
    op.create_index("audit_patient", "audit", ["patient"])
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "audit_card",
        sa.Column("audit", sa.Integer, sa.ForeignKey("audit.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("topic", sa.String(100), nullable=False),
    )
    op.create_index("audit_card_card", "audit_card", ["card"])


def downgrade() -> None:
    for table in ("audit_card", "audit", "seen_token", "override", "feedback"):
        op.drop_table(table)
