"""Looking at a database without becoming its engine."""

from pathlib import Path

import pytest

from workflow_engine.journal.contract import ApiKeyRow, JournalRefused, JournalUnavailable
from workflow_engine.journal.examining import Schema, examine, has_valid_key, schema_of
from workflow_engine.journal.opening import journal_for
from workflow_engine.journal.revisions import HEAD


async def test_a_database_has_a_schema_once_an_engine_opened_it(database_url: str) -> None:
    assert schema_of(database_url) == Schema(None, HEAD)
    journal = journal_for(database_url)
    await journal.open()
    assert schema_of(database_url) == Schema(HEAD, HEAD)
    assert schema_of(database_url).is_current
    await journal.close()


async def test_a_valid_key_is_seen_while_an_engine_owns_the_database(database_url: str) -> None:
    assert not has_valid_key(database_url)
    journal = journal_for(database_url)
    await journal.open()
    assert not has_valid_key(database_url)
    await journal.save_api_key(ApiKeyRow("default", "k", "ops", "0", ("admin",), "", 1.0, "local"))
    assert has_valid_key(database_url)
    await journal.revoke_api_key("default", "k", 2.0)
    assert not has_valid_key(database_url)
    await journal.close()


async def test_an_engine_that_owns_a_database_is_seen_and_not_disturbed(database_url: str) -> None:
    journal = journal_for(database_url)
    await journal.open()
    assert examine(database_url).is_in_use
    await journal.secret("still-writing")
    await journal.close()
    assert not examine(database_url).is_in_use


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/flows.db"
    found = examine(url)
    assert found.product.startswith("SQLite 3.")
    assert found.is_safe
    assert found.commit_seconds is not None
    assert 0 < found.commit_seconds < 5
    assert schema_of(url).found is None
    assert list(tmp_path.iterdir()) == []


def test_memory_is_nobodys_and_has_no_schema() -> None:
    assert examine("memory://").product == "memory"
    assert schema_of("memory://").found is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnavailable, match="cannot be written"):
        examine(f"sqlite:///{tmp_path}/file/flows.db")


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises((JournalRefused, JournalUnavailable)):
        examine("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(JournalUnavailable):
        schema_of("postgresql://nobody@127.0.0.1:9/none")
