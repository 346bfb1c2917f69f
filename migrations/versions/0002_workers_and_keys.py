"""Workers that may hold steps, and API keys.

True on SQLite and on PostgreSQL. It never imports the tables of the package: those move on, this stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("worker_id", KEY, nullable=False),
        sa.Column("serves", sa.Text, nullable=False),
        sa.Column("connected_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "worker_id", name="pk_worker"),
    )
    op.create_table(
        "api_key",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("key_id", KEY, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("namespace", "key_id", name="pk_api_key"),
        sa.UniqueConstraint("key_id", name="uq_api_key_key_id"),
    )
