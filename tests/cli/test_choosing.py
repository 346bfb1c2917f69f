"""Which server a command speaks to."""

import pytest

from workflow_engine.cli.choosing import chosen_place, server_of, url_of
from workflow_engine.cli.failures import InvalidArgument


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("localhost", "http://localhost:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - read here, not listened on
        ("::", "http://[::1]:80"),
        ("[::1]", "http://[::1]:80"),
    ],
)
def test_a_server_that_listens_everywhere_is_reached_by_loopback(host: str, url: str) -> None:
    assert url_of(host, 80) == url


def test_a_named_server_wins_over_the_settings() -> None:
    assert server_of("example.test:81").url == "http://example.test:81"


@pytest.mark.parametrize("also", [{"embedded": True}, {"embedded": False, "database_url": "memory://"}])
def test_a_server_and_an_engine_inside_exclude_each_other(also: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument), chosen_place("http://127.0.0.1:1", **also):  # type: ignore[arg-type] # a table
        pass
