"""Tokens of leases: made from the lease itself, so that none is stored and every restart knows them."""

import hmac
from base64 import urlsafe_b64encode

from workflow_engine.dispatch.workers.messages import LeaseRef


class Tokens:
    """`key`: 32 secret bytes of this installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def lease(self, execution_id: str, path: str, delivery: int) -> LeaseRef:
        return LeaseRef(execution_id, path, delivery, self._token(execution_id, path, delivery))

    def proves(self, lease: LeaseRef) -> bool:
        expected = self._token(lease.execution_id, lease.path, lease.delivery)
        return hmac.compare_digest(expected.encode(), lease.token.encode(errors="replace"))

    def _token(self, execution_id: str, path: str, delivery: int) -> str:
        what = f"{execution_id}|{path}|{delivery}".encode(errors="replace")
        return urlsafe_b64encode(hmac.digest(self._key, what, "sha256")[:18]).decode()
