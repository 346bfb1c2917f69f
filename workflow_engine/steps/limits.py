"""How large and how long the parts of a registration may be; the names are those of the settings."""

import re
from dataclasses import dataclass
from typing import Final

STEP_TYPE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class RegistrationLimits:
    """Lengths count characters, sizes bytes, times seconds."""

    schema_bytes: int = 65_536
    schema_depth: int = 32
    tags: int = 32
    tag_length: int = 64
    text_length: int = 16_384
    """Description and documentation."""
    name_length: int = 200
    error_codes: int = 100
    examples: int = 20
    url_bytes: int = 8_192
    header_bytes: int = 65_536
    least_timeout_seconds: float = 0.001
    most_timeout_seconds: float = 31_536_000.0
    max_retries: int = 1_000
    slot_cost: int = 1_000
    estimated_cost_usd: float = 1_000_000.0
    permissions: int = 32
    permission_length: int = 128
    contracts: int = 100
    """Registered as one."""
    examined: int = 10_000
    """Saved workflows, and as many open executions, that are looked at for what a contract breaks."""
    breakages: int = 1_000
