"""What a server's answer to a result means for it."""

import logging
from enum import Enum, auto

from workflow_client.generated.worker_pb2 import (
    LEASE_CODE_INVALID,
    LEASE_CODE_LEASE_SUPERSEDED,
    LEASE_CODE_UNAVAILABLE,
    LeaseAnswer,
    LeaseCode,
)
from workflow_client.protocol.held import Held

log = logging.getLogger("workflow_client.protocol")


class Answer(Enum):
    DROP = auto()
    AGAIN = auto()
    """Not now: send it again, later."""
    REPLACE = auto()
    """It cannot be read: send a failure that says so, or the step would wait for its lease to run out."""


def judge(held: Held, item: LeaseAnswer) -> Answer:
    if item.code == LEASE_CODE_UNAVAILABLE:
        return Answer.AGAIN
    path, execution_id = held.key[1], held.key[0]
    if item.code == LEASE_CODE_LEASE_SUPERSEDED:  # normal after a long silence: somebody else has the step
        log.debug("The result of %s of execution %s came too late and changed nothing", path, execution_id)
        return Answer.DROP
    name = LeaseCode.Name(item.code) if item.code in LeaseCode.values() else str(item.code)
    log.warning("The result of %s of execution %s was refused: %s (%s)", path, execution_id, item.message, name)
    return Answer.REPLACE if item.code == LEASE_CODE_INVALID and not held.corrected else Answer.DROP
