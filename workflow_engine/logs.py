"""The one home of logging: structlog for us, the standard library's loggers (uvicorn, alembic) through the same door.

Lines go to stderr, since stdout belongs to what a command answers. Tracebacks never show local variables: they hold
what users sent.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import structlog
from structlog.contextvars import bound_contextvars

__all__ = ["Logger", "bound_contextvars", "configure", "logger", "silence"]

Logger: TypeAlias = structlog.stdlib.BoundLogger
LogFormat: TypeAlias = Literal["console", "json"]

_SHARED: Final[Sequence[structlog.typing.Processor]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
# They bring handlers and levels of their own, or repeat what our own lines already say.
_GUESTS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def logger(name: str) -> Logger:
    """The logger of a module: `logger(__name__).info("execution started", execution_id=...)`."""
    found: Logger = structlog.stdlib.get_logger(name)
    return found


class _OurHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic only for type checkers
    """So that a second `configure` finds and replaces what the first one installed."""


def configure(log_format: LogFormat, level: str) -> None:
    """Send every log line of this process to stderr, as text for people or as JSON lines, from `level` on.

    `level` is debug, info, warning, error or critical. Calling it again replaces the earlier choice.
    """
    handler = _OurHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _OurHandler)), handler]
    root.setLevel(level.upper())
    for name in _GUESTS:
        guest = logging.getLogger(name)
        guest.handlers, guest.propagate = [], True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def silence(names: Sequence[str]) -> None:
    """Libraries whose log lines may hold what must not be kept, such as an address with a key in it."""
    for name in names:
        guest = logging.getLogger(name)
        guest.handlers, guest.propagate, guest.disabled = [], False, True


def _rendering(log_format: LogFormat) -> Sequence[structlog.typing.Processor]:
    if log_format == "json":
        return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return (console,)
