"""How this process reaches the server: address, key, TLS, and channels that notice when they are dead."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import grpc
from grpc import aio

from workflow_client.errors import InvalidWorker
from workflow_client.version import VERSION

DEFAULT_TARGET: Final = "localhost:50051"
KEY_VARIABLE: Final = "WORKFLOW_ENGINE_API_KEY"
SDK: Final = f"workflow-client-python/{VERSION}"
LARGEST_MESSAGE: Final = 16 * 1024 * 1024

Metadata: TypeAlias = tuple[tuple[str, str], ...]

_OPTIONS: Final[Sequence[tuple[str, int | str]]] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # What gRPC really waits for; the line above alone closes nothing.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection, never one that is dead
    ("grpc.primary_user_agent", SDK),
)


@dataclass(frozen=True)
class Tls:
    """PEM files. `ca` None trusts what the system trusts; `cert` with `key` is for servers that ask for one (mTLS)."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = field(default=None, repr=False)
    server_name: str | None = None
    """The name in the server's certificate, when it is not the host of the target."""

    def credentials(self) -> grpc.ChannelCredentials:
        if (self.cert is None) != (self.key is None):
            raise InvalidWorker("Tls needs `cert` and `key` together, or neither")
        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.cert))


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failure:
        raise InvalidWorker(f"The TLS file {path!r} cannot be read: {failure.strerror}") from None


@dataclass(frozen=True)
class Dialing:
    """One server, and how to talk to it. The key is never shown."""

    target: str = DEFAULT_TARGET
    api_key: str | None = field(default=None, repr=False)
    tls: Tls | None = None

    def channel(self) -> aio.Channel:
        options = list(_OPTIONS)
        if self.tls is None:
            return aio.insecure_channel(self.target, options=options)
        if self.tls.server_name:
            options.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return aio.secure_channel(self.target, self.tls.credentials(), options=options)

    def metadata(self, more: Mapping[str, str] | None = None) -> Metadata:
        key = (("authorization", f"Bearer {self.api_key}"),) if self.api_key else ()
        return key + tuple((more or {}).items())


def dialing(target: str, api_key: str | None, tls: Tls | bool) -> Dialing:
    """Without a key, the one in the environment; `tls` True trusts what the system trusts."""
    if "://" in target:
        raise InvalidWorker(f"The target is {target!r}; give host and port alone, such as {DEFAULT_TARGET!r}")
    chosen = Tls() if tls is True else tls or None
    return Dialing(target, api_key or os.environ.get(KEY_VARIABLE) or None, chosen)
