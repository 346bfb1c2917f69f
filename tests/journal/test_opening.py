"""From a URL to a journal."""

import subprocess
import sys
from pathlib import Path

import pytest

from workflow_engine.journal.contract import JournalRefused
from workflow_engine.journal.opening import journal_for


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/x", "file.db", "postgresql"])
def test_a_url_that_names_no_journal_is_refused(url: str) -> None:
    with pytest.raises(JournalRefused, match="sqlite:///PATH"):
        journal_for(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://", "memory://"),
        ("sqlite:///data/j.db", "sqlite:///data/j.db"),
        ("sqlite:////data/j.db", "sqlite:////data/j.db"),
        ("postgres://me:secret@db/flows", "postgresql://db/flows"),
        ("postgresql+psycopg://me@db/flows", "postgresql://db/flows"),
    ],
)
def test_every_usual_form_of_a_url_is_understood(url: str, shown: str) -> None:
    assert journal_for(url).url == shown


def test_memory_needs_no_database_library() -> None:
    script = (
        "import sys; from workflow_engine.journal.opening import journal_for; journal_for('memory://')\n"
        "print([name for name in ('sqlalchemy', 'sqlmodel', 'psycopg', 'sqlite3') if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )

    assert process.stdout.strip() == "[]"
