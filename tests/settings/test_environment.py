"""Where settings come from, which one wins, and what a bad one is told."""

from pathlib import Path

import pytest

from workflow_engine.errors import RefusedToStart
from workflow_engine.settings import InvalidSettings, Settings, known_settings, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer who runs the tests may reach them."""
    for name in ("DATABASE_URL", "PORT", "LOG_LEVEL", *(setting.variable for setting in known_settings())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def refusal_of(**arguments: object) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(env_file=Path(".env"), **arguments)
    assert isinstance(refused.value, RefusedToStart)
    return str(refused.value)


def test_without_any_variable_the_settings_are_the_defaults() -> None:
    assert load_settings() == Settings()


def test_every_setting_can_be_written_as_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in known_settings():
        monkeypatch.setenv(setting.variable, setting.default)
    assert load_settings() == Settings()


def test_a_setting_of_a_group_has_two_underscores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_LIMITS__MAX_BODY_BYTES", "2_000_000")
    limits = load_settings().limits
    assert (limits.max_body_bytes, limits.max_steps) == (2_000_000, 1_000)


def test_arguments_win_over_the_environment_over_the_file_over_the_names_of_platforms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "1")
    assert load_settings().port == 1
    Path(".env").write_text("WORKFLOW_ENGINE_PORT=2\n")
    assert load_settings().port == 2
    monkeypatch.setenv("WORKFLOW_ENGINE_PORT", "3")
    assert load_settings().port == 3
    assert load_settings(port=4).port == 4
    assert load_settings(port=None).port == 3


def test_the_names_of_platforms_are_understood_in_the_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DATABASE_URL=postgresql://db/one\nLOG_LEVEL=WARNING\n")
    assert load_settings().database_url == "postgresql://db/one"
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/two")
    settings = load_settings()
    assert (settings.database_url, settings.log_level) == ("postgresql://db/two", "warning")


def test_arguments_of_a_group_join_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_LIMITS__MAX_STEPS", "7")
    limits = load_settings(limits={"max_keys": 9}).limits
    assert (limits.max_steps, limits.max_keys) == (7, 9)


def test_an_empty_variable_counts_as_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_PORT", "")
    monkeypatch.setenv("PORT", "5")
    assert load_settings().port == 5


def test_plugins_are_names_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_PLUGINS", " acme-steps, other ,")
    assert load_settings().plugins == ("acme-steps", "other")


def test_variables_of_other_programs_in_the_file_are_left_alone() -> None:
    Path(".env").write_text("OPENAI_API_KEY=x\nWORKFLOW_ENGINE_HOST=::1\n")
    assert load_settings().host == "::1"


def test_the_environment_may_be_read_without_a_file() -> None:
    Path(".env").write_text("WORKFLOW_ENGINE_PORT=2\n")
    assert load_settings(env_file=None).port == 8006


@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("WORKFLOW_ENGINE_PROT", "did you mean WORKFLOW_ENGINE_PORT?"),
        ("WORKFLOW_ENGINE_LIMITS__MAX_STEP", "did you mean WORKFLOW_ENGINE_LIMITS__MAX_STEPS?"),
        ("WORKFLOW_ENGINE_LIMITS", "it names a group; write WORKFLOW_ENGINE_LIMITS__MAX_BODY_BYTES and the like"),
        ("WORKFLOW_ENGINE_QQQ", ".env.example lists every setting"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, advice: str
) -> None:
    monkeypatch.setenv(variable, "1")
    assert f"{variable} is no setting: " in (told := refusal_of())
    assert advice in told


def test_an_unknown_variable_in_the_file_is_refused_too() -> None:
    Path(".env").write_text("WORKFLOW_ENGINE_HOTS=::1\n")
    assert "WORKFLOW_ENGINE_HOTS is no setting: did you mean WORKFLOW_ENGINE_HOST?" in refusal_of()


def test_unknown_arguments_are_refused_like_variables() -> None:
    told = refusal_of(prot=1, limits={"max_step": 5})
    assert "prot is no setting: did you mean port?" in told
    assert "limits.max_step is no setting: did you mean limits.max_steps?" in told


def test_every_bad_value_is_listed_at_once_with_its_own_name_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("WORKFLOW_ENGINE_GRPC_PORT", "65536")
    monkeypatch.setenv("WORKFLOW_ENGINE_LOG_FORMAT", "xml")
    monkeypatch.setenv("WORKFLOW_ENGINE_PROT", "1")
    told = refusal_of(runtime={"step_threads": 0})
    assert "  PORT: must be a valid integer" in told
    assert "  WORKFLOW_ENGINE_GRPC_PORT: must be less than or equal to 65535 (default: 50051)" in told
    assert "  WORKFLOW_ENGINE_LOG_FORMAT: must be 'console' or 'json' (default: console)" in told
    assert "  WORKFLOW_ENGINE_PROT is no setting" in told
    assert "  runtime.step_threads: must be greater than or equal to 1 (default: 8)" in told
    assert len(told.splitlines()) == 6


def test_every_bad_value_is_a_problem_of_its_own() -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(port=-1, host=None, prot=1)
    assert [problem.code for problem in refused.value.problems()] == ["unknown-setting", "invalid-setting"]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e99", "soon"])
def test_a_time_is_a_finite_number_of_seconds_that_is_not_negative(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_SHUTDOWN_GRACE_SECONDS", value)
    assert "WORKFLOW_ENGINE_SHUTDOWN_GRACE_SECONDS: must be" in refusal_of()


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("default_page", "max_page"),
        ("max_definition_bytes", "max_body_bytes"),
        ("inline_result_bytes", "max_result_bytes"),
        ("min_timeout_seconds", "max_timeout_seconds"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(smaller: str, larger: str) -> None:
    assert f"limits: {smaller} must not be larger than {larger}" in refusal_of(limits={smaller: 9, larger: 8})


def test_a_value_is_never_repeated_since_it_may_hold_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_LOG_LEVEL", "hunter2")
    assert "hunter2" not in refusal_of()
    assert "hunter2" not in repr(load_settings(log_level="info", database_url="postgresql://me:hunter2@db/x"))


def test_a_file_that_is_no_text_is_refused_by_its_name() -> None:
    Path(".env").write_bytes(b"WORKFLOW_ENGINE_PORT=\xff\xfe\n")
    assert ".env cannot be read as UTF-8 text" in refusal_of()
