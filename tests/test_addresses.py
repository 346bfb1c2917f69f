"""Which addresses count as public, in whatever form they come, and what an entry of the list allows."""

import ipaddress

import pytest

from workflow_engine.addresses import HostPattern, InvalidHostPattern, is_public, why_not, without_disguise


def refused(host: str, *addresses: str, port: int = 80, allowed: tuple[str, ...] = (), loopback: bool = False) -> bool:
    found = [ipaddress.ip_address(address) for address in addresses]
    return why_not(host, found, port, allowed, loopback) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_public_addresses_pass(address: str) -> None:
    assert is_public(without_disguise(ipaddress.ip_address(address)))
    assert not refused("api.example.com", address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.0.9", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
        *("203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        "168.63.129.16",
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "2001:db8::1", "2001::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    ],
)
def test_addresses_that_are_not_public_are_refused_in_every_form(address: str) -> None:
    assert refused("innocent.example.com", address)


def test_one_forbidden_address_among_several_is_enough() -> None:
    assert refused("a.example", "8.8.8.8", "127.0.0.1")
    assert refused("a.example", "127.0.0.1", "8.8.8.8")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_passes_only_where_it_was_allowed(address: str) -> None:
    assert refused("localhost", address)
    assert not refused("localhost", address, loopback=True)


@pytest.mark.parametrize("address", ["10.0.0.1", "0.0.0.1", "169.254.169.254", "::"])
def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    assert refused("a", address, loopback=True)


@pytest.mark.parametrize(
    ("pattern", "host", "address", "port", "passes"),
    [
        ("intranet.local", "intranet.local", "10.0.0.1", 80, True),
        ("Intranet.Local.", "INTRANET.local.", "10.0.0.1", 80, True),
        ("intranet.local", "x.intranet.local", "10.0.0.1", 80, False),
        ("intranet.local:8080", "intranet.local", "10.0.0.1", 8080, True),
        ("intranet.local:8080", "intranet.local", "10.0.0.1", 80, False),
        ("*.corp.example", "a.corp.example", "10.0.0.1", 80, True),
        ("*.corp.example", "a.b.corp.example", "10.0.0.1", 80, True),
        ("*.corp.example", "corp.example", "10.0.0.1", 80, False),
        ("*.corp.example", "evilcorp.example", "10.0.0.1", 80, False),
        ("*.corp.example:443", "a.corp.example", "10.0.0.1", 443, True),
        ("10.0.0.0/8", "anything", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "anything", "11.1.2.3", 80, True),
        ("10.0.0.0/8", "anything", "192.168.0.1", 80, False),
        ("10.0.0.1/8", "anything", "10.9.9.9", 80, True),
        ("10.0.0.5", "anything", "10.0.0.5", 80, True),
        ("10.0.0.5", "anything", "::ffff:10.0.0.5", 80, True),
        ("10.0.0.5:8080", "anything", "10.0.0.5", 8080, True),
        ("10.0.0.5:8080", "anything", "10.0.0.5", 80, False),
        ("fd00::/8", "anything", "fd00::7", 80, True),
        ("[fd00::7]:8080", "anything", "fd00::7", 8080, True),
        ("fd00::7", "anything", "fd00::7", 80, True),
        ("localhost", "localhost", "127.0.0.1", 80, True),
        ("localhost", "rebound.example", "127.0.0.1", 80, False),
    ],
)
def test_an_entry_of_the_list_allows_what_it_names(
    pattern: str, host: str, address: str, port: int, passes: bool
) -> None:
    assert refused(host, address, port=port, allowed=(pattern,)) is not passes


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " ",
        "*",
        "*.",
        "a b",
        "a..b",
        "-a",
        "http://a",
        "a/8",
        "a:0",
        "a:99999",
        "a:x",
        "10.0.0.0/33",
        "[::1",
        "a*.b",
    ],
)
def test_an_entry_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidHostPattern):
        HostPattern.parse(pattern)


def test_an_entry_that_means_nothing_stops_no_other() -> None:
    assert not refused("intranet.local", "10.0.0.1", allowed=("a..b", "intranet.local"))
    assert refused("a..b", "10.0.0.1", allowed=("a..b",))
