"""Pointers and where they lead."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.cli.json_places import Place, Places
from workflow_engine.jsontext import pointer

TEXT = """{
  "name": "a, \\"b\\": {",
  "steps": [
    {"step_id": "one"},
    {"step_id": "two", "config": {"a/b": [1, [2, 3]], "m~n": null}}
  ]
}"""


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("", Place(1, 1)),
        ("/name", Place(2, 3)),
        ("/steps", Place(3, 3)),
        ("/steps/0", Place(4, 5)),
        ("/steps/0/step_id", Place(4, 6)),
        ("/steps/1/config/a~1b", Place(5, 35)),
        ("/steps/1/config/a~1b/0", Place(5, 43)),
        ("/steps/1/config/a~1b/1/1", Place(5, 50)),
        ("/steps/1/config/m~0n", Place(5, 55)),
    ],
)
def test_a_pointer_leads_to_the_key_of_a_member_and_to_the_value_of_an_item(wanted: str, place: Place) -> None:
    assert Places(TEXT).of(wanted) == place


def test_what_is_missing_is_reported_at_what_should_contain_it() -> None:
    places = Places(TEXT)
    assert places.of("/steps/0/step_type") == places.of("/steps/0")
    assert places.of("/nothing/at/all") == Place(1, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from([None, 2]))
def test_every_value_of_every_document_is_found_where_it_is(document: object, indent: int | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    places = Places(text)
    for wanted, value, is_member in walked(document):
        place = places.of(wanted)
        here = text.split("\n")[place.line - 1][place.column - 1 :] if "\n" in text else text[place.column - 1 :]
        expected = json.dumps(wanted_key(wanted), ensure_ascii=False) if is_member else json.dumps(value)[0]
        assert here.startswith(expected)


def walked(
    value: object, path: tuple[str | int, ...] = (), *, is_member: bool = False
) -> list[tuple[str, object, bool]]:
    found = [(pointer(*path), value, is_member)]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += walked(inner, (*path, key), is_member=True)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += walked(inner, (*path, index))
    return found


def wanted_key(wanted: str) -> str:
    return wanted.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
