"""NUL in the texts of a message is found wherever it stands."""

from workflow_engine.rpc.generated import registry_pb2, worker_pb2, workflow_pb2
from workflow_engine.rpc.texts import unstorable_texts


def test_texts_are_found_in_lists_maps_and_messages_inside() -> None:
    message = worker_pb2.OpenSessionRequest(
        hello=worker_pb2.Hello(worker_id="a\0", labels={"zone": "\0", "k\0ey": "fine"}, capabilities=["ok", "\0"]),
        register=worker_pb2.Register(
            steps=[registry_pb2.StepContract(name="ok"), registry_pb2.StepContract(tags=["\0"])]
        ),
    )
    assert set(unstorable_texts(message)) == {
        "/hello/worker_id",
        "/hello/labels",
        "/hello/labels/zone",
        "/hello/capabilities/1",
        "/register/steps/1/tags/0",
    }


def test_bytes_are_left_to_the_reader_of_their_json() -> None:
    message = worker_pb2.Results(items=[worker_pb2.Result(output=worker_pb2.Payload(data=b"\0"))])
    assert list(unstorable_texts(message)) == []
    steps = {"a": workflow_pb2.StepResult(status="\0")}
    assert list(unstorable_texts(workflow_pb2.ExecutionResults(steps=steps))) == ["/steps/a/status"]
