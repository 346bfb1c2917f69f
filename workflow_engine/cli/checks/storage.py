"""The database: fit for a journal, reachable, and of the schema that this version needs."""

from collections.abc import Iterator

from workflow_engine.bounds import journal_timeouts
from workflow_engine.cli.checks.finding import Finding, fail, ok, warn
from workflow_engine.cli.durations import length
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.examining import Examination, Schema, examine, schema_of
from workflow_engine.settings import Settings

_ADVICE = "set WORKFLOW_ENGINE_DATABASE_URL to a database that can be used, or mend this one"


def check_storage(settings: Settings) -> Iterator[Finding]:
    """Stops at what makes everything behind it pointless."""
    timeouts = journal_timeouts(settings)
    try:
        found = examine(settings.database_url, timeouts)
        yield _product(found)
        yield from _durability(found)
        if found.product != "memory":
            yield _schema(schema_of(settings.database_url, timeouts), settings)
    except WorkflowEngineError as error:
        yield fail("storage", str(error), _ADVICE)


def _product(found: Examination) -> Finding:
    if not found.is_safe:
        return warn(
            "storage",
            f"{found.product}: before 3.51.3, two connections that write at once can corrupt a database",
            "install the package pysqlite3, which brings a newer SQLite",
        )
    return ok("storage", found.product + (", owned by a running engine" if found.is_in_use else ""))


def _durability(found: Examination) -> Iterator[Finding]:
    if found.product == "memory":
        yield warn(
            "durability", "memory keeps nothing", "name a file: WORKFLOW_ENGINE_DATABASE_URL=sqlite:///./data/flows.db"
        )
    elif found.commit_seconds is None:
        yield ok("durability", "fsync and synchronous_commit are on")
    else:
        yield ok("durability", f"WAL, synchronous=FULL; one commit reaches the disk in {length(found.commit_seconds)}")


def _schema(schema: Schema, settings: Settings) -> Finding:
    if schema.found is None:
        return ok("schema", f"none yet; the first start makes it (revision {schema.needed})")
    if schema.is_current:
        return ok("schema", f"revision {schema.found}")
    message = f"revision {schema.found}, and this version needs {schema.needed}"
    by_itself = settings.storage.migrate == "always" or (
        settings.storage.migrate == "auto" and settings.database_url.startswith("sqlite")
    )
    if by_itself:
        return warn("schema", message, "the next start migrates it; `workflow-engine migrate` does it now")
    return fail("schema", message, "run `workflow-engine migrate`")
