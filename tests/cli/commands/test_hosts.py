"""`workflow-engine hosts`, on a server that is up."""

import json

from tests.cli.terminal import CommandLine


def test_a_host_is_allowed_listed_and_removed(served: CommandLine) -> None:
    assert served("hosts", "allow", "10.1.0.0/16", "--note", "our net").out == "allowed 10.1.0.0/16\n"
    line = served("hosts", "list").out.splitlines()[1]
    assert line.startswith("10.1.0.0/16")
    assert line.rstrip().endswith("our net")
    assert [host["pattern"] for host in json.loads(served("hosts", "list", "--json").out)["hosts"]] == ["10.1.0.0/16"]
    assert served("hosts", "remove", "10.1.0.0/16").out == "removed 10.1.0.0/16\n"
    assert "no hosts are listed" in served("hosts", "list").out


def test_a_host_that_is_not_listed_cannot_be_removed(served: CommandLine) -> None:
    said = served("hosts", "remove", "example.test")
    assert (said.code, said.err) == (1, "error: Host not listed\n")


def test_what_is_no_host_ends_with_2(served: CommandLine) -> None:
    said = served("hosts", "allow", "no host")
    assert said.code == 2
    assert said.err.startswith("error: An allowed host is")
