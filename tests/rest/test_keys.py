"""Keys over REST: who is let in, who is not, and that no key is ever told again."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from tests.rest.documents import hello, patient
from tests.rest.serving import Served, exchange, serving
from workflow_engine.engine.caller import LOCAL
from workflow_engine.rest.middleware import OPEN

SIGNED = "/executions"


@pytest.fixture
def closed() -> Iterator[Served]:
    with serving() as server:
        yield server


def created(client: httpx2.Client, *scopes: str, principal: str = "team") -> tuple[str, str]:
    """The id and the text of a new key."""
    answer = client.post("/keys", json={"principal": principal, "scopes": list(scopes)})
    assert answer.status_code == 200, answer.text
    return answer.json()["key_id"], answer.json()["secret"]


def showing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_an_open_server_is_closed_from_its_first_key_on(closed: Served) -> None:
    with closed.client() as client:
        assert client.get(SIGNED).status_code == 200
        _, key = created(client, "execute")

        refused = client.get(SIGNED)
        assert (refused.status_code, refused.json()["code"]) == (401, "key-required")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get(SIGNED, headers=showing(key)).status_code == 200


def test_whether_the_server_is_up_and_how_it_is_spoken_to_is_open_to_all(closed: Served) -> None:
    with closed.client() as client:
        created(client, "admin")
        for path in OPEN:
            assert client.get(path).status_code == 200, path
            assert client.get(path, headers={"Authorization": "nonsense"}).status_code == 200, path
        assert client.get("/api/health/").status_code == 200
        for path in ("/metrics", "/health/detailed", "/steps", "/nothing", "/docs/else", "/api/api/health"):
            assert client.get(path).status_code == 401, path
    assert exchange(closed.port, b"GET //health HTTP/1.1\r\nHost: t\r\n\r\n").status == 401


def test_a_key_does_what_its_scopes_allow_and_reads_the_rest(closed: Served) -> None:
    with closed.client() as client:
        _, admin = created(client, "admin", principal="ops")
        client.headers.update(showing(admin))
        _, runner = created(client, "execute")
        client.headers.update(showing(runner))

        started = client.post("/workflows/execute?wait=10", json=hello()).json()
        assert started["status"] == "completed"
        assert client.get("/steps").status_code == 200
        asked = {
            "/steps/register": {},
            "/hosts": {"pattern": "10.0.0.0/8"},
            "/keys": {"principal": "x", "scopes": ["admin"]},
        }
        for refused in (*(client.post(path, json=body) for path, body in asked.items()), client.get("/keys")):
            assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope"), refused.url


def test_a_key_is_the_principal_of_what_it_starts(closed: Served) -> None:
    with closed.client() as client:
        _, admin = created(client, "admin", principal="ops")
        client.headers.update(showing(admin))
        started = client.post("/workflows/execute", json=patient()).json()
        client.post(f"/executions/{started['execution_id']}/cancel")
        ended = client.get(f"/executions/{started['execution_id']}/events").text
        assert "cancelled by ops" in ended
        assert client.get("/keys").json()["keys"][0]["created_by"] == LOCAL.principal


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(closed: Served) -> None:
    with closed.client() as client:
        _, admin = created(client, "admin")
        client.headers.update(showing(admin))
        key_id, key = created(client, "execute")
        assert client.get(SIGNED, headers=showing(key)).status_code == 200

        revoked = client.delete(f"/keys/{key_id}")

        assert revoked.status_code == 200
        assert revoked.json()["revoked_at"]
        assert client.get(SIGNED, headers=showing(key)).json()["code"] == "invalid-key"
        listed = {each["key_id"]: each for each in client.get("/keys").json()["keys"]}
        assert listed[key_id] == revoked.json()
        assert client.delete(f"/keys/{key_id}").json() == revoked.json()
        assert client.delete("/keys/nobody").json()["code"] == "key-not-found"


def test_a_stream_tells_nothing_more_once_its_key_is_revoked(closed: Served) -> None:
    with closed.client() as client:
        _, admin = created(client, "admin")
        client.headers.update(showing(admin))
        key_id, key = created(client, "execute")
        execution_id = client.post("/workflows/execute", json=patient()).json()["execution_id"]
        headers = {"Accept": "text/event-stream", **showing(key)}
        with client.stream("GET", f"/executions/{execution_id}/events", headers=headers) as stream:
            lines = stream.iter_lines()
            assert any("execution_started" in line for line in lines)
            client.delete(f"/keys/{key_id}")
            client.post(f"/executions/{execution_id}/cancel")
            assert "execution_cancelled" not in "".join(lines)


@pytest.mark.parametrize(
    "wrong",
    [
        "Bearer wfe_0000000000000000_{secret}",
        "Bearer wfe_{id}_0000000000000000000000000000000000000000000000000000000000000000",
        "Bearer wfe_{id}",
        "Bearer garbage",
        "Bearer \xe4\xff",
        "Basic d2ZlOndmZQ==",
        "Bearer",
        "{key}",
    ],
)
def test_what_is_no_key_is_refused_whether_the_server_is_open_or_not(closed: Served, wrong: str) -> None:
    with closed.client() as client:
        unknown = {b"Authorization": wrong.encode("latin-1")}
        assert client.get(SIGNED, headers=unknown).status_code == 401
        key_id, key = created(client, "admin")
        shown = wrong.format(id=key_id, key=key, secret=key.rpartition("_")[2])

        refused = client.get(SIGNED, headers={b"Authorization": shown.encode("latin-1")})

        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert key.rpartition("_")[2] not in refused.text


def test_two_keys_in_one_request_are_refused(closed: Served) -> None:
    with closed.client() as client:
        _, key = created(client, "admin")
    line = f"Authorization: Bearer {key}\r\n".encode()
    head = b"GET /executions HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"

    assert exchange(closed.port, head, line, b"\r\n").status == 200
    twice = exchange(closed.port, head, line, line, b"\r\n")
    assert twice.status == 401
    assert b"unreadable-authorization" in twice.body


def test_who_shows_no_key_learns_nothing_of_paths_and_sends_no_body(closed: Served) -> None:
    with closed.client() as client:
        created(client, "admin")
    head = b"POST /workflows/execute HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n"
    assert exchange(closed.port, head).status == 401


def test_a_key_is_told_once_and_stands_in_no_event_and_no_other_answer(closed: Served) -> None:
    with closed.client() as client:
        answer = client.post("/keys", json={"principal": "ops", "scopes": ["admin"], "note": "n"})
        key: str = answer.json()["secret"]
        assert answer.headers["cache-control"] == "no-store"
        client.headers.update(showing(key))
        execution_id = client.post("/workflows/execute?wait=10", json=hello()).json()["execution_id"]
        paths = (
            "/keys",
            f"/executions/{execution_id}",
            f"/executions/{execution_id}/events",
            f"/executions/{execution_id}/results",
            "/metrics",
            "/health/detailed",
            "/nothing",
        )
        told = [client.get(path).text for path in paths]
        told.append(client.post("/keys", json={"principal": key, "scopes": [key], "note": {"a": key}}).text)
        told.append(client.get(SIGNED, headers=showing(key + "0")).text)
    assert closed.engine is not None
    told.append(repr(asyncio.run(closed.engine.journal.api_keys())))

    secret = key.rpartition("_")[2]
    assert len(told) > len(paths) + 2
    assert not [each for each in told if secret in each]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"principal": "x", "scopes": []}, "invalid-scopes"),
        ({"principal": "x", "scopes": ["root"]}, "invalid-scopes"),
        ({"principal": "a b", "scopes": ["admin"]}, "invalid-principal"),
        ({"scopes": ["admin"]}, "missing"),
        ({"principal": "x", "scopes": "admin"}, None),
        ({"principal": "x", "scopes": ["admin"], "secret": "mine"}, None),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_and_closes_nothing(
    client: httpx2.Client, body: dict[str, object], code: str | None
) -> None:
    refused = client.post("/keys", json=body)
    assert refused.status_code == 422
    assert code is None or code in refused.text
    assert client.get(SIGNED).status_code == 200


def test_the_document_says_that_a_key_may_be_needed(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"key": []}, {}]
    assert {"401", "403"} <= document["paths"]["/keys"]["get"]["responses"].keys()
