"""Workers over HTTP: sessions, polls and reports of a worker that has nothing but requests."""

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2
import pytest

from tests.rest.serving import Served, connected, exchange, read_answer, serving
from workflow_engine.jsontext import Json
from workflow_engine.settings import Settings
from workflow_engine.settings.groups import Workers

JsonBody = dict[str, Any]
TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
PATIENCE_SECONDS = 10.0
_numbers = count(1)


@dataclass
class Worker:
    """A worker of one step type of its own."""

    client: httpx2.Client
    step_type: str
    slots: int = 4
    explicit_acks: bool = False
    worker_id: str = ""
    session_id: str = ""
    contract: JsonBody = field(default_factory=dict)
    opened: JsonBody = field(default_factory=dict)

    def open(self, held: Sequence[Json] = ()) -> "Worker":
        self.worker_id = self.worker_id or f"worker-{next(_numbers)}"
        body = {
            "hello": {"worker_id": self.worker_id, "build_id": "7", "sdk": "test", "capabilities": ["chunks", "magic"]},
            "register": {"steps": [{"step_type": self.step_type, **self.contract}]},
            "credits": {"slots": {"": self.slots}},
            "resume": {"held": list(held)},
            "explicit_acks": self.explicit_acks,
        }
        answer = self.client.post("/workers/sessions", json=body)
        assert answer.status_code == 200, answer.text
        self.opened = answer.json()
        self.session_id = self.opened["welcome"]["session_id"]
        return self

    def poll(self, wait: float = PATIENCE_SECONDS, most: int = 0) -> JsonBody:
        answer = self.client.post(f"/workers/{self.session_id}/poll?wait={wait}&max={most}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def take(self) -> JsonBody:
        (assignment,) = self.poll()["assignments"]
        return dict(assignment)

    def post(self, verb: str, body: Json) -> httpx2.Response:
        return self.client.post(f"/workers/{self.session_id}/{verb}", json=body)

    def report(self, **said: Any) -> JsonBody:  # noqa: ANN401 - the parts of a report
        answer = self.post("report", said)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def result(self, lease: Json, **outcome: Json) -> str:
        (ack,) = self.report(results=[{"lease": lease, **outcome}])["result_acks"]
        assert ack["lease"] == lease
        return str(ack["code"])

    def start(self, *, steps: int = 1, **fields: Json) -> str:
        given = [{"step_id": f"s{n}", "step_type": self.step_type, **fields} for n in range(steps)]
        answer = self.client.post(
            "/workflows/execute", json={"name": "work", "execution_pattern": "parallel", "steps": given}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["execution_id"])

    def results(self, execution_id: str) -> JsonBody:
        return dict(self.client.get(f"/executions/{execution_id}/results").json())

    def status(self, execution_id: str) -> str:
        return str(self.results(execution_id)["status"])

    def view(self) -> JsonBody:
        views = [each for each in self.client.get("/workers").json()["workers"] if each["worker_id"] == self.worker_id]
        return dict(views[0])


@pytest.fixture
def worker(client: httpx2.Client) -> Worker:
    return Worker(client, f"poll.type{next(_numbers)}").open()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server with little patience."""
    terms = Workers(ack_within_seconds=0.2, lease_seconds=0.5)
    with serving(Settings(port=0, shutdown_grace_seconds=1, workers=terms)) as server:
        yield server


@pytest.fixture
def impatient(hasty: Served) -> Iterator[httpx2.Client]:
    with hasty.client() as connected_client:
        yield connected_client


def until(condition: Callable[[], bool]) -> None:
    """What another process will see in a moment, asked for like it would."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- the life of a session


def test_a_welcome_tells_the_terms_and_what_is_served(worker: Worker) -> None:
    welcome, registered = worker.opened["welcome"], worker.opened["registered"]
    assert (welcome["proto"], welcome["lease_seconds"], welcome["ack_within_seconds"]) == (1, 60.0, 5.0)
    assert welcome["capabilities"] == ["chunks"]
    assert registered["serves"] == [f"{worker.step_type}@1.0.0"]
    assert registered["steps"][0]["changed"] is True
    assert worker.opened["verdicts"] == {"items": []}


def test_a_contract_needs_no_more_than_its_step_type(worker: Worker) -> None:
    entry = worker.client.get(f"/steps/{worker.step_type}").json()
    assert (entry["execution_type"], entry["name"]) == ("poll", worker.step_type)
    assert (entry["workers"], entry["status"]) == (1, "served")
    (version,) = worker.client.get(f"/steps/{worker.step_type}/versions").json()["steps"]
    assert (version["workers"], version["status"]) == (1, "served")


def test_a_type_without_a_worker_is_listed_as_unserved(worker: Worker) -> None:
    assert worker.post("drain", {}).json() == {"drained": True}
    entry = worker.client.get(f"/steps/{worker.step_type}").json()
    assert (entry["workers"], entry["status"]) == (0, "unserved")


def test_what_is_registered_already_is_served_by_its_name(worker: Worker) -> None:
    body = {"hello": {"worker_id": "by-name"}, "register": {"serves": [worker.step_type]}}
    answer = worker.client.post("/workers/sessions", json=body).json()
    assert answer["registered"] == {"steps": [], "serves": [f"{worker.step_type}@1.0.0"]}


def test_a_worker_is_listed_with_what_it_does(worker: Worker) -> None:
    worker.start()
    lease = worker.take()["lease"]
    view = worker.view()
    assert (view["status"], view["transport"], view["in_flight"]) == ("connected", "poll", 1)
    assert (view["steps"], view["slots"], view["build_id"]) == ([f"{worker.step_type}@1.0.0"], {"": 4}, "7")
    worker.result(lease, output={})
    assert (worker.view()["in_flight"], worker.view()["completed"]) == (0, 1)


def test_a_newer_session_of_a_worker_takes_the_place_of_the_older(worker: Worker) -> None:
    newer = Worker(worker.client, worker.step_type, worker_id=worker.worker_id).open()
    assert newer.opened["welcome"]["epoch"] > worker.opened["welcome"]["epoch"]
    refused = worker.post("poll", {})
    assert (refused.status_code, refused.json()["code"]) == (404, "session-not-found")
    assert newer.poll(0)["assignments"] == []


def test_what_a_worker_holds_is_resumed_in_its_next_session(worker: Worker) -> None:
    execution = worker.start()
    lease = worker.take()["lease"]
    forged = {**lease, "token": "A" * 24}
    worker.open(held=[lease, forged])
    assert [each["code"] for each in worker.opened["verdicts"]["items"]] == ["keep", "abort"]
    assert worker.result(lease, output=1) == "ok"
    assert worker.status(execution) == "completed"


def test_a_worker_that_drains_gets_nothing_new_and_ends_what_it_has(worker: Worker) -> None:
    first = worker.start()
    lease = worker.take()["lease"]
    assert worker.post("drain", {"deadline_seconds": 5}).json() == {"drained": False}
    second = worker.start()
    assert worker.view()["status"] == "draining"
    assert worker.poll(0)["assignments"] == []
    assert worker.report(renew=[lease])["renewed"][0]["code"] == "ok"
    assert worker.result(lease, output=1) == "ok"
    assert worker.poll()["drained"] is True
    assert (worker.status(first), worker.status(second)) == ("completed", "running")


# --- polls


def test_a_step_comes_with_all_that_its_function_needs(worker: Worker) -> None:
    execution = worker.start(config={"loud": True}, timeout_seconds=7)
    assignment = worker.take()
    assert assignment["config"] == {"loud": True}
    assert (assignment["attempt"], assignment["timeout_seconds"]) == (1, 7)
    assert assignment["idempotency_key"] == f"wfk_{execution}_s0"
    assert assignment["step_type"] == f"{worker.step_type}@1.0.0"
    assert (assignment["checkpoint"], assignment["resumption"], assignment["next_chunk"]) == (None, None, 0)


def test_a_poll_brings_at_most_what_it_asks_for_and_never_more_than_the_slots(worker: Worker) -> None:
    worker.start(steps=6)
    assert len(worker.poll(most=3)["assignments"]) == 3
    assert len(worker.poll()["assignments"]) == 1
    assert worker.poll(0)["assignments"] == []
    worker.report(credits={"slots": {"": 6, worker.step_type: 5}})
    assert len(worker.poll()["assignments"]) == 1


def test_a_poll_that_finds_nothing_answers_when_its_time_is_over(worker: Worker) -> None:
    begun = time.monotonic()
    nothing = {"assignments": [], "cancels": [], "drained": False, "go_away": None}
    assert worker.poll(0.1) == nothing
    assert time.monotonic() - begun < PATIENCE_SECONDS / 2


def test_a_poll_waits_for_the_first_step(worker: Worker) -> None:
    with ThreadPoolExecutor() as pool:
        polled = pool.submit(worker.poll)
        execution = worker.start()
        assert polled.result(PATIENCE_SECONDS)["assignments"][0]["lease"]["execution_id"] == execution


def test_a_cancel_ends_a_poll_and_frees_its_slot_when_it_is_confirmed(worker: Worker) -> None:
    execution = worker.start()
    lease = worker.take()["lease"]
    with ThreadPoolExecutor() as pool:
        polled = pool.submit(worker.poll)
        assert worker.client.post(f"/executions/{execution}/cancel").status_code == 200
        (cancel,) = polled.result(PATIENCE_SECONDS)["cancels"]
    assert (cancel["lease"], cancel["reason"]) == (lease, "cancelled")
    assert worker.view()["in_flight"] == 1
    worker.report(cancel_acks=[lease])
    assert worker.view()["in_flight"] == 0


def test_the_step_of_a_poll_whose_client_hung_up_goes_to_the_next_at_once(served: Served, worker: Worker) -> None:
    head = f"POST /workers/{worker.session_id}/poll?wait=60 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"
    with connected(served.port) as connection:
        connection.sendall(head.encode())
        # The poll is under way when a second one on the same session is answered.
        assert worker.poll(0.05)["assignments"] == []
    other = Worker(worker.client, worker.step_type).open()
    begun = time.monotonic()
    execution = worker.start()
    assert other.take()["lease"]["execution_id"] == execution
    assert time.monotonic() - begun < 3  # of the 5 an ack may take, and the 60 of a lease


def test_a_poll_ends_when_the_server_stops() -> None:
    with serving() as server, server.client() as client:
        worker = Worker(client, "poll.stopped").open()
        with ThreadPoolExecutor() as pool:
            polled = pool.submit(worker.poll, 60)
            with server.client() as asking:
                until(lambda: asking.get("/workers").json()["workers"][0]["worker_id"] == worker.worker_id)
            threading.Timer(0.2, server.stop).start()
            away = polled.result(PATIENCE_SECONDS)["go_away"]
    assert (away["reason"], away["reconnect_after_seconds"]) == ("the server stops", 1.0)


# --- acks and leases


def test_a_step_that_is_not_acked_goes_back_to_its_place() -> None:
    """Long before its lease is over."""
    terms = Workers(ack_within_seconds=0.2)
    with serving(Settings(port=0, shutdown_grace_seconds=1, workers=terms)) as server, server.client() as client:
        worker = Worker(client, "poll.unacked", slots=2, explicit_acks=True).open()
        execution = worker.start()
        first = worker.take()
        second = worker.take()
        assert second["lease"]["delivery"] == first["lease"]["delivery"] + 1
        assert (second["attempt"], second["idempotency_key"]) == (1, first["idempotency_key"])
        worker.report(acks=[second["lease"]])
        assert worker.result(first["lease"], output=1) == "lease_superseded"
        assert worker.result(second["lease"], output=2) == "ok"
        assert worker.results(execution)["step_results"]["s0"]["output_data"] == 2


def test_without_explicit_acks_handing_out_is_enough_until_the_lease_runs_out(impatient: httpx2.Client) -> None:
    worker = Worker(impatient, "poll.implicit", slots=2).open()
    worker.start()
    lease = worker.take()["lease"]
    assert worker.poll(0.3)["assignments"] == []  # longer than an ack may take
    worker.report(renew=[lease])
    assert worker.poll(0.3)["assignments"] == []  # without the renewal it would be over by now
    assert worker.take()["lease"]["delivery"] == lease["delivery"] + 1


def test_a_late_report_before_anybody_else_has_the_step_is_accepted(impatient: httpx2.Client) -> None:
    worker = Worker(impatient, "poll.late", slots=1).open()
    execution = worker.start()
    lease = worker.take()["lease"]
    worker.report(credits={"slots": {"": 0}})
    until(lambda: worker.view()["in_flight"] == 0 or _reasons(worker, execution) == ["ALL_SLOTS_BUSY"])
    assert worker.result(lease, output=1) == "ok"
    assert worker.status(execution) == "completed"


def test_a_step_that_is_given_back_costs_no_attempt(worker: Worker) -> None:
    worker.start()
    first = worker.take()
    worker.report(rejects=[{"lease": first["lease"], "reason": "no GPU here"}])
    again = worker.take()
    assert (again["attempt"], again["lease"]["delivery"]) == (1, first["lease"]["delivery"] + 1)


# --- results


def test_a_result_is_durable_when_it_is_answered_and_may_be_sent_again(worker: Worker) -> None:
    execution = worker.start()
    lease = worker.take()["lease"]
    assert worker.result(lease, output={"n": 9_007_199_254_740_993}, duration_ms=12.5) == "ok"
    step = worker.results(execution)["step_results"]["s0"]
    assert (step["output_data"], step["execution_time_ms"]) == ({"n": 9_007_199_254_740_993}, 12.5)
    assert worker.result(lease, output={"n": 9_007_199_254_740_993}) == "ok"
    assert worker.result(lease, output={"n": 1}) == "result_conflict"
    assert worker.results(execution)["step_results"]["s0"] == step


def test_null_is_a_result(worker: Worker) -> None:
    execution = worker.start()
    assert worker.result(worker.take()["lease"], output=None, simulated=True) == "ok"
    step = worker.results(execution)["step_results"]["s0"]
    assert (step["status"], step["output_data"], step["simulated"]) == ("completed", None, True)


def test_a_forged_token_changes_nothing_and_touches_no_other_item(worker: Worker) -> None:
    execution = worker.start(steps=2)
    mine, other = (each["lease"] for each in worker.poll()["assignments"])
    sent = [{"lease": {**mine, "token": token}, "output": 1} for token in ("é", "A" * 24, "")]
    answer = worker.report(results=[*sent, {"lease": other, "output": 2}])["result_acks"]
    assert sorted(each["code"] for each in answer) == ["invalid_token"] * 3 + ["ok"]
    assert worker.status(execution) == "running"
    assert worker.result(mine, output=1) == "ok"


def test_a_failure_is_retried_by_the_rules_of_the_step(worker: Worker) -> None:
    execution = worker.start(max_retries=1, retry_delay_seconds=0.01)
    first = worker.take()
    failure: JsonBody = {"code": "quiet", "message": "nothing to hear", "details": {"dB": 3}, "retry_after_seconds": 0}
    assert worker.result(first["lease"], failure=failure) == "ok"
    again = worker.take()
    assert (again["attempt"], again["idempotency_key"]) == (2, first["idempotency_key"])
    assert worker.result(again["lease"], failure={**failure, "retryable": False}) == "ok"
    assert worker.status(execution) == "failed"
    error = worker.results(execution)["step_results"]["s0"]["error"]
    assert error == {"code": "quiet", "message": "nothing to hear", "details": {"dB": 3}}


def test_a_step_that_suspends_itself_comes_back_with_what_it_left_and_got(worker: Worker) -> None:
    execution = worker.start()
    assert worker.result(worker.take()["lease"], suspend={"signal": "go", "memo": {"page": 7}}) == "ok"
    assert worker.view()["in_flight"] == 0
    worker.client.post(f"/executions/{execution}/signals/go", json={"yes": True})
    again = worker.take()
    assert again["resumption"] == {"by": "signal", "memo": {"page": 7}, "payload": {"yes": True}}
    assert worker.result(again["lease"], output=1) == "ok"
    assert worker.status(execution) == "completed"


def test_a_result_that_breaks_the_contract_fails_its_step_and_says_so(client: httpx2.Client) -> None:
    worker = Worker(client, "poll.total", contract={"output_schema": TOTAL}).open()
    execution = worker.start()
    assert worker.result(worker.take()["lease"], output={"total": "three"}) == "contract_violation"
    assert worker.results(execution)["step_results"]["s0"]["error"]["code"] == "contract-violation"


def test_a_result_over_the_limit_fails_one_step_only(worker: Worker) -> None:
    execution = worker.start(steps=2, critical=False)
    large, small = (each["lease"] for each in worker.poll()["assignments"])
    most = worker.opened["welcome"]["max_inline_bytes"]
    said = [{"lease": large, "output": "x" * (most - 1)}, {"lease": small, "output": "x" * (most - 2)}]
    answers = {each["lease"]["path"]: each["code"] for each in worker.report(results=said)["result_acks"]}
    assert answers == {large["path"]: "payload_too_large", small["path"]: "ok"}
    steps = worker.results(execution)["step_results"]
    assert steps[large["path"]]["error"]["code"] == "payload-too-large"


# --- progress and chunks


def test_the_next_attempt_receives_the_checkpoint_of_the_one_before(worker: Worker) -> None:
    execution = worker.start(max_retries=1, retry_delay_seconds=0.01)
    lease = worker.take()["lease"]
    saved = b64encode(b"row 17").decode()
    worker.report(progress=[{"lease": lease, "fraction": 0.5, "note": "half", "checkpoint": saved}])
    assert worker.result(lease, failure={"code": "c", "retry_after_seconds": 0}) == "ok"
    assert worker.take()["checkpoint"] == saved
    assert ("step_progress", {"fraction": 0.5, "note": "half"}) in _events(worker, execution)


def test_chunks_are_kept_in_order_and_once(worker: Worker) -> None:
    execution = worker.start()
    lease = worker.take()["lease"]
    said = [{"lease": lease, "seq": n, "channel": "log", "data": f"line {n}"} for n in (0, 1, 1, 3)]
    worker.report(chunks=said)
    worker.report(chunks=[{"lease": lease, "seq": 2, "data": "two"}], logs=[{"lease": lease, "message": "done"}])
    worker.result(lease, output=1)
    chunks = [one for kind, data in _events(worker, execution) if kind == "step_chunk" for one in data["chunks"]]
    assert [one["data"] for one in chunks] == ["line 0", "line 1", "two"]
    assert [one["channel"] for one in chunks] == ["log", "log", "text"]


# --- quarantine


def test_a_quarantined_type_is_shown_and_can_be_reset(impatient: httpx2.Client) -> None:
    worker = Worker(impatient, "poll.poison", slots=1, contract={"version": "1.0.0"})
    execution = worker.open().start()
    for _ in range(5):
        worker.worker_id = ""
        worker.open().take()
    entry: Callable[[], JsonBody] = lambda: dict(impatient.get("/steps/poll.poison").json())  # noqa: E731 - read anew
    until(lambda: entry()["status"] == "quarantined")
    assert _reasons(worker, execution) == ["QUARANTINED"]
    assert impatient.post("/steps/poll.poison/reset").json() == {"reset": 1}
    assert entry()["status"] == "served"
    worker.worker_id = ""
    assert worker.open().take()["attempt"] == 1
    assert impatient.post("/steps/poll.nothing/reset").status_code == 404


# --- bodies that are wrong


LEASE: JsonBody = {"execution_id": "e", "path": "p", "delivery": 1, "token": "t"}
HELLO: JsonBody = {"hello": {"worker_id": "hostile"}}
SESSIONS: list[tuple[str, Any, str, str]] = [
    ("a list", [], "wrong-type", ""),
    ("nothing", {}, "missing-field", "/hello"),
    ("no worker id", {"hello": {}}, "missing-field", "/hello/worker_id"),
    ("an empty worker id", {"hello": {"worker_id": ""}}, "invalid-hello", ""),
    ("a misspelt field", {**HELLO, "credit": {}}, "unknown-field", "/credit"),
    ("a number for a label", {"hello": {"worker_id": "w", "labels": {"a": 1}}}, "wrong-type", "/hello/labels/a"),
    ("text for a version", {"hello": {"worker_id": "w", "proto_min": "1"}}, "wrong-type", "/hello/proto_min"),
    ("versions upside down", {"hello": {"worker_id": "w", "proto_min": 2}}, "invalid-hello", ""),
    ("a later protocol", {"hello": {"worker_id": "w", "proto_min": 2, "proto_max": 3}}, "unsupported-protocol", ""),
    ("minus one slot", {**HELLO, "credits": {"slots": {"": -1}}}, "invalid-credits", ""),
    ("half a slot", {**HELLO, "credits": {"slots": {"": 0.5}}}, "wrong-type", "/credits/slots/"),
    ("slots in a list", {**HELLO, "credits": {"slots": [1]}}, "wrong-type", "/credits/slots"),
    ("a contract in a text", {**HELLO, "register": {"steps": ["a"]}}, "wrong-type", "/register/steps/0"),
    (
        "one bad contract",
        {**HELLO, "register": {"steps": [{"step_type": "a b"}]}},
        "invalid-step-type",
        "/register/steps/0/step_type",
    ),
    (
        "a bad contract behind a good one",
        {**HELLO, "register": {"steps": [{"step_type": "a"}, {"step_type": "b", "tgas": []}]}},
        "unknown-field",
        "/register/steps/1/tgas",
    ),
    (
        "a contract without a name",
        {**HELLO, "register": {"steps": [{}]}},
        "missing-field",
        "/register/steps/0/step_type",
    ),
    ("a type nobody knows", {**HELLO, "register": {"serves": ["nobody"]}}, "unknown-step-type", "/register/serves/0"),
    ("half a lease", {**HELLO, "resume": {"held": [{"path": "p"}]}}, "missing-field", "/resume/held/0/execution_id"),
]
REPORTS: list[tuple[str, Any, str, str]] = [
    ("null", None, "wrong-type", ""),
    ("a misspelt part", {"result": []}, "unknown-field", "/result"),
    ("no outcome", {"results": [{"lease": LEASE}]}, "one-outcome", "/results/0"),
    (
        "two outcomes",
        {"results": [{"lease": LEASE, "output": None, "failure": {"code": "c"}}]},
        "one-outcome",
        "/results/0",
    ),
    (
        "a failure without a code",
        {"results": [{"lease": LEASE, "failure": {}}]},
        "missing-field",
        "/results/0/failure/code",
    ),
    (
        "a pause below nothing",
        {"results": [{"lease": LEASE, "suspend": {"seconds": -1}}]},
        "out-of-range",
        "/results/0/suspend/seconds",
    ),
    (
        "a pause beyond the sun",
        {"results": [{"lease": LEASE, "failure": {"code": "c", "retry_after_seconds": 1e300}}]},
        "out-of-range",
        "/results/0/failure/retry_after_seconds",
    ),
    ("no base64", {"progress": [{"lease": LEASE, "checkpoint": "é*"}]}, "invalid-base64", "/progress/0/checkpoint"),
    ("text for a fence", {"acks": [{**LEASE, "delivery": "1"}]}, "wrong-type", "/acks/0/delivery"),
    ("an unknown field of a lease", {"renew": [{**LEASE, "until": 1}]}, "unknown-field", "/renew/0/until"),
    ("true for a number", {"chunks": [{"lease": LEASE, "seq": True}]}, "wrong-type", "/chunks/0/seq"),
    ("a log without words", {"logs": [{"lease": LEASE}]}, "missing-field", "/logs/0/message"),
]


def _refused(answer: httpx2.Response, code: str, where: str) -> None:
    assert answer.status_code == 422, answer.text
    found = [(each["code"], each["pointer"]) for each in answer.json()["problems"]]
    assert (code, where) in found


@pytest.mark.parametrize(("body", "code", "where"), [each[1:] for each in SESSIONS], ids=[each[0] for each in SESSIONS])
def test_a_session_that_cannot_be_is_refused_where_it_is_wrong(
    client: httpx2.Client, body: Json, code: str, where: str
) -> None:
    _refused(client.post("/workers/sessions", json=body), code, where)
    assert "hostile" not in client.get("/workers").text


@pytest.mark.parametrize(("body", "code", "where"), [each[1:] for each in REPORTS], ids=[each[0] for each in REPORTS])
def test_a_report_that_cannot_be_is_refused_where_it_is_wrong(
    worker: Worker, body: Json, code: str, where: str
) -> None:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    _refused(worker.client.post(f"/workers/{worker.session_id}/report", content=content, headers=headers), code, where)


STRANGE: list[JsonBody] = [
    {"execution_id": "", "path": "", "delivery": 0},
    {"execution_id": "x" * 100_000, "path": "y" * 100_000, "delivery": 1, "token": "t"},
    {"execution_id": "\U0001f4a5", "path": "a.b[3]", "delivery": -(2**63), "token": "\U0001f4a5"},
    {"execution_id": "%s|{0}", "path": "../..", "delivery": 2**63 - 1, "token": "' OR 1=1"},
]


@pytest.mark.parametrize("lease", STRANGE)
def test_leases_that_never_were_are_answered_one_by_one(worker: Worker, lease: JsonBody) -> None:
    said = worker.report(
        acks=[lease],
        rejects=[{"lease": lease, "reason": "x" * 10_000}],
        renew=[lease],
        progress=[{"lease": lease, "fraction": -1e300, "note": "n" * 5_000, "checkpoint": ""}],
        chunks=[{"lease": lease, "seq": -1, "channel": "c" * 5_000, "data": "d"}],
        results=[{"lease": lease, "output": 1, "duration_ms": -1}],
        cancel_acks=[lease],
        logs=[{"lease": lease, "level": "x" * 5_000, "message": "m" * 10_000}],
    )
    assert [each["code"] for each in (*said["renewed"], *said["result_acks"])] == ["invalid_token"] * 2


@pytest.mark.parametrize("verb", ["poll", "report", "drain"])
def test_a_session_that_never_was_is_not_found(client: httpx2.Client, verb: str) -> None:
    answer = client.post(f"/workers/nobody/{verb}", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "session-not-found")


@pytest.mark.parametrize("query", ["wait=-1", "wait=nan", "wait=soon", "max=-1", "max=1.5", "max=two", "wait=1&wait=2"])
def test_a_poll_that_cannot_be_read_is_refused(worker: Worker, query: str) -> None:
    answer = worker.client.post(f"/workers/{worker.session_id}/poll?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-parameter")


def test_polls_and_drains_take_no_fields_that_are_not_theirs(worker: Worker) -> None:
    _refused(worker.post("poll", {"wait_seconds": 1}), "unknown-field", "/wait_seconds")
    _refused(worker.post("poll", []), "wrong-type", "")
    _refused(worker.post("drain", {"deadline": 1}), "unknown-field", "/deadline")
    _refused(worker.post("drain", {"deadline_seconds": -1}), "out-of-range", "/deadline_seconds")
    assert worker.view()["status"] == "connected"


def test_a_report_that_is_cut_off_does_nothing(served: Served, worker: Worker) -> None:
    execution = worker.start()
    lease = worker.take()["lease"]
    body = json.dumps({"results": [{"lease": lease, "output": 1}]}).encode()
    head = f"POST /workers/{worker.session_id}/report HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
    exchange(served.port, f"{head}Content-Length: {len(body) - 1}\r\n\r\n".encode() + body[:-1])
    with connected(served.port) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
    assert worker.status(execution) == "running"
    with connected(served.port) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert read_answer(connection).status == 200
    assert worker.status(execution) == "completed"


def _events(worker: Worker, execution_id: str) -> list[tuple[str, JsonBody]]:
    found = worker.client.get(f"/executions/{execution_id}/events").json()["events"]
    return [(each["kind"], each["data"]) for each in found]


def _reasons(worker: Worker, execution_id: str) -> list[str]:
    explained = worker.client.get(f"/executions/{execution_id}/explain").json()
    return [each["reason"] for each in explained["reasons"]]
