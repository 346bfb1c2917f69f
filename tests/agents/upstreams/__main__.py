"""A fake provider in a process of its own; prints its port, and serves until its standard input ends.

python -m tests.agents.upstreams [--port 0] [--delay 0.5] [--respond package.module:function]
"""

import argparse
import importlib
import sys
from typing import cast

from tests.agents.upstreams.reply import Reply
from tests.agents.upstreams.upstream import Respond, Upstream, always


def named(place: str) -> Respond:
    """The function that is written as `package.module:function`."""
    module, _, name = place.partition(":")
    return cast("Respond", getattr(importlib.import_module(module), name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer, without --respond")
    parser.add_argument("--respond", help="package.module:function, an Asked -> Reply")
    given = parser.parse_args()
    respond = named(given.respond) if given.respond else always(Reply("A fake answer.", delay=given.delay))
    with Upstream(respond, port=given.port) as upstream:
        sys.stdout.write(f"{upstream.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
