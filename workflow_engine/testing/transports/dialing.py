"""How the gRPC face of a server is reached."""

from dataclasses import dataclass
from typing import Any

import grpc
from grpc import aio

OPTIONS: tuple[tuple[str, Any], ...] = (
    # A pool of its own: otherwise all channels of a process to one address share one connection.
    ("grpc.use_local_subchannel_pool", 1),
    # The server says what is too large; the kit wants to hear it say so.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt to connect may take, at least: machines under test are busy.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 500),
)


@dataclass(frozen=True, slots=True)
class Dialing:
    """`address` is `host:port`; `certificate`: PEM of the authority when the server speaks TLS."""

    address: str
    api_key: str | None = None
    certificate: bytes | None = None

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return () if self.api_key is None else (("authorization", f"Bearer {self.api_key}"),)

    def channel(self) -> aio.Channel:
        if self.certificate is None:
            return aio.insecure_channel(self.address, OPTIONS)
        return aio.secure_channel(self.address, grpc.ssl_channel_credentials(self.certificate), OPTIONS)
