"""Settings as the limits the inner rooms take: each has a frozen value of its own, and knows nothing of settings."""

from dataclasses import asdict, fields

from workflow_engine.agents.limits import AgentCeilings, AgentDefaults
from workflow_engine.definition.limits import DefinitionLimits, Range
from workflow_engine.dispatch.workers.terms import MOST_FRAME_BYTES, Terms
from workflow_engine.expressions import ExpressionLimits
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.jsontext import JsonLimits
from workflow_engine.settings import Settings
from workflow_engine.steps.limits import RegistrationLimits
from workflow_engine.steps.schemas import SchemaLimits


def definition_limits(settings: Settings) -> DefinitionLimits:
    limits = settings.limits
    return DefinitionLimits(
        document_bytes=limits.max_definition_bytes,
        steps=limits.max_steps,
        tags=limits.max_tags,
        tag_length=limits.max_tag_length,
        timeout_seconds=Range(limits.min_timeout_seconds, limits.max_timeout_seconds),
        delay_seconds=Range(0, limits.max_delay_seconds),
        max_retries=Range(0, limits.max_retries),
        max_parallel=Range(0, limits.max_parallel),
        expressions=ExpressionLimits(**settings.expressions.model_dump()),
        schemas=schema_limits(settings),
    )


def registration_limits(settings: Settings) -> RegistrationLimits:
    limits = settings.limits
    return RegistrationLimits(
        schema_bytes=limits.schema_bytes,
        schema_depth=limits.schema_depth,
        tags=limits.max_tags,
        tag_length=limits.max_tag_length,
        url_bytes=limits.max_url_bytes,
        header_bytes=limits.max_header_bytes,
        least_timeout_seconds=limits.min_timeout_seconds,
        most_timeout_seconds=limits.max_timeout_seconds,
        max_retries=limits.max_retries,
        text_length=limits.max_text_length,
        name_length=limits.max_name_length,
        error_codes=limits.max_error_codes,
        examples=limits.max_examples,
        slot_cost=limits.max_slot_cost,
        estimated_cost_usd=limits.max_estimated_cost_usd,
        permissions=limits.max_permissions,
        permission_length=limits.max_permission_length,
        contracts=limits.max_contracts,
        examined=limits.max_examined,
        breakages=limits.max_breakages,
    )


def worker_terms(settings: Settings) -> Terms:
    workers = settings.workers
    return Terms(
        ping_every=workers.ping_every_seconds,
        dead_after=workers.dead_after_seconds,
        lease=workers.lease_seconds,
        ack_within=workers.ack_within_seconds,
        cancel_grace=workers.cancel_grace_seconds,
        progress_every=workers.progress_every_seconds,
        chunks_every=workers.chunks_every_seconds,
        report_within=workers.report_within_seconds,
        reconnect_after=workers.reconnect_after_seconds,
        max_sessions=workers.max_sessions,
        max_slots=workers.max_slots,
        max_inline_bytes=workers.max_inline_bytes,
        max_frame_bytes=min(MOST_FRAME_BYTES, settings.rpc.max_receive_bytes),
        max_checkpoint_bytes=workers.max_checkpoint_bytes,
        max_chunk_bytes=workers.max_chunk_bytes,
        max_stream_bytes=workers.max_stream_bytes,
        quarantine_after=workers.quarantine_after,
    )


def schema_limits(settings: Settings) -> SchemaLimits:
    limits = settings.limits
    return SchemaLimits(
        max_bytes=limits.schema_bytes,
        max_depth=limits.schema_depth,
        max_work=limits.schema_work,
        max_problems=limits.schema_problems,
    )


def json_limits(settings: Settings) -> JsonLimits:
    return JsonLimits(settings.limits.max_nesting, settings.limits.max_keys)


def journal_limits(settings: Settings) -> JournalLimits:
    storage = settings.storage
    return JournalLimits(
        max_batch_commits=storage.max_batch_commits,
        max_batch_bytes=storage.max_batch_bytes,
        max_queued_commits=storage.max_queued_commits,
        row_bytes=storage.row_bytes,
        payload_bytes=settings.limits.inline_result_bytes,
        reader_threads=storage.reader_threads,
    )


def journal_timeouts(settings: Settings) -> JournalTimeouts:
    storage = settings.storage
    return JournalTimeouts(
        busy_seconds=storage.busy_timeout_seconds,
        connect_seconds=storage.postgres_connect_timeout_seconds,
        lock_seconds=storage.postgres_lock_timeout_seconds,
        statement_seconds=storage.postgres_statement_timeout_seconds,
        idle_in_transaction_seconds=storage.postgres_idle_in_transaction_timeout_seconds,
    )


def agent_defaults(settings: Settings) -> AgentDefaults:
    agents = settings.agents
    return AgentDefaults(**{each.name: getattr(agents, each.name) for each in fields(AgentDefaults)})


def agent_ceilings(settings: Settings) -> AgentCeilings:
    """What an agent that says nothing gets is the most that any may ask for; but turns have a ceiling of their own."""
    return AgentCeilings(**{**asdict(agent_defaults(settings)), "max_turns": settings.agents.most_turns})
