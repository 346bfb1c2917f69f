"""Without keys a server listens to its own machine only."""

import pytest

from workflow_engine.settings import ListensWithoutKeys, check_listening, is_loopback

LOOPBACK = ["127.0.0.1", "127.8.9.10", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]
OPEN = ["0.0.0.0", "::", "[::]", "", "192.168.1.5", "example.org", "localhost.example.org", "127.1", "::ffff:8.8.8.8"]  # noqa: S104 - named, not bound


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_alone_reaches_loopback(host: str) -> None:
    assert is_loopback(host)
    check_listening(host, has_keys=False, insecure=False)


@pytest.mark.parametrize("host", OPEN)
def test_listening_to_others_is_refused_unless_it_is_wanted(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ListensWithoutKeys, match="WORKFLOW_ENGINE_INSECURE=true"):
        check_listening(host, has_keys=False, insecure=False)
    check_listening(host, has_keys=False, insecure=True)


@pytest.mark.parametrize("host", OPEN)
def test_listening_to_others_is_allowed_once_there_is_a_key(host: str) -> None:
    with pytest.raises(ListensWithoutKeys, match="workflow-engine keys create"):
        check_listening(host, has_keys=False, insecure=False)
    check_listening(host, has_keys=True, insecure=False)
