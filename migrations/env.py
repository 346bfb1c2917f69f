"""What Alembic runs: always on a connection that the journal hands over, inside the journal's own transaction.

For a new revision see CONTRIBUTING: `script_location` is this folder, and tests compare its result with the tables.
"""

from alembic import context
from sqlalchemy import Connection

from workflow_engine.journal.revisions import TABLE
from workflow_engine.journal.tables import METADATA

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    version_table=TABLE,
    # SQLite cannot change a column in place: such changes copy the table.
    render_as_batch=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
