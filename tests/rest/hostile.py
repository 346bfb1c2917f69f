"""Requests nobody should send, and what each is answered. Data for test_hostile_requests.py.

`MARK` stands in whatever a client chose; no answer may repeat it, but for the path in `instance`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

MARK: Final = "zq7mark"
DOCUMENT: Final = {"name": "w", "steps": [{"step_id": "a", "step_type": "data_input"}]}
JSON: Final = (("Content-Type", "application/json"),)
UNKNOWN_ID: Final = "0193c0de-0000-7000-8000-000000000000"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`parts` are sent one after the other; `first` is a request that is answered before."""

    name: str
    parts: tuple[bytes, ...]
    status: int
    code: str
    pointer: str | None = None
    advice: str = ""
    first: bytes | None = None


def request(method: str, target: str, body: bytes = b"", headers: Headers = ()) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: test", *(f"{name}: {value}" for name, value in headers)]
    if body and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def posted(name: str, body: bytes, status: int, code: str, target: str = "/workflows/execute") -> Hostile:
    return Hostile(name, (request("POST", target, body, JSON),), status, code)


def sent(name: str, value: object, status: int, code: str, target: str = "/workflows/execute") -> Hostile:
    return posted(name, json.dumps(value).encode(), status, code, target)


def got(name: str, target: str, status: int, code: str, pointer: str | None = None) -> Hostile:
    return replace(Hostile(name, (request("GET", target),), status, code), pointer=pointer)


def input_data(text: bytes) -> bytes:
    """The bytes of a start whose input holds `text` as it is."""
    return b'{"workflow_config": %s, "input_data": {"given": %s}}' % (json.dumps(DOCUMENT).encode(), text)


def chunked(body: bytes, size: int = 65_536) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def step(**fields: object) -> dict[str, object]:
    return {"name": "w", "steps": [{"step_id": "a", "step_type": "data_input", **fields}]}


def document(**fields: object) -> dict[str, object]:
    return {**DOCUMENT, **fields}


# --- bytes that are no JSON, or none that can be kept

UNREADABLE: Final = (
    posted("no body", b"", 400, "malformed-json"),
    posted("no json", MARK.encode(), 400, "malformed-json"),
    posted("half an object", b'{"name": "' + MARK.encode(), 400, "malformed-json"),
    posted("two documents", json.dumps(DOCUMENT).encode() * 2, 400, "malformed-json"),
    posted("a comment", b"{} // " + MARK.encode(), 400, "malformed-json"),
    posted("a single quote", b"{'a': 1}", 400, "malformed-json"),
    posted("a trailing comma", b'{"a": 1,}', 400, "malformed-json"),
    posted("a leading zero", input_data(b"012"), 400, "malformed-json"),
    posted("a plus sign", input_data(b"+1"), 400, "malformed-json"),
    posted("NaN", input_data(b"NaN"), 400, "malformed-json"),
    posted("Infinity", input_data(b"Infinity"), 400, "malformed-json"),
    posted("minus Infinity", input_data(b"-Infinity"), 400, "malformed-json"),
    posted("a key twice", b'{"name": "a", "name": "b", "steps": []}', 400, "malformed-json"),
    posted("a key twice, escaped", input_data(rb'{"k": 1, "\u006b": 2}'), 400, "malformed-json"),
    posted("invalid UTF-8", input_data(b'"\xff\xfe"'), 400, "malformed-json"),
    posted("overlong UTF-8", input_data(b'"\xc0\xaf"'), 400, "malformed-json"),
    posted("a surrogate in UTF-8", input_data(b'"\xed\xa0\x80"'), 400, "malformed-json"),
    posted("UTF-16", json.dumps(DOCUMENT).encode("utf-16"), 400, "malformed-json"),
    posted("a byte order mark", b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode(), 400, "malformed-json"),
    posted("a lone surrogate", input_data(rb'"\ud800"'), 400, "malformed-json"),
    posted("a low surrogate first", input_data(rb'"\udc00\ud800"'), 400, "malformed-json"),
    posted("an escaped NUL", input_data(rb'"a\u0000b"'), 400, "malformed-json"),
    posted("a raw NUL", input_data(b'"a\x00b"'), 400, "malformed-json"),
    posted("a raw line break in a string", input_data(b'"a\nb"'), 400, "malformed-json"),
    posted("a NUL in a key", b'{"a\\u0000": 1}', 400, "malformed-json"),
)

# --- numbers, nesting, size

TOO_LARGE: Final = (
    posted("1e999", input_data(b"1e999"), 422, "number-out-of-range"),
    posted("-1e999", input_data(b"-1e999"), 422, "number-out-of-range"),
    posted("2^63", input_data(b"9223372036854775808"), 422, "number-out-of-range"),
    posted("2^64", input_data(b"18446744073709551616"), 422, "number-out-of-range"),
    posted("-2^63 - 1", input_data(b"-9223372036854775809"), 422, "number-out-of-range"),
    posted("a million digits", input_data(b"9" * 1_000_000), 422, "number-out-of-range"),
    posted("65 deep", b"[" * 65 + b"]" * 65, 422, "nesting-too-deep"),
    posted("a million deep", b"[" * 1_000_000, 422, "nesting-too-deep"),
    posted("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 422, "nesting-too-deep"),
    posted("nested deep to be validated", b"[" * 65 + b"]" * 65, 422, "nesting-too-deep", "/workflows/validate"),
    sent("100,001 keys", {str(n): 1 for n in range(100_001)}, 422, "too-many-keys"),
    posted("8 MiB and a byte", b'"' + b"a" * (8 * 2**20 - 1) + b'"', 413, "body-too-large"),
    Hostile(
        "8 MiB and a byte in chunks",
        (
            request("POST", "/workflows/execute", headers=(*JSON, ("Transfer-Encoding", "chunked"))),
            chunked(b'"' + b"a" * (8 * 2**20 - 1) + b'"'),
        ),
        413,
        "body-too-large",
    ),
    Hostile(
        "a length of 10^18",
        (request("POST", "/workflows/execute", headers=(*JSON, ("Content-Length", str(10**18)))),),
        413,
        "body-too-large",
    ),
    sent("a definition of more than 1 MiB", document(description="a" * 2**20), 422, "document-too-large"),
    sent(
        "1,001 steps",
        {"name": "w", "steps": [{"step_id": f"s{n}", "step_type": "data_input"} for n in range(1_001)]},
        422,
        "out-of-range",
    ),
)

# --- headers, routes, URLs

ROUTES: Final = (
    Hostile(
        "a form",
        (request("POST", "/workflows/execute", b"a=1", [("Content-Type", "application/x-www-form-urlencoded")]),),
        415,
        "unsupported-media-type",
    ),
    Hostile("no content type", (request("POST", "/workflows/execute", b"{}"),), 415, "unsupported-media-type"),
    Hostile(
        "latin-1",
        (request("POST", "/workflows/execute", b"{}", [("Content-Type", "application/json; charset=latin-1")]),),
        415,
        "unsupported-media-type",
    ),
    Hostile(
        "compressed",
        (request("POST", "/workflows/execute", b"{}", [*JSON, ("Content-Encoding", "gzip")]),),
        415,
        "unsupported-media-type",
    ),
    Hostile("a wrong method", (request("PATCH", "/workflows/execute", b"{}", JSON),), 405, "method-not-allowed"),
    Hostile("a delete of a list", (request("DELETE", "/executions"),), 405, "method-not-allowed"),
    Hostile("a method nobody knows", (request("BREW", "/workflows"),), 400, "malformed-http"),
    got("an unknown route", f"/{MARK}/nothing", 404, "route-not-found"),
    got("an unknown route under /api", f"/api/{MARK}", 404, "route-not-found"),
    got("/api twice", "/api/api/health", 404, "route-not-found"),
    got("two slashes at the end", "/health//", 404, "route-not-found"),
    got("two slashes at the beginning", "//health", 404, "route-not-found"),
    Hostile("everything", (request("OPTIONS", "*"),), 404, "route-not-found"),
    got("dots", "/docs/../../etc/passwd", 404, "route-not-found"),
    got("encoded dots", "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, "route-not-found"),
    got("half an escape", f"/executions/{MARK}%2", 400, "malformed-url"),
    got("no escape", f"/executions/{MARK}%zz", 400, "malformed-url"),
    got("an escaped NUL in a path", f"/executions/{MARK}%00", 400, "malformed-url"),
    got("an escaped line break", f"/executions/{MARK}%0d%0a", 400, "malformed-url"),
    got("escaped bytes that are no UTF-8", f"/executions/{MARK}%ff%fe", 400, "malformed-url"),
    got("a bad escape in the query", f"/executions?tag={MARK}%f", 400, "malformed-url"),
    got("a NUL in the query", "/executions?tag=%00", 400, "malformed-url"),
    got("a long URL", "/executions/" + "a" * 9_000, 414, "url-too-long"),
    got("a long query", "/executions?tag=" + "a" * 9_000, 414, "url-too-long"),
    got("a URL with bytes", "/executions/\xe9", 400, "malformed-http"),
    Hostile("a URL for a proxy", (request("CONNECT", "example.com:443"),), 400, "malformed-http"),
    Hostile(
        "a header of 70 KiB", (request("GET", "/health", headers=[("X-A", "a" * 70_000)]),), 431, "headers-too-large"
    ),
    Hostile(
        "a header without end", (request("GET", "/health", headers=[("X-A", "a" * 700_000)]),), 431, "headers-too-large"
    ),
    Hostile(
        "3,000 headers",
        (request("GET", "/health", headers=[(f"X-{n}", "a" * 20) for n in range(3_000)]),),
        431,
        "headers-too-large",
    ),
    Hostile(
        "a correlation id of 300 characters",
        (request("GET", f"/executions/{UNKNOWN_ID}", headers=[("X-Correlation-ID", MARK * 50)]),),
        422,
        "invalid-header",
    ),
)

# --- what two readers might understand differently


def smuggled(name: str, headers: Headers, body: bytes = b"0\r\n\r\n") -> Hostile:
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers)
    head = f"POST /workflows/execute HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{lines}\r\n"
    return Hostile(name, (head.encode("latin-1") + body,), 400, "malformed-http")


SMUGGLED: Final = (
    smuggled("length and chunked", [("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
    smuggled("chunked and length", [("Transfer-Encoding", "chunked"), ("Content-Length", "5")]),
    smuggled("two lengths", [("Content-Length", "2"), ("Content-Length", "5")], b"{}"),
    smuggled("a list of lengths", [("Content-Length", "2, 5")], b"{}"),
    smuggled("a negative length", [("Content-Length", "-2")], b"{}"),
    smuggled("a length in hex", [("Content-Length", "0x2")], b"{}"),
    smuggled("a length with a plus sign", [("Content-Length", "+2")], b"{}"),
    smuggled("a length beyond 64 bit", [("Content-Length", "18446744073709551618")], b"{}"),
    smuggled("chunks of no size", [("Transfer-Encoding", "chunked")], b"zz\r\n{}\r\n0\r\n\r\n"),
    smuggled("a chunk beyond 64 bit", [("Transfer-Encoding", "chunked")], b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    smuggled("chunked, but not last", [("Transfer-Encoding", "chunked, gzip")]),
    smuggled("a blank before the colon", [("Transfer-Encoding ", "chunked")]),
    smuggled("a header with a NUL", [("X-A", "a\x00b")], b""),
    smuggled("a header with a bare carriage return", [("X-A", "a\rX-B: b")], b""),
    smuggled("two hosts", [("Host", "other")], b""),
    Hostile("no host", (b"GET /health HTTP/1.1\r\n\r\n",), 400, "malformed-http"),
    Hostile("no HTTP at all", (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 4,), 400, "malformed-http"),
    Hostile("HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), 400, "malformed-http"),
    Hostile("HTTP/9.9", (b"GET /health HTTP/9.9\r\nHost: test\r\n\r\n",), 400, "malformed-http"),
)

# --- readable, but not acceptable


def refused(name: str, value: object, code: str, pointer: str, advice: str = "") -> Hostile:
    return replace(sent(name, value, 422, "invalid-document"), code=code, pointer=pointer, advice=advice)


DOCUMENTS: Final = (
    refused("a list", [DOCUMENT], "wrong-type", ""),
    refused("a string", MARK, "wrong-type", ""),
    refused("null", None, "wrong-type", ""),
    refused("no steps", {"name": "w"}, "missing-field", "/steps"),
    refused("an unknown field", document(stpes=MARK), "unknown-field", "/stpes", "steps"),
    refused("an unknown field of a step", step(confg={}), "unknown-field", "/steps/0/confg", "config"),
    refused(
        "an unknown field of the envelope",
        {"workflow_config": DOCUMENT, "input_dta": {}},
        "unknown-field",
        "/input_dta",
        "input_data",
    ),
    refused("yes for true", step(critical="yes"), "wrong-type", "/steps/0/critical"),
    refused("1 for true", step(critical=1), "wrong-type", "/steps/0/critical"),
    refused("true for 1", step(max_retries=True), "wrong-type", "/steps/0/max_retries"),
    refused("1.5 for an integer", step(max_retries=1.5), "wrong-type", "/steps/0/max_retries"),
    refused("a digit for an integer", step(max_retries="1"), "wrong-type", "/steps/0/max_retries"),
    refused("nan in words", step(timeout_seconds="nan"), "wrong-type", "/steps/0/timeout_seconds"),
    refused("a timeout of nothing", step(timeout_seconds=0), "out-of-range", "/steps/0/timeout_seconds"),
    refused("a timeout beyond a year", step(timeout_seconds=1e9), "out-of-range", "/steps/0/timeout_seconds"),
    refused("1,001 retries", step(max_retries=1_001), "out-of-range", "/steps/0/max_retries"),
    refused("a pattern nobody knows", document(execution_pattern=MARK), "unknown-value", "/execution_pattern"),
    refused("a number for a name", document(name=5), "wrong-type", "/name"),
    refused("33 tags", document(tags=["t"] * 33), "out-of-range", "/tags"),
    refused("a step id with a blank", step(step_id=f"a {MARK}"), "invalid-step-id", "/steps/0/step_id"),
    refused("a reserved step id", step(step_id="steps"), "reserved-step-id", "/steps/0/step_id"),
    refused("a number for the user", {"workflow_config": DOCUMENT, "user_id": 7}, "wrong-type", "/user_id"),
    refused("a list as input", {"workflow_config": DOCUMENT, "input_data": []}, "wrong-type", "/input_data"),
    refused("a string as document", {"workflow_config": MARK}, "wrong-type", "/workflow_config"),
)

# --- ids, cursors, parameters, keys

QUERIES: Final = (
    got("an unknown execution", f"/executions/{UNKNOWN_ID}", 404, "execution-not-found"),
    got("no execution id", f"/executions/{MARK}", 404, "execution-not-found"),
    got("an execution id in other letters", "/executions/%F0%9F%92%A5", 404, "execution-not-found"),
    got("a long execution id", f"/executions/{'a' * 5_000}/results", 404, "execution-not-found"),
    got("events of nobody", f"/executions/{UNKNOWN_ID}/events", 404, "execution-not-found"),
    got("an unknown workflow", f"/workflows/{MARK}", 404, "workflow-not-found"),
    got("an unknown step type", f"/steps/{MARK}", 404, "step-type-not-found"),
    sent("a cancel of nobody", {}, 404, "execution-not-found", f"/executions/{UNKNOWN_ID}/cancel"),
    sent("a signal to nobody", MARK, 404, "execution-not-found", f"/executions/{UNKNOWN_ID}/signals/go"),
    sent("a run of nothing saved", {}, 404, "workflow-not-found", f"/workflows/{MARK}/execute"),
    got("a cursor nobody gave", f"/executions?cursor={MARK}", 422, "invalid-cursor"),
    got("an empty cursor", "/executions?cursor=", 422, "invalid-parameter", "query.cursor"),
    got("limit 0", "/executions?limit=0", 422, "invalid-parameter", "query.limit"),
    got("limit -1", "/executions?limit=-1", 422, "invalid-parameter", "query.limit"),
    got("limit in words", f"/executions?limit={MARK}", 422, "invalid-parameter", "query.limit"),
    got("limit 1.5", "/executions?limit=1.5", 422, "invalid-parameter", "query.limit"),
    got("limit twice", "/executions?limit=1&limit=2", 422, "invalid-parameter", "query.limit"),
    got("limit in other digits", "/executions?limit=%D9%A1", 422, "invalid-parameter", "query.limit"),
    got("an offset beyond 64 bit", "/executions?offset=9223372036854775808", 422, "invalid-parameter", "query.offset"),
    got("a status nobody knows", f"/executions?status={MARK}", 422, "invalid-parameter", "query.status"),
    got("a day that is none", "/executions?started_after=2026-02-30T00:00:00Z", 422, "invalid-parameter"),
    got("a time without a zone", "/executions?started_after=2026-02-03T00:00:00", 422, "invalid-parameter"),
    got("a time of nan", "/executions?started_before=nan", 422, "invalid-parameter", "query.started_before"),
    got("after -1", f"/executions/{UNKNOWN_ID}/events?after=-1", 422, "invalid-parameter", "query.after"),
    sent("wait inf", DOCUMENT, 422, "invalid-parameter", "/workflows/execute?wait=inf"),
    sent("wait nan", DOCUMENT, 422, "invalid-parameter", "/workflows/execute?wait=nan"),
    sent("wait 1e999", DOCUMENT, 422, "invalid-parameter", "/workflows/execute?wait=1e999"),
    sent("wait -1", DOCUMENT, 422, "invalid-parameter", "/workflows/execute?wait=-1"),
    sent("wait without a value", DOCUMENT, 422, "invalid-parameter", "/workflows/execute?wait="),
    sent("compensate yes", {}, 422, "invalid-parameter", f"/executions/{UNKNOWN_ID}/cancel?compensate=yes"),
)


def keyed(name: str, *keys: str, code: str = "invalid-idempotency-key", first: bytes | None = None) -> Hostile:
    headers = [*JSON, *(("Idempotency-Key", key) for key in keys)]
    again = request("POST", "/workflows/execute", json.dumps(DOCUMENT).encode(), headers)
    return Hostile(name, (again,), 422, code, first=first)


OTHER_BODY: Final = json.dumps(document(name="other")).encode()
KEYS: Final = (
    keyed("an empty key", ""),
    keyed("a key with a blank", f"{MARK} b"),
    keyed("a key of 256 characters", "k" * 256),
    keyed("a key in other letters", "\xe9"),
    keyed("two keys", "a", "b", code="invalid-header"),
    keyed(
        "a key with another body",
        f"{MARK}-replayed",
        code="idempotency-mismatch",
        first=request("POST", "/workflows/execute", OTHER_BODY, [*JSON, ("Idempotency-Key", f"{MARK}-replayed")]),
    ),
)

# --- step types and hosts

REGISTER: Final = {"step_type": "t", "name": "T", "execution_type": "grpc"}


def registered(name: str, code: str, pointer: str, **fields: object) -> Hostile:
    return replace(sent(name, {**REGISTER, **fields}, 422, code, "/steps/register"), pointer=pointer)


REGISTRATIONS: Final = (
    registered("a step type with a blank", "invalid-step-type", "/step_type", step_type=f"a {MARK}"),
    registered("an execution type nobody knows", "unknown-value", "/execution_type", execution_type=MARK),
    registered("a misspelt field", "unknown-field", "/tgas", tgas=[]),
    registered("tags that are none", "wrong-type", "/tags", tags=MARK),
    sent("a registration in a list", [REGISTER], 422, "wrong-type", "/steps/register"),
    sent("a built-in name", {**REGISTER, "step_type": "data_input"}, 403, "builtin-step-type", "/steps/register"),
    sent("a host with a path", {"pattern": f"http://{MARK}/"}, 422, "invalid-host-pattern", "/hosts"),
    sent("a host in a number", {"pattern": 5}, 422, "wrong-type", "/hosts"),
    sent("a misspelt host", {"patern": MARK}, 422, "unknown-field", "/hosts"),
    Hostile("a host that is not listed", (request("DELETE", f"/hosts/{MARK}"),), 404, "host-not-listed"),
    sent(
        "an outcome nobody knows", {"outcome": MARK}, 422, "unknown-value", f"/executions/{UNKNOWN_ID}/steps/a/resolve"
    ),
    sent("a save of nothing", {"workflow_config": None}, 422, "wrong-type", "/workflows"),
    sent("a workflow id with a slash", document(workflow_id=f"a/{MARK}"), 422, "invalid-workflow-id", "/workflows"),
)


def cases() -> Iterator[Hostile]:
    for family in (UNREADABLE, TOO_LARGE, ROUTES, SMUGGLED, DOCUMENTS, QUERIES, KEYS, REGISTRATIONS):
        yield from family
