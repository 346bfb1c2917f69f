"""The server under test: where it is, with which key, and what may be done to it."""

from dataclasses import dataclass, replace

from workflow_engine.testing.clients.contract import Client
from workflow_engine.testing.clients.grpc import GrpcClient
from workflow_engine.testing.clients.rest import RestClient
from workflow_engine.testing.control import ServerControl
from workflow_engine.testing.transports.contract import Transport
from workflow_engine.testing.transports.dialing import Dialing
from workflow_engine.testing.transports.http import Http
from workflow_engine.testing.transports.rest import RestTransport
from workflow_engine.testing.transports.stream import StreamTransport
from workflow_engine.testing.transports.unary import UnaryTransport

TRANSPORTS = ("stream", "unary", "rest")


@dataclass(frozen=True, slots=True)
class Target:
    """`grpc` is `host:port`, `rest` a URL; `certificate`: PEM of the authority behind their TLS.

    `other_api_key` belongs to another principal of the same namespace.
    """

    grpc: str | None = None
    rest: str | None = None
    api_key: str | None = None
    other_api_key: str | None = None
    certificate: bytes | None = None
    control: ServerControl | None = None

    @property
    def transports(self) -> tuple[str, ...]:
        """Those whose address is known."""
        return tuple(name for name in TRANSPORTS if (self.rest if name == "rest" else self.grpc) is not None)

    def transport(self, name: str) -> Transport:
        """Raises `KeyError` for a name that is none of `transports`."""
        if name not in self.transports:
            raise KeyError(name)
        if name == "rest":
            return RestTransport(self._http())
        return StreamTransport(self._dialing()) if name == "stream" else UnaryTransport(self._dialing())

    def client(self, transport: str) -> Client:
        """Of the same kind as the worker, so that each face is tried as a whole."""
        return RestClient(self._http()) if transport == "rest" else GrpcClient(self._dialing())

    def other_client(self, transport: str) -> Client | None:
        """A caller with the other key; None without one."""
        if self.other_api_key is None:
            return None
        return replace(self, api_key=self.other_api_key, other_api_key=None).client(transport)

    def _http(self) -> Http:
        return Http(self.rest or "", self.api_key, self.certificate)

    def _dialing(self) -> Dialing:
        return Dialing(self.grpc or "", self.api_key, self.certificate)
