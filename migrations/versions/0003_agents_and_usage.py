"""Agents, and what model calls used and cost.

True on SQLite and on PostgreSQL. It never imports the tables of the package: those move on, this stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("agent_id", KEY, nullable=False),
        sa.Column("version_number", COUNT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.CheckConstraint("version_number >= 1", name=op.f("ck_agent_version_number")),
        sa.PrimaryKeyConstraint("namespace", "agent_id", name="pk_agent"),
    )
    op.create_table(
        "usage",
        sa.Column("position", COUNT, autoincrement=True, nullable=False),
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("step_id", KEY, nullable=False),
        sa.Column("turn", COUNT, nullable=False),
        sa.Column("agent", KEY, nullable=False),
        sa.Column("agent_id", KEY, nullable=True),
        sa.Column("model", KEY, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("principal", KEY, nullable=False),
        sa.Column("workflow_id", KEY, nullable=True),
        sa.Column("input_tokens", COUNT, nullable=False),
        sa.Column("output_tokens", COUNT, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=True),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_usage"),
    )
    op.create_index("ix_usage_namespace_at", "usage", ["namespace", "at"])
    op.create_index("ix_usage_namespace_execution_id", "usage", ["namespace", "execution_id"])
    op.create_index("ix_usage_at", "usage", ["at"])
