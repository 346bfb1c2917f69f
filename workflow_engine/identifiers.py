"""Names of things: time-ordered ids, and the key a step keeps through all its attempts."""

import hashlib
import re
from typing import Final

import uuid_utils

DEFAULT_NAMESPACE: Final = "default"
SIGNAL_NAME: Final = re.compile(r"[\x21-\x7e]{1,128}")


def new_id() -> str:
    """A UUIDv7 in text form: sorts by creation time, so it must never serve as a secret."""
    return str(uuid_utils.uuid7())


def step_key(execution_id: str, path: str) -> str:
    """The idempotency key of a step: the same bytes on every attempt and every delivery."""
    return f"wfk_{execution_id}_{path}"


def seed_of(execution_id: str) -> int:
    """The number an execution draws everything random from; it is recorded, so that its decisions can be replayed."""
    return int.from_bytes(hashlib.blake2b(execution_id.encode(), digest_size=6).digest(), "big")
