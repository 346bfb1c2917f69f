"""What is read from files and arguments."""

from pathlib import Path

import pytest

from workflow_engine.cli.documents import UnreadableSource, read_input, read_source, start_body
from workflow_engine.cli.failures import InvalidArgument


def test_a_value_of_an_input_is_json_where_it_is_json_and_text_where_it_is_not() -> None:
    pairs = ["n=1", "ok=true", "none=null", 'list=[1, "a"]', "text=hello there", "equals=a=b", "empty=", 'quoted="1"']
    assert read_input(pairs, None) == {
        "n": 1,
        "ok": True,
        "none": None,
        "list": [1, "a"],
        "text": "hello there",
        "equals": "a=b",
        "empty": "",
        "quoted": "1",
    }


def test_a_key_is_taken_as_it_stands() -> None:
    assert read_input(["a.b=1"], None) == {"a.b": 1}


@pytest.mark.parametrize("written", ["novalue", "=1", ""])
def test_an_input_without_key_or_value_is_refused(written: str) -> None:
    with pytest.raises(InvalidArgument, match="KEY=VALUE"):
        read_input([written], None)


def test_single_inputs_win_over_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"a": 1, "b": 2}')
    assert read_input(["b=3"], str(tmp_path / "input.json")) == {"a": 1, "b": 3}


def test_an_input_file_holds_an_object(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text("[1]")
    with pytest.raises(InvalidArgument, match="must hold a JSON object"):
        read_input([], str(tmp_path / "input.json"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nowhere\.json cannot be read: No such file"):
        read_source(str(tmp_path / "nowhere.json"))


def test_text_that_is_no_json_is_reported_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text('{\n  "a": nothing\n}')
    with pytest.raises(UnreadableSource, match=r"flow\.json:2:8: malformed JSON: "):
        read_source(str(tmp_path / "flow.json"))


def test_a_bare_document_is_put_into_an_envelope_and_its_pointers_lead_back(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text('{"steps": []}')
    source = read_source(str(tmp_path / "flow.json"))
    assert start_body(source, {"a": 1}) == {"workflow_config": {"steps": []}, "input_data": {"a": 1}}
    assert source.pointer_in_text("/workflow_config/steps") == "/steps"
    assert source.pointer_in_text("/input_data/a") is None


def test_an_envelope_keeps_what_it_brings_and_arguments_win(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(
        '{"workflow_config": {"steps": []}, "input_data": {"a": 1, "b": 2}, "user_id": "ann"}'
    )
    source = read_source(str(tmp_path / "flow.json"))
    assert source.document == {"steps": []}
    assert start_body(source, {"b": 3}) == {
        "workflow_config": {"steps": []},
        "input_data": {"a": 1, "b": 3},
        "user_id": "ann",
    }
    assert source.pointer_in_text("/workflow_config/steps") == "/workflow_config/steps"


def test_a_list_is_no_workflow(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text("[]")
    with pytest.raises(InvalidArgument, match="holds no workflow"):
        start_body(read_source(str(tmp_path / "flow.json")), {})
