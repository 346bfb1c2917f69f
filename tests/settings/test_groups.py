"""The defaults are those that were promised, and every room's own limits are settings."""

from dataclasses import asdict, fields

import pytest
from pydantic import ValidationError

from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.jsontext import JsonLimits
from workflow_engine.settings import Rpc, Settings
from workflow_engine.steps.limits import RegistrationLimits
from workflow_engine.steps.schemas import SchemaLimits

LIMITS = Settings().limits


def test_the_defaults_are_the_promised_ones() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8006, 50051)
    assert settings.database_url == "sqlite:///./data/workflow_engine.db"
    assert (LIMITS.max_body_bytes, LIMITS.max_definition_bytes) == (8 * 1024**2, 1024**2)
    assert (LIMITS.max_header_bytes, LIMITS.max_url_bytes) == (64 * 1024, 8 * 1024)
    assert (LIMITS.inline_result_bytes, LIMITS.max_result_bytes) == (1024**2, 16 * 1024**2)
    assert (LIMITS.schema_bytes, LIMITS.schema_depth) == (64 * 1024, 32)
    assert (LIMITS.default_page, LIMITS.max_page, LIMITS.max_wait_seconds) == (50, 500, 60)
    assert (LIMITS.max_idempotency_key_length, LIMITS.idempotency_hours) == (255, 24)


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # what the test is about
    with pytest.raises(ValidationError, match="frozen"):
        Settings().limits.max_steps = 1  # type: ignore[misc]  # what the test is about


def test_the_limits_of_foreign_json_are_settings() -> None:
    assert JsonLimits(LIMITS.max_nesting, LIMITS.max_keys) == JsonLimits()


def test_the_limits_of_expressions_are_settings() -> None:
    assert Settings().expressions.model_dump() == asdict(ExpressionLimits())


def test_the_limits_of_documents_are_settings() -> None:
    default = DefinitionLimits()
    assert default.document_bytes == LIMITS.max_definition_bytes
    assert (default.steps, default.tags, default.tag_length) == (
        LIMITS.max_steps,
        LIMITS.max_tags,
        LIMITS.max_tag_length,
    )
    assert (default.timeout_seconds.least, default.timeout_seconds.most) == (
        LIMITS.min_timeout_seconds,
        LIMITS.max_timeout_seconds,
    )
    assert default.delay_seconds.most == LIMITS.max_delay_seconds
    assert default.max_retries.most == LIMITS.max_retries
    assert default.max_parallel.most == LIMITS.max_parallel


def test_the_limits_of_the_journal_are_settings() -> None:
    storage = Settings().storage.model_dump() | {"payload_bytes": LIMITS.inline_result_bytes}
    assert {field.name: storage[field.name] for field in fields(JournalLimits)} == asdict(JournalLimits())


def test_the_timeouts_of_the_journal_are_settings() -> None:
    storage = Settings().storage
    assert JournalTimeouts() == JournalTimeouts(
        busy_seconds=storage.busy_timeout_seconds,
        connect_seconds=storage.postgres_connect_timeout_seconds,
        lock_seconds=storage.postgres_lock_timeout_seconds,
        statement_seconds=storage.postgres_statement_timeout_seconds,
        idle_in_transaction_seconds=storage.postgres_idle_in_transaction_timeout_seconds,
    )


def test_the_limits_of_schemas_are_settings() -> None:
    assert SchemaLimits() == SchemaLimits(
        max_bytes=LIMITS.schema_bytes,
        max_depth=LIMITS.schema_depth,
        max_work=LIMITS.schema_work,
        max_problems=LIMITS.schema_problems,
    )


def test_the_limits_of_registrations_are_settings() -> None:
    assert asdict(RegistrationLimits()) == {
        "schema_bytes": LIMITS.schema_bytes,
        "schema_depth": LIMITS.schema_depth,
        "tags": LIMITS.max_tags,
        "tag_length": LIMITS.max_tag_length,
        "text_length": LIMITS.max_text_length,
        "name_length": LIMITS.max_name_length,
        "error_codes": LIMITS.max_error_codes,
        "examples": LIMITS.max_examples,
        "url_bytes": LIMITS.max_url_bytes,
        "header_bytes": LIMITS.max_header_bytes,
        "least_timeout_seconds": LIMITS.min_timeout_seconds,
        "most_timeout_seconds": LIMITS.max_timeout_seconds,
        "max_retries": LIMITS.max_retries,
        "slot_cost": LIMITS.max_slot_cost,
        "estimated_cost_usd": LIMITS.max_estimated_cost_usd,
        "permissions": LIMITS.max_permissions,
        "permission_length": LIMITS.max_permission_length,
        "contracts": LIMITS.max_contracts,
        "examined": LIMITS.max_examined,
        "breakages": LIMITS.max_breakages,
    }


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"tls_certificate": "a.pem"}, "tls_certificate and tls_key are given together"),
        ({"tls_key": "a.key"}, "tls_certificate and tls_key are given together"),
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca needs tls_certificate and tls_key"),
    ],
)
def test_tls_is_whole_or_not_there(files: dict[str, str], wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        Rpc.model_validate(files)
