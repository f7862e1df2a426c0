"""The id of the call in the audit, by which its log lines are found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("audit", sa.Column("request", sa.String(36)))


def downgrade() -> None:
    op.drop_column("audit", "request")
