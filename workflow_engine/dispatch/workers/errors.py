"""Why a worker is refused. What is wrong with one item only is a `Code` of its answer."""

from workflow_engine.errors import Conflict, Forbidden, InvalidRequest, NotFound, OverLimit


class InvalidHello(InvalidRequest):
    code = "invalid-hello"

    def __init__(self, what: str) -> None:
        super().__init__(f"Hello is not valid: {what}")


class UnsupportedProtocol(InvalidRequest):
    code = "unsupported-protocol"
    grpc_status = "FAILED_PRECONDITION"

    def __init__(self, version: int, lowest: int, highest: int) -> None:
        super().__init__(f"this server speaks protocol version {version}; the worker speaks {lowest} to {highest}")


class ForeignNamespace(Forbidden):
    code = "foreign-namespace"

    def __init__(self) -> None:
        super().__init__("this namespace is not that of the key; leave it empty, or use a key of that namespace")


class ForeignWorker(Forbidden):
    """Another principal's worker has this id, or had it a moment ago."""

    code = "foreign-worker"

    def __init__(self) -> None:
        super().__init__("a worker of somebody else has this worker_id; choose another")


class OutOfOrder(InvalidRequest):
    """A frame that must not come now."""

    code = "out-of-order"
    grpc_status = "FAILED_PRECONDITION"

    def __init__(self, what: str) -> None:
        super().__init__(what)


class InvalidCredits(InvalidRequest):
    code = "invalid-credits"

    def __init__(self, most: int) -> None:
        super().__init__(f"slots are numbers from 0 to {most}, by `` for all together or by the name of a step type")


class SessionSuperseded(Conflict):
    code = "session-superseded"

    def __init__(self) -> None:
        super().__init__("a newer session of this worker took the place of this one")


class SessionNotFound(NotFound):
    """Unknown, closed, or somebody else's: open a new one and resume what is held."""

    code = "session-not-found"

    def __init__(self) -> None:
        super().__init__("Session not found; open a new one, and resume what is held")


class TooManySessions(OverLimit):
    code = "too-many-sessions"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} workers are connected, which is the limit of this server; try again later")
