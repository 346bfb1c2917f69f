"""The proof that it works: `uv run python test_poc.py`. Needs nothing that runs, and disturbs nothing that does.

It starts a server of its own (free port, temporary database, no provider keys, none of your settings), proves what the
README promises, kills the server with -9 in the middle of a workflow, starts it again, and ends with 0 when everything
held. `uv run pytest` runs the same proofs. Standard library only, so that it also shows how to talk to the server.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

SERVER: Final = Path(__file__).with_name("main.py")
# Settings of another server and keys of providers must not change what is proved here.
NOT_OURS: Final = ("WORKFLOW_ENGINE_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "AZURE_", "AWS_", "MISTRAL_")
NAMES_NOT_OURS: Final = ("DATABASE_URL", "PORT", "LOG_LEVEL")
# Loopback is asked without the proxy that may be set for everything else.
DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ENDED: Final = ("completed", "failed", "cancelled")


# --- a server of our own


class Server:
    """`python main.py` on a free port with a temporary database; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        own = {
            "WORKFLOW_ENGINE_PORT": self.url.rpartition(":")[2],
            "WORKFLOW_ENGINE_GRPC_PORT": "0",
            "WORKFLOW_ENGINE_DATABASE_URL": f"sqlite:///{self._folder / 'poc.db'}",
        }
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER)],
                cwd=self._folder,  # no .env file of yours is read here
                env={name: value for name, value in kept.items() if name not in NAMES_NOT_OURS} | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_ready, 30, "the server to be ready")

    def kill(self) -> None:
        """kill -9: no goodbye, no flush, no clean-up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the server did not start:\n{(self._folder / 'server.log').read_text()[-3000:]}")
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    # --- talking to it

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one request; `Idempotency_Key="x"` sends that header."""
        request = urllib.request.Request(  # noqa: S310 - our own server, over http
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        )
        try:
            with DIRECTLY.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def start_workflow(self, steps: list[Any], pattern: str = "sequential", **headers: str) -> str:
        document = {"name": "proof", "execution_pattern": pattern, "steps": steps}
        status, answer = self.ask("POST", "/workflows/execute", {"workflow_config": document}, **headers)
        assert status == 200, answer
        assert answer["status"] == "started", answer
        return cast(str, answer["execution_id"])

    def run(self, steps: list[Any], pattern: str = "sequential") -> Any:  # noqa: ANN401 - JSON
        """Run a workflow to its end and give its results."""
        return self.results(self.start_workflow(steps, pattern))

    def results(self, execution_id: str) -> Any:  # noqa: ANN401 - JSON
        path = f"/executions/{execution_id}/results"
        wait_until(lambda: self.ask("GET", path)[1]["status"] in ENDED, 20, "the workflow to end")
        return self.ask("GET", path)[1]

    def events(self, execution_id: str) -> list[Any]:
        found = self.ask("GET", f"/executions/{execution_id}/events?limit=500")[1]["events"]
        return cast(list[Any], found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


def wait_until(happened: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


# --- somebody else's service, which a step type of ours calls


class PriceService(ThreadingHTTPServer):
    """Knows the price of things, needs a moment to say so, and remembers every Idempotency-Key it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PriceAnswer)
        self.keys: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()

    def server_close(self) -> None:
        self.shutdown()
        super().server_close()

    def register_with(self, server: Server) -> None:
        """As the step type `price`, while the server runs."""
        registration = {
            "step_type": "price",
            "name": "Price of a thing",
            "execution_type": "api",
            "endpoint_config": {"url": f"http://127.0.0.1:{self.server_address[1]}/price"},
        }
        status, answer = server.ask("POST", "/steps/register", registration)
        assert status == 200, answer
        assert answer["message"] == "Step registered successfully", answer

    def handle_error(self, *_whose: object) -> None:
        """Whoever asked was killed before the answer: that is what this proof is about."""


class PriceAnswer(BaseHTTPRequestHandler):
    server: PriceService

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys[self.headers["Idempotency-Key"]] += 1
        time.sleep(asked["step_config"].get("seconds", 0))
        price = len(asked["input_data"]["thing"]) * asked["step_config"]["factor"]
        content = json.dumps({"price": price}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_said: object) -> None:
        pass


# --- steps, as a document spells them


def data(step_id: str, value: object, **more: object) -> dict[str, object]:
    return {"step_id": step_id, "step_type": "data_input", "config": {"data": value}, **more}


def processing(step_id: str, kind: str, mapping: object = None, **more: object) -> dict[str, object]:
    step = {"step_id": step_id, "step_type": "data_processing", "config": {"processing_type": kind}}
    return step | ({} if mapping is None else {"input_mapping": mapping}) | more


def statuses(results: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    return {step_id: step["status"] for step_id, step in results["step_results"].items()}


def output(results: Any, step_id: str) -> Any:  # noqa: ANN401 - JSON
    return results["step_results"][step_id]["output_data"]


# --- the proofs


def the_example_of_the_readme_says_hello(server: Server) -> None:
    results = server.run(
        [
            data("input_data", {"message": "Hello, World!"}),
            processing("process_data", "uppercase", {"input": "input_data.data"}, dependencies=["input_data"]),
        ]
    )
    assert results["status"] == "completed", results
    assert output(results, "process_data")["result"] == {"input": {"message": "HELLO, WORLD!"}}, results


def a_parallel_diamond_joins_both_branches(server: Server) -> None:
    text = {"text": "init.data.text"}
    merge = {
        "step_id": "merge",
        "step_type": "data_merge",
        "dependencies": ["words", "mood"],
        "input_mapping": {"count": "words.result.word_count", "mood": "mood.result.sentiment"},
    }
    results = server.run(
        [
            data("init", {"text": "what an amazing day"}),
            processing("words", "word_count", text, dependencies=["init"]),
            processing("mood", "sentiment_analysis", text, dependencies=["init"]),
            merge,
        ],
        pattern="parallel",
    )
    assert results["status"] == "completed", results
    assert output(results, "merge")["result"]["merged_data"] == {"count": 4, "mood": "positive"}, results


def a_condition_chooses_the_branch(server: Server) -> None:
    results = server.run(
        [
            data("check", {"score": 85}),
            data("good", {"said": "well done"}, dependencies=["check"], conditions="check.output.data.score > 80"),
            data("poor", {"said": "again"}, dependencies=["check"], conditions="check.output.data.score <= 80"),
            processing("join", "passthrough", {"g": "good.data", "p": "poor.data"}, dependencies=["good", "poor"]),
        ]
    )
    assert results["status"] == "completed", results
    assert statuses(results) == {"check": "completed", "good": "completed", "poor": "skipped", "join": "completed"}
    assert output(results, "join")["result"] == {"g": {"said": "well done"}, "p": None}, results


def a_slow_step_times_out_and_is_retried(server: Server) -> None:
    slow = {
        "step_id": "slow",
        "step_type": "delay",
        "config": {"delay_seconds": 60},
        "timeout_seconds": 0.2,
        "max_retries": 2,
        "retry_strategy": "fixed_delay",
        "retry_delay_seconds": 0.05,
    }
    results = server.run([slow])
    assert results["status"] == "failed", results
    assert results["step_results"]["slow"]["retry_count"] == 2, results
    said = results["metadata"]["error_message"]
    assert said == "Critical step slow failed: Step slow timed out after 0.2 seconds", said


def a_failure_is_caught_and_becomes_data(server: Server) -> None:
    results = server.run(
        [
            processing("risky", "no such thing", catch=[{"errors": ["invalid-config"], "then": "rescue"}]),
            processing("rescue", "passthrough", {"why": "${error.code}", "where": "${error.step_id}"}),
            data("after", {}, dependencies=["risky", "rescue"]),
        ]
    )
    assert results["status"] == "completed", results
    assert statuses(results) == {"risky": "failed", "rescue": "completed", "after": "completed"}, results
    assert output(results, "rescue")["result"] == {"why": "invalid-config", "where": "risky"}, results


def a_failure_is_compensated_in_reverse_order(server: Server) -> None:
    execution_id = server.start_workflow(
        [
            data("book_flight", {"booking": 7}, compensate="cancel_flight"),
            data("book_hotel", {"booking": 8}, dependencies=["book_flight"], compensate="cancel_hotel"),
            processing("pay", "no such thing", dependencies=["book_hotel"]),
            processing("cancel_flight", "passthrough", {"booking": "book_flight.data.booking"}),
            processing("cancel_hotel", "passthrough", {"booking": "book_hotel.data.booking"}),
        ]
    )
    results = server.results(execution_id)
    assert results["status"] == "failed", results
    done = [event["path"] for event in server.events(execution_id) if event["kind"] == "step_completed"]
    assert done == ["book_flight", "book_hotel", "cancel_hotel", "cancel_flight"], done
    assert output(results, "cancel_hotel")["result"] == {"booking": 8}, results


def a_step_type_is_registered_while_the_server_runs(server: Server) -> None:
    step = {"step_id": "ask", "step_type": "price", "input_mapping": {"thing": "box.data"}, "config": {"factor": 10}}
    with PriceService() as service:
        service.register_with(server)
        results = server.run([data("box", "apple"), step])
    assert results["status"] == "completed", results
    assert output(results, "ask") == {"price": 50}, results
    assert server.ask("GET", "/steps/price")[1]["execution_type"] == "api"


def an_agent_without_a_provider_is_simulated_and_says_so(server: Server) -> None:
    agent = {
        "step_id": "agent",
        "step_type": "agent_execution",
        "input_mapping": {"content": "text.data"},
        "config": {
            "agent_config": {"agent_name": "Analyzer", "model": "gpt-4o-mini", "system_prompt": "You analyze."},
            "query_template": "Please analyze: {content}",
            "return_simplified": True,
        },
    }
    results = server.run([data("text", "An engine that forgets nothing."), agent])
    assert results["status"] == "completed", results
    said = output(results, "agent")
    assert said["simulated"] is True, said
    assert said["response"].startswith("Based on my analysis using the gpt-4o-mini model"), said


def the_same_idempotency_key_starts_one_execution(server: Server) -> None:
    steps = [data("a", {"n": 1})]
    first = server.start_workflow(steps, Idempotency_Key="order-4711")
    again = server.start_workflow(steps, Idempotency_Key="order-4711")
    assert first == again, (first, again)
    other = {"workflow_config": {"name": "other", "steps": [data("b", {})]}}
    assert server.ask("POST", "/workflows/execute", other, Idempotency_Key="order-4711")[0] == 422


def a_workflow_survives_kill_minus_nine(server: Server) -> None:
    names = [f"step_{number}" for number in range(8)]
    steps: list[Any] = [
        {"step_id": name, "step_type": "price", "input_data": {"thing": name}, "config": {"factor": n, "seconds": 0.25}}
        for n, name in enumerate(names)
    ]
    with PriceService() as service:
        service.register_with(server)
        execution_id = server.start_workflow(steps)
        wait_until(lambda: len(service.keys) >= 4, 20, "the fourth step to begin")
        server.kill()
        server.start()
        results = server.results(execution_id)
    assert results["status"] == "completed", results
    assert [output(results, name)["price"] for name in names] == [6 * n for n in range(8)], results

    events = server.events(execution_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "the history has a gap"
    ended = Counter(event["path"] for event in events if event["kind"] == "step_completed")
    assert ended == Counter(names), f"a result was committed twice: {ended}"
    assert len(service.keys) == 8, f"a key changed over the crash: {service.keys}"
    assert service.keys.total() <= 9, f"more than the interrupted step was started again: {service.keys}"


PROOFS: Final[tuple[Callable[[Server], None], ...]] = (
    the_example_of_the_readme_says_hello,
    a_parallel_diamond_joins_both_branches,
    a_condition_chooses_the_branch,
    a_slow_step_times_out_and_is_retried,
    a_failure_is_caught_and_becomes_data,
    a_failure_is_compensated_in_reverse_order,
    a_step_type_is_registered_while_the_server_runs,
    an_agent_without_a_provider_is_simulated_and_says_so,
    the_same_idempotency_key_starts_one_execution,
    a_workflow_survives_kill_minus_nine,
)


def failures() -> list[str]:
    """Run every proof, a line each; the names of those that failed."""
    failed: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workflow-engine-poc-")))
        server = stack.enter_context(Server(folder))
        for proof in PROOFS:
            name = proof.__name__.replace("_", " ")
            begun = time.monotonic()
            try:
                proof(server)
            except Exception:  # noqa: BLE001 - told with its traceback; the other proofs are still of interest
                failed.append(name)
                traceback.print_exc(file=sys.stdout)
            mark = "FAILED" if name in failed else "ok"
            print(f"{mark:>6}  {name}  ({time.monotonic() - begun:.1f} s)", flush=True)
    return failed


def test_everything_the_readme_promises_is_seen() -> None:
    assert failures() == []


def main() -> int:
    begun = time.monotonic()
    failed = failures()
    print(f"\n{len(PROOFS) - len(failed)} of {len(PROOFS)} proofs hold, in {time.monotonic() - begun:.0f} s.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
