"""A caller over REST."""

from typing import Any
from urllib.parse import quote

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.testing.clients.contract import Client, Event, Reason, Registered, Results, Step, WorkerSeen
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.transports.http import Http


class RestClient(Client):
    def __init__(self, http: Http) -> None:
        self._http = http

    async def register(self, contract: Contract, *, dry_run: bool = False) -> Registered:
        body = {"execution_type": "grpc", **contract.body()}
        answer = await self._object("POST", f"/steps/register?dry_run={str(dry_run).lower()}", body)
        return Registered(answer["version"], answer["changed"])

    async def deregister(self, name: str) -> None:
        await self._http.ask("DELETE", f"/steps/{_quoted(name)}")

    async def reset_step(self, name: str) -> None:
        await self._http.ask("POST", f"/steps/{_quoted(name)}/reset")

    async def step_status(self, name: str) -> str:
        return str((await self._object("GET", f"/steps/{_quoted(name)}"))["status"])

    async def workers(self) -> list[WorkerSeen]:
        answer = await self._object("GET", "/workers")
        return [
            WorkerSeen(
                one["worker_id"],
                one["status"],
                one["epoch"],
                one["in_flight"],
                one["ignored_cancels"],
                one["unknown_frames"],
                tuple(one["steps"]),
            )
            for one in answer["workers"]
        ]

    async def start(self, document: JsonObject, data: JsonObject) -> str:
        body: JsonObject = {"workflow_config": document, "input_data": data}
        return str((await self._object("POST", "/workflows/execute", body))["execution_id"])

    async def results(self, execution_id: str, wait_seconds: float = 0.0) -> Results:
        found = await self._object("GET", f"/executions/{execution_id}/results?wait={wait_seconds:g}")
        steps = {path: _step(one) for path, one in found["step_results"].items()}
        return Results(found["status"], steps, None if found["error"] is None else found["error"]["code"])

    async def events(self, execution_id: str) -> list[Event]:
        found: list[Event] = []
        after: int | None = 0
        while after is not None:
            page = await self._object("GET", f"/executions/{execution_id}/events?after={after}")
            found += [Event(one["seq"], one["kind"], one.get("path", ""), one["data"]) for one in page["events"]]
            after = page["next_after"]
        return found

    async def explain(self, execution_id: str) -> list[Reason]:
        answer = await self._object("GET", f"/executions/{execution_id}/explain")
        return [Reason(one["path"], one["reason"], one["details"]) for one in answer["reasons"]]

    async def cancel(self, execution_id: str) -> None:
        await self._http.ask("POST", f"/executions/{execution_id}/cancel", {"reason": "the kit asks for it"})

    async def signal(self, execution_id: str, name: str, payload: Json) -> None:
        await self._http.ask("POST", f"/executions/{execution_id}/signals/{_quoted(name)}", payload)

    async def resolve(self, execution_id: str, path: str, output: Json) -> None:
        body: JsonObject = {"outcome": "completed", "output": output}
        await self._http.ask("POST", f"/executions/{execution_id}/steps/{_quoted(path)}/resolve", body)

    async def close(self) -> None:
        self._http.close()

    async def _object(self, method: str, path: str, body: Json | None = None) -> dict[str, Any]:
        answer = await self._http.ask(method, path, body)
        return answer if isinstance(answer, dict) else {}


def _step(one: dict[str, Any]) -> Step:
    error = one["error"]["code"] if one["error"] else None
    return Step(one["status"], one["output_data"], error, one["retry_count"], one["simulated"])


def _quoted(part: str) -> str:
    return quote(part, safe="")
