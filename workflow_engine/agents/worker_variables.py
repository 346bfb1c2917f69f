"""The names of the variables by which the agent worker is told what is no option of its command line: the same as those
of the server's settings.
"""

from typing import Final

PREFIX: Final = "WORKFLOW_ENGINE_AGENTS__"
ALLOWED_HOSTS: Final = f"{PREFIX}ALLOWED_HOSTS"
MCP_SERVERS: Final = f"{PREFIX}MCP_SERVERS"
MAX_ANSWER_BYTES: Final = f"{PREFIX}MAX_ANSWER_BYTES"
CACHED_ROUTERS: Final = f"{PREFIX}CACHED_ROUTERS"
GRACE_SECONDS: Final = f"{PREFIX}GRACE_SECONDS"
