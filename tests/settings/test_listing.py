"""The list of settings is complete, and the file that shows it says the same."""

from pathlib import Path

from workflow_engine.settings import env_example, known_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_the_example_file_shows_every_setting_with_its_default_and_a_sentence() -> None:
    assert EXAMPLE.read_text() == env_example(), "write it anew; CONTRIBUTING.md says how"


def test_every_setting_says_in_one_sentence_what_it_is() -> None:
    for setting in known_settings():
        assert setting.description.rstrip(".") not in ("", setting.path[-1])
        assert "\n" not in setting.description


def test_variables_are_named_after_the_place_of_the_setting() -> None:
    variables = {setting.path: setting.variable for setting in known_settings()}
    assert variables["port",] == "WORKFLOW_ENGINE_PORT"
    assert variables["storage", "reader_threads"] == "WORKFLOW_ENGINE_STORAGE__READER_THREADS"
