"""The first tables.

True on SQLite and on PostgreSQL. It never imports the tables of the package: those move on, this stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("status IN ('pending', 'running', 'waiting', 'paused')")
ENDED = sa.text("status IN ('completed', 'failed', 'cancelled')")

GUARD_SQLITE = (
    """CREATE TRIGGER execution_ended BEFORE UPDATE ON execution
WHEN OLD.status IN ('completed', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'an ended execution never changes'); END""",
)
GUARD_POSTGRESQL = (
    """CREATE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'an ended execution never changes' USING ERRCODE = 'check_violation'; END $$""",
    """CREATE TRIGGER execution_ended BEFORE UPDATE ON execution FOR EACH ROW
WHEN (OLD.status IN ('completed', 'failed', 'cancelled')) EXECUTE FUNCTION refuse_change_of_ended_execution()""",
)


def upgrade() -> None:
    _log()
    _executions()
    _tags()
    _definitions_and_workflows()
    _acceptances()
    _step_types_and_hosts()
    _installation()
    _guard()


def _log() -> None:
    op.create_table(
        "event",
        sa.Column("position", COUNT, autoincrement=True, nullable=False),
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("first_seq", COUNT, nullable=False),
        sa.Column("last_seq", COUNT, nullable=False),
        sa.Column("payloads", COUNT, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.CheckConstraint("first_seq >= 1 AND last_seq >= first_seq", name=op.f("ck_event_seq")),
        sa.PrimaryKeyConstraint("position", name="pk_event"),
        sa.UniqueConstraint("namespace", "execution_id", "first_seq", name="uq_event_namespace_execution_id_first_seq"),
    )
    op.create_table(
        "payload",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "digest", name="pk_payload"),
    )
    op.create_table(
        "payload_use",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("seq", COUNT, autoincrement=False, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace", "digest"], ["payload.namespace", "payload.digest"], name="fk_payload_use_namespace_digest"
        ),
        sa.PrimaryKeyConstraint("namespace", "execution_id", "seq", name="pk_payload_use"),
    )
    op.create_index("ix_payload_use_namespace_digest", "payload_use", ["namespace", "digest"])


def _executions() -> None:
    op.create_table(
        "execution",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("workflow_id", KEY, nullable=True),
        sa.Column("workflow_name", sa.Text, nullable=False),
        sa.Column("workflow_version", sa.Text, nullable=False),
        sa.Column("definition", KEY, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("session_id", sa.Text, nullable=True),
        sa.Column("organization_id", sa.Text, nullable=True),
        sa.Column("correlation_id", sa.Text, nullable=True),
        sa.Column("trace_id", sa.Text, nullable=True),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("status", KEY, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("completed_at", sa.Double, nullable=True),
        sa.Column("next_due_at", sa.Double, nullable=True),
        sa.Column("current_step", sa.Text, nullable=True),
        sa.Column("completed_steps", COUNT, nullable=False),
        sa.Column("failed_steps", COUNT, nullable=False),
        sa.Column("skipped_steps", COUNT, nullable=False),
        sa.Column("pending_steps", COUNT, nullable=False),
        sa.Column("total_steps", COUNT, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("step_statuses", sa.Text, nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_execution_status"),
        ),
        sa.PrimaryKeyConstraint("namespace", "execution_id", name="pk_execution"),
    )
    op.create_index("ix_execution_definition", "execution", ["definition"])
    op.create_index("ix_execution_ended", "execution", ["updated_at"], sqlite_where=ENDED, postgresql_where=ENDED)
    op.create_index(
        "ix_execution_namespace_started_at_execution_id", "execution", ["namespace", "started_at", "execution_id"]
    )
    op.create_index(
        "ix_execution_namespace_status_started_at_execution_id",
        "execution",
        ["namespace", "status", "started_at", "execution_id"],
    )
    op.create_index(
        "ix_execution_namespace_user_id_started_at_execution_id",
        "execution",
        ["namespace", "user_id", "started_at", "execution_id"],
    )
    op.create_index(
        "ix_execution_namespace_workflow_id_started_at_execution_id",
        "execution",
        ["namespace", "workflow_id", "started_at", "execution_id"],
    )
    op.create_index("ix_execution_open", "execution", ["started_at"], sqlite_where=OPEN, postgresql_where=OPEN)


def _tags() -> None:
    op.create_table(
        "execution_tag",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("tag", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace", "execution_id"],
            ["execution.namespace", "execution.execution_id"],
            name="fk_execution_tag_namespace_execution_id",
        ),
        sa.PrimaryKeyConstraint("namespace", "execution_id", "tag", name="pk_execution_tag"),
    )
    op.create_index(
        "ix_execution_tag_namespace_tag_execution_id", "execution_tag", ["namespace", "tag", "execution_id"]
    )


def _definitions_and_workflows() -> None:
    op.create_table(
        "definition",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_definition"),
    )
    op.create_table(
        "workflow",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("workflow_id", KEY, nullable=False),
        sa.Column("version_number", COUNT, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.CheckConstraint("version_number >= 1", name=op.f("ck_workflow_version_number")),
        sa.PrimaryKeyConstraint("namespace", "workflow_id", name="pk_workflow"),
    )
    op.create_index(
        "ix_workflow_namespace_updated_at_workflow_id", "workflow", ["namespace", "updated_at", "workflow_id"]
    )
    op.create_table(
        "workflow_version",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("workflow_id", KEY, nullable=False),
        sa.Column("version_number", COUNT, autoincrement=False, nullable=False),
        sa.Column("definition", KEY, nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
        sa.CheckConstraint("version_number >= 1", name=op.f("ck_workflow_version_version_number")),
        sa.ForeignKeyConstraint(["definition"], ["definition.digest"], name="fk_workflow_version_definition"),
        sa.ForeignKeyConstraint(
            ["namespace", "workflow_id"],
            ["workflow.namespace", "workflow.workflow_id"],
            name="fk_workflow_version_namespace_workflow_id",
        ),
        sa.PrimaryKeyConstraint("namespace", "workflow_id", "version_number", name="pk_workflow_version"),
    )
    op.create_index("ix_workflow_version_definition", "workflow_version", ["definition"])


def _acceptances() -> None:
    op.create_table(
        "acceptance",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("operation", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("body_digest", sa.Text, nullable=False),
        sa.Column("execution_id", KEY, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "operation", "key", name="pk_acceptance"),
    )
    op.create_index("ix_acceptance_expires_at", "acceptance", ["expires_at"])


def _step_types_and_hosts() -> None:
    op.create_table(
        "step_type",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("contract_hash", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("step_id", sa.Text, nullable=False),
        sa.Column("registered_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", "version", name="pk_step_type"),
    )
    op.create_table(
        "allowed_host",
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("pattern", KEY, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "pattern", name="pk_allowed_host"),
    )


def _installation() -> None:
    op.create_table(
        "secret",
        sa.Column("name", KEY, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
    op.create_table(
        "owner",
        sa.Column("name", KEY, nullable=False),
        sa.Column("term", COUNT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_owner"),
    )


def _guard() -> None:
    for statement in GUARD_SQLITE if op.get_bind().dialect.name == "sqlite" else GUARD_POSTGRESQL:
        op.execute(statement)
