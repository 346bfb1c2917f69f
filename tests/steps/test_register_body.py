"""The body of a registration: what is accepted, and every problem of a bad one with its pointer and no value."""

import pytest

from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import DefaultInput, Effect, ErrorCode, ExecutionType, StepType
from workflow_engine.steps.limits import RegistrationLimits
from workflow_engine.steps.register_body import Registration, read_registration
from workflow_engine.steps.wire import contract_hash

LEAST: JsonObject = {
    "step_type": "text.shout",
    "name": "Shout",
    "execution_type": "api",
    "endpoint_config": {"url": "http://127.0.0.1:9000/shout"},
}


def read(**more: Json) -> Registration:
    return read_registration({**LEAST, **more}, "ada")


def problems(body: Json, limits: RegistrationLimits | None = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDocument) as caught:
        read_registration(body, "ada", limits)
    return [(problem.pointer, problem.code) for problem in caught.value.problems()]


def of(**more: Json) -> list[tuple[str, str]]:
    return problems({**LEAST, **more})


def test_the_least_that_must_be_said() -> None:
    assert read() == Registration(
        StepType(
            "text.shout",
            title="Shout",
            execution_type=ExecutionType.API,
            endpoint={"url": "http://127.0.0.1:9000/shout"},
            owner="ada",
        ),
        version_given=False,
    )


def test_everything_that_can_be_said() -> None:
    read_type = read(
        version="1.2.3",
        description="Says it loudly",
        documentation="At length",
        parameters_schema={"type": "object"},
        input_schema={"type": "object"},
        output_schema={"type": "string"},
        effect="at_most_once",
        tags=["text"],
        examples=[{"config": {}}],
        error_codes=[{"code": "no-voice", "retryable": False, "description": "d"}, "busy"],
        default_input="dependencies",
        default_timeout_seconds=2,
        default_max_retries=3,
        function_reference="shout",
        endpoint_config={"url": "https://a.example/x?y=1", "method": "PUT", "headers": {"X-A": "b"}, "timeout": 5},
    )
    step = read_type.type
    assert read_type.version_given
    assert (step.version, step.effect, step.default_input) == ("1.2.3", Effect.AT_MOST_ONCE, DefaultInput.DEPENDENCIES)
    assert step.error_codes == (ErrorCode("no-voice", False, "d"), ErrorCode("busy"))
    assert (step.default_timeout_seconds, step.default_max_retries, step.tags) == (2, 3, ("text",))
    assert step.endpoint == {
        "url": "https://a.example/x?y=1",
        "method": "PUT",
        "headers": {"X-A": "b"},
        "timeout": 5,
    }


def test_null_means_absent_as_older_clients_write_it() -> None:
    nulls: JsonObject = dict.fromkeys(
        ["function_reference", "description", "parameters_schema", "output_schema", "tags", "version", "effect"]
    )
    assert read(**nulls) == read()


@pytest.mark.parametrize("execution_type", ["grpc", "poll"])
@pytest.mark.parametrize("endpoint", [None, {}])
def test_a_worker_needs_no_endpoint(execution_type: str, endpoint: Json) -> None:
    assert read(execution_type=execution_type, endpoint_config=endpoint).type.endpoint is None


def test_every_problem_is_found_at_once() -> None:
    body: JsonObject = {
        "step_typ": "x",
        "execution_type": "carrier-pigeon",
        "tags": ["ok", 5],
        "version": "one",
        "output_schema": {"type": "strin"},
        "default_max_retries": True,
    }
    assert problems(body) == [
        ("/step_typ", "unknown-field"),
        ("/execution_type", "unknown-value"),
        ("/step_type", "missing-field"),
        ("/version", "invalid-version"),
        ("/name", "missing-field"),
        ("/output_schema/type", "invalid-schema"),
        ("/default_max_retries", "out-of-range"),
        ("/tags/1", "wrong-type"),
    ]


def test_an_unknown_field_is_advised_on() -> None:
    with pytest.raises(InvalidDocument, match="did you mean 'output_schema'"):
        read(output_shema={})


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_is_an_object(body: Json) -> None:
    assert problems(body) == [("", "wrong-type")]


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        ({"step_type": "1st"}, "/step_type", "invalid-step-type"),
        ({"step_type": "a b"}, "/step_type", "invalid-step-type"),
        ({"step_type": "a@1"}, "/step_type", "invalid-step-type"),
        ({"step_type": "a\n"}, "/step_type", "invalid-step-type"),
        ({"step_type": "a" * 129}, "/step_type", "out-of-range"),
        ({"step_type": 5}, "/step_type", "wrong-type"),
        ({"step_type": ""}, "/step_type", "out-of-range"),
        ({"name": ""}, "/name", "out-of-range"),
        ({"name": "n" * 201}, "/name", "out-of-range"),
        ({"description": ["x"]}, "/description", "wrong-type"),
        ({"effect": "harmless"}, "/effect", "unknown-value"),
        ({"effect": ["pure"]}, "/effect", "unknown-value"),
        ({"execution_type": None}, "/execution_type", "missing-field"),
        ({"version": "1"}, "/version", "invalid-version"),
        ({"version": 1}, "/version", "wrong-type"),
        ({"tags": ["t"] * 33}, "/tags", "out-of-range"),
        ({"tags": ["t" * 65]}, "/tags/0", "wrong-type"),
        ({"tags": "t"}, "/tags", "wrong-type"),
        ({"input_schema": []}, "/input_schema", "wrong-type"),
        ({"input_schema": {"$ref": "http://127.0.0.1/x"}}, "/input_schema", "invalid-schema"),
        ({"default_timeout_seconds": 0}, "/default_timeout_seconds", "out-of-range"),
        ({"default_timeout_seconds": True}, "/default_timeout_seconds", "out-of-range"),
        ({"default_timeout_seconds": "5"}, "/default_timeout_seconds", "out-of-range"),
        ({"default_max_retries": 1001}, "/default_max_retries", "out-of-range"),
        ({"default_max_retries": 1.0}, "/default_max_retries", "out-of-range"),
        ({"error_codes": [{}]}, "/error_codes/0", "wrong-type"),
        ({"error_codes": [{"code": "x", "retryable": "no"}]}, "/error_codes/0", "wrong-type"),
        ({"examples": {}}, "/examples", "wrong-type"),
        ({"endpoint_config": None}, "/endpoint_config/url", "missing-field"),
        ({"endpoint_config": "http://x/"}, "/endpoint_config", "wrong-type"),
        ({"execution_type": "local", "endpoint_config": None}, "/function_reference", "missing-field"),
        ({"execution_type": "grpc"}, "/endpoint_config", "unknown-field"),
    ],
)
def test_one_bad_field_is_one_problem(more: JsonObject, pointer: str, code: str) -> None:
    found = of(**more)
    assert [each for each in found if each[0].startswith(pointer)] == found
    assert found[0][1] == code


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "ftp://a.example/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://user:secret@a.example/",
        "http://a.example:99999/",
        "http://a.example:0/",
        "http://a.example/ x",
        "http://a.example\\@b.example/",
        "http://[::1/",
        "http://a.example/\n",
        "http://a.example/" + "x" * 8192,
        5,
    ],
)
def test_a_url_nobody_could_call_is_refused_without_repeating_it(url: Json) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(endpoint_config={"url": url})
    assert [problem.pointer for problem in caught.value.problems()] == ["/endpoint_config/url"]
    assert "secret" not in str(caught.value)
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "pointer", "code"),
    [
        ({"method": "BREW"}, "/endpoint_config/method", "unknown-value"),
        ({"method": ["GET"]}, "/endpoint_config/method", "unknown-value"),
        ({"timeout": -1}, "/endpoint_config/timeout", "out-of-range"),
        ({"headers": ["x"]}, "/endpoint_config/headers", "wrong-type"),
        ({"headers": {"Host": "a"}}, "/endpoint_config/headers/Host", "invalid-header"),
        ({"headers": {"Idempotency-Key": "a"}}, "/endpoint_config/headers/Idempotency-Key", "invalid-header"),
        ({"headers": {"X": "a\r\nY: b"}}, "/endpoint_config/headers/X", "invalid-header"),
        ({"headers": {"X Y": "a"}}, "/endpoint_config/headers/X Y", "invalid-header"),
        ({"headers": {"X": 5}}, "/endpoint_config/headers/X", "invalid-header"),
        ({"headers": {f"X-{n}": "v" * 1000 for n in range(70)}}, "/endpoint_config/headers", "out-of-range"),
        ({"retries": 1}, "/endpoint_config/retries", "unknown-field"),
    ],
)
def test_an_endpoint_is_checked_field_by_field(endpoint: JsonObject, pointer: str, code: str) -> None:
    assert of(endpoint_config={"url": "http://a.example/", **endpoint}) == [(pointer, code)]


def test_an_rpc_has_no_method() -> None:
    endpoint: JsonObject = {"url": "http://a.example/", "method": "POST"}
    assert of(execution_type="rpc", endpoint_config=endpoint) == [("/endpoint_config/method", "unknown-field")]


def test_a_schema_has_limits() -> None:
    small = RegistrationLimits(schema_bytes=20, schema_depth=2)
    assert problems({**LEAST, "input_schema": {"description": "x" * 30}}, small)[0][0] == "/input_schema"
    deep: Json = {"properties": {"a": {"properties": {"b": {}}}}}
    assert problems({**LEAST, "input_schema": deep}, small)[0][0] == "/input_schema"


def test_what_a_worker_takes_costs_and_may_do_is_read() -> None:
    step = read(
        slot_cost=4, streams=True, estimated_cost_usd=0.5, required_permissions=["mail.send"], requires_approval=True
    ).type
    assert (step.slot_cost, step.streams, step.estimated_cost_usd) == (4, True, 0.5)
    assert (step.required_permissions, step.requires_approval) == (("mail.send",), True)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("slot_cost", 0, "out-of-range"),
        ("slot_cost", 1_001, "out-of-range"),
        ("slot_cost", True, "out-of-range"),
        ("slot_cost", 1.0, "out-of-range"),
        ("streams", "yes", "wrong-type"),
        ("estimated_cost_usd", -0.01, "out-of-range"),
        ("estimated_cost_usd", True, "out-of-range"),
        ("estimated_cost_usd", 1e12, "out-of-range"),
        ("required_permissions", "mail.send", "wrong-type"),
        ("required_permissions", ["p"] * 33, "out-of-range"),
        ("requires_approval", 1, "wrong-type"),
    ],
)
def test_each_of_them_is_held_to_its_limit(field: str, value: Json, code: str) -> None:
    assert of(**{field: value}) == [(f"/{field}", code)]
    assert of(required_permissions=["ok", ""]) == [("/required_permissions/1", "wrong-type")]


def test_a_whole_number_is_the_same_contract_however_it_was_carried() -> None:
    as_floats = read(default_timeout_seconds=2.0, estimated_cost_usd=3.0).type
    as_integers = read(default_timeout_seconds=2, estimated_cost_usd=3).type
    assert contract_hash(as_floats) == contract_hash(as_integers)
