"""A fake model that calls a tool in every turn but the last, and takes its time for each answer."""

import os
from typing import Final

from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.reply import Reply, ToolCall

TURNS: Final = 20
DELAY: Final = float(os.environ.get("OBLIGING_DELAY", "0.05"))


def respond(asked: Asked) -> Reply:
    if asked.tools and asked.turn < TURNS - 1:
        return Reply(tool_calls=(ToolCall("data_input", {}),), delay=DELAY)
    return Reply("That is all.", delay=DELAY)
