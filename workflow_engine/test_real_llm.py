"""One real call to every provider of models that is configured: `uv run python -m workflow_engine.test_real_llm`.

It costs a fraction of a cent. The calls go the way of an agent's: a process with the code of the agent worker makes
them, told by the worker protocol. Exit code 0 when every configured provider answered, or none is configured; else 1.
This is a program for people with keys, and no test that could be collected: its name is the one older versions had.
"""

import asyncio
import importlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from workflow_engine.agents.child import Child
from workflow_engine.agents.providers import configured, locate
from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker_command import Reaching, worker_command
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.layout import make_client_findable
from workflow_engine.settings import load_settings, surroundings
from workflow_engine.steps.agent_steps import MODEL_CALL

__test__ = False

MODELS: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("OPENAI_MODEL", "gpt-4o-mini"),
    "gemini": ("GEMINI_MODEL", "gemini-2.5-flash"),
    "bedrock": ("BEDROCK_MODEL", "amazon.nova-micro-v1:0"),
    "anthropic": ("ANTHROPIC_MODEL", "claude-haiku-4-5"),
    "onprem": ("ONPREM_MODEL", ""),
}
"""The variable that names another model, and the small one that is asked otherwise."""
QUESTION: Final = "Answer with the one word: ready"
CALL_SECONDS: Final = 60.0
START_SECONDS: Final = 120.0
MOST_TOKENS: Final = 512
"""Models that think before they answer need more than the answer."""
LONGEST_NOTE: Final = 200
_HEAD: Final = ("provider", "model", "result", "ms", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class Trial:
    provider: str
    model: str
    """Empty: nobody said which."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` is `ok` or the code of the failure, `note` what was answered or went wrong."""

    trial: Trial
    result: str
    note: str
    milliseconds: float | None = None
    tokens: str = ""
    cost: str = ""


class WorkerEnded(WorkflowEngineError):
    code = "agent-worker-ended"

    def __init__(self, exit_code: int, lines: Sequence[str]) -> None:
        super().__init__(f"the agent worker ended with exit code {exit_code}; it said: {' / '.join(lines)}")


def trials(environment: Mapping[str, str]) -> list[Trial]:
    """One for each provider that is configured."""
    names = [status.name for status in configured(environment) if status.configured]
    return [Trial(name, environment.get(MODELS[name][0]) or MODELS[name][1]) for name in names]


async def outcomes(wanted: Sequence[Trial], environment: Mapping[str, str]) -> list[Outcome]:
    """One after the other. Raises `WorkerEnded`, and `TimeoutError` when it does not get ready."""
    make_client_findable()
    # It plays the server's half of the protocol; an engine with a database would prove nothing more about a provider.
    server = await importlib.import_module("workflow_client.testing").FakeServer().start()
    child = Child(worker_command(load_settings(), Reaching(server.target, ""), environment), lambda _line: None)
    redacted = Redaction(environment)
    try:
        await _ready(server, child, redacted)
        return [await _outcome(server, trial) for trial in wanted]
    finally:
        child.kill()
        await child.ended()
        await server.stop()


async def _ready(server: Any, child: Child, redacted: Redaction) -> None:  # noqa: ANN401 - found at run time
    ready = asyncio.ensure_future(server.until(lambda: any(one.is_ready for one in server.sessions), START_SECONDS))
    ended = asyncio.ensure_future(child.ended())
    try:
        await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise WorkerEnded(ended.result(), [redacted(line) for line in child.last_lines])
        await ready
    finally:
        ready.cancel()
        ended.cancel()


async def _outcome(server: Any, trial: Trial) -> Outcome:  # noqa: ANN401 - as above
    if not trial.model:
        return Outcome(trial, "no-model", f"set {MODELS[trial.provider][0]} to a model that this server has")
    began = time.monotonic()
    name = server.assign(MODEL_CALL.pin, _asked(trial), execution_id=f"trial-{trial.provider}")
    try:
        await server.until(lambda: name in server.results, CALL_SECONDS + 5)
    except TimeoutError:
        return Outcome(trial, "no-result", f"nothing came of it in {CALL_SECONDS:g} seconds")
    milliseconds = (time.monotonic() - began) * 1_000
    failure = server.results[name].failure
    if failure.code:
        return Outcome(trial, failure.code, failure.message, milliseconds)
    said = server.output(name)
    usage, cost = said["usage"], said["cost_usd"]
    return Outcome(
        trial,
        "ok",
        str(said["message"].get("content") or "").strip(),
        milliseconds,
        f"{usage['input_tokens']}+{usage['output_tokens']}",
        "unknown" if cost is None else f"${cost:.6f}",
    )


def _asked(trial: Trial) -> Mapping[str, object]:
    return {
        "models": [{"model": locate(trial.model, trial.provider).model}],
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MOST_TOKENS,
        "timeout_seconds": CALL_SECONDS,
    }


def show(found: Sequence[Outcome], environment: Mapping[str, str]) -> None:
    rows = [_HEAD, *(_cells(each) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    notes = ["", *(" ".join(each.note.split())[:LONGEST_NOTE] for each in found)]
    for row, note in zip(rows, notes, strict=True) if found else ():
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        _say(f"{line}  {note}".rstrip())
    for status in configured(environment):
        if not status.configured:
            _say(f"{status.name} is not configured: {status.why}")


def _say(line: str, stream: TextIO | None = None) -> None:
    """Without what could move the cursor: some of it comes from providers."""
    print("".join(each if each.isprintable() else "?" for each in line), file=stream)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    milliseconds = "" if outcome.milliseconds is None else f"{outcome.milliseconds:.0f}"
    return (outcome.trial.provider, outcome.trial.model, outcome.result, milliseconds, outcome.tokens, outcome.cost)


def main() -> int:
    environment = surroundings()
    wanted = trials(environment)
    if not wanted:
        show([], environment)
        _say("NOTHING WAS TESTED: no provider is configured. Set one of the above.", sys.stderr)
        return 0
    try:
        found = asyncio.run(outcomes(wanted, environment))
    except TimeoutError:
        _say(f"error: the agent worker was not ready after {START_SECONDS:g} seconds", sys.stderr)
        return 1
    except WorkflowEngineError as failure:
        _say(f"error: {failure}", sys.stderr)
        return 1
    show(found, environment)
    return 0 if all(each.result == "ok" for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
