"""The settings as values: what there is, in which range, with which default. `Settings()` is the defaults alone."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workflow_engine.settings.mcp_servers import read_mcp_servers

KIB: Final = 1024
MIB: Final = 1024 * KIB
DAY: Final = 86_400.0
YEAR: Final = 365 * DAY


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _mcp_servers(text: str) -> str:
    read_mcp_servers(text)
    return text


Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
CountOrZero = Annotated[int, Field(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seconds = Annotated[float, Field(gt=0, le=100 * YEAR, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, le=100 * YEAR, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Group(BaseModel):
    """What all groups have in common: frozen, and nothing unknown gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _ordered(group: BaseModel, smaller: str, larger: str) -> None:
    if getattr(group, smaller) > getattr(group, larger):
        raise ValueError(f"{smaller} must not be larger than {larger}")


class Limits(Group):
    """Limits of what clients may send and store; beyond one a request is refused, never cut short silently."""

    max_body_bytes: Bytes = Field(8 * MIB, description="Largest request body.")
    max_definition_bytes: Bytes = Field(1 * MIB, description="Largest workflow document.")
    max_steps: Count = Field(1_000, description="Most steps in one workflow.")
    # Beyond this our own writer would refuse what the reader accepted: it stops at 254 and wraps what it is given.
    max_nesting: Annotated[int, Field(ge=1, le=200)] = Field(
        64, description="Most objects and arrays of a request that are open at once, the outermost included."
    )
    max_keys: Count = Field(100_000, description="Most keys in all objects of a request together.")
    max_header_bytes: Bytes = Field(64 * KIB, description="Largest request head: all headers together.")
    max_url_bytes: Bytes = Field(8 * KIB, description="Longest request URL.")
    header_timeout_seconds: Seconds = Field(10.0, description="Longest time a client may take to send its headers.")
    body_timeout_seconds: Seconds = Field(30.0, description="Longest time a client may take to send its body.")
    max_connections: Count = Field(1_000, description="Most HTTP connections at once; more are answered 503.")
    max_watcher_events: Count = Field(
        10_000, description="Events held for a slow watcher; beyond, it reads them from the journal."
    )
    max_streams: Count = Field(500, description="Most open event streams at once; more are answered 429.")
    max_wait_seconds: SecondsOrZero = Field(60.0, description="Longest `?wait=`; more is clamped.")
    default_page: Count = Field(50, description="Entries of a listing when the client names no limit.")
    max_page: Count = Field(500, description="Most entries of a listing; more is clamped.")
    inline_result_bytes: Bytes = Field(
        1 * MIB, description="Step results beyond this are stored once by digest and passed by reference."
    )
    max_result_bytes: Bytes = Field(
        16 * MIB, description="A step result beyond this fails its step with payload-too-large."
    )
    schema_bytes: Bytes = Field(64 * KIB, description="Largest JSON Schema of a step type or workflow.")
    schema_depth: Count = Field(32, description="Deepest nesting of a JSON Schema.")
    schema_work: Count = Field(
        10_000, description="Most comparisons that checking one value by a JSON Schema may cost."
    )
    schema_problems: Count = Field(100, description="Most problems that are listed for one value.")
    max_text_length: Count = Field(16_384, description="Longest description or documentation of a step type.")
    max_name_length: Count = Field(200, description="Longest display name of a step type.")
    max_error_codes: CountOrZero = Field(100, description="Most error codes a step type may declare.")
    max_examples: CountOrZero = Field(20, description="Most examples of a step type.")
    max_slot_cost: Count = Field(1_000, description="Most worker slots that one step of a type may take.")
    max_estimated_cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        1_000_000.0, description="Largest estimated cost of one step, in USD."
    )
    max_permissions: CountOrZero = Field(32, description="Most permissions a step type may require.")
    max_permission_length: Count = Field(128, description="Longest name of a permission in characters.")
    max_contracts: Count = Field(100, description="Most step types that are registered in one request.")
    max_examined: CountOrZero = Field(
        10_000, description="Most saved workflows, and open executions, looked at for what a new contract breaks."
    )
    max_breakages: Count = Field(1_000, description="Most broken workflows and executions that are listed.")
    max_tags: CountOrZero = Field(32, description="Most tags on one workflow or step type.")
    max_tag_length: Count = Field(64, description="Longest tag in characters.")
    min_timeout_seconds: Seconds = Field(0.001, description="Shortest timeout a document may ask for.")
    max_timeout_seconds: Seconds = Field(YEAR, description="Longest timeout a document may ask for.")
    max_retries: CountOrZero = Field(1_000, description="Most retries a step may ask for.")
    max_delay_seconds: SecondsOrZero = Field(DAY, description="Longest delay between two attempts of a step.")
    max_parallel: CountOrZero = Field(10_000, description="Largest `max_parallel` a document may ask for.")
    max_open_executions: Count = Field(
        1_000_000, description="Most executions that have not ended; starts beyond are answered 429."
    )
    max_idempotency_key_length: Annotated[int, Field(ge=1, le=255)] = Field(
        255, description="Longest `Idempotency-Key` in characters."
    )
    idempotency_hours: Annotated[float, Field(gt=0, le=24 * 365, allow_inf_nan=False)] = Field(
        24.0, description="How long a key is remembered; while its execution is open it always is."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _ordered(self, "default_page", "max_page")
        _ordered(self, "max_definition_bytes", "max_body_bytes")
        _ordered(self, "inline_result_bytes", "max_result_bytes")
        _ordered(self, "min_timeout_seconds", "max_timeout_seconds")
        return self


class Expressions(Group):
    """Bounds of one expression, condition or template, so that evaluating it always ends soon."""

    max_source_bytes: Bytes = Field(2 * KIB, description="Longest source text.")
    max_comprehensions: CountOrZero = Field(4, description="Most map, filter, all, exists in one expression.")
    max_additions: CountOrZero = Field(32, description="Most `+` in one expression.")
    max_string_bytes: Bytes = Field(64 * KIB, description="Longest string an expression may read.")
    max_list_items: Count = Field(1_000, description="Longest list that map or filter may run over.")
    max_work: Count = Field(5_000_000, description="Most work an expression may cost; a million is about 25 ms.")
    max_pattern_states: Count = Field(2_000, description="Largest regular expression, in states of its automaton.")
    max_expressions: Count = Field(256, description="Most expressions in one value, such as a mapping or a config.")
    max_text_parts: Count = Field(64, description="Most `${...}` in one text.")
    max_text_bytes: Bytes = Field(1 * MIB, description="Longest text a template may render.")
    max_conditions: Count = Field(256, description="Most comparisons in one condition.")
    max_condition_depth: Count = Field(32, description="Deepest nesting of groups in one condition.")
    max_template_depth: Count = Field(64, description="Deepest nesting of a value that holds templates.")


class Runtime(Group):
    """How executions are driven, forgotten and cleaned up."""

    idle_after_seconds: SecondsOrZero = Field(
        1.0, description="An execution that waits this long without news leaves memory; news brings it back."
    )
    max_running_steps: Count = Field(
        1_000, description="Most async step functions that run at once in this process; the others wait in order."
    )
    step_threads: Count = Field(8, description="Threads for step functions that are not async.")
    replacement_threads: CountOrZero = Field(
        8, description="Hanging step threads that are replaced before their step type is quarantined."
    )
    retention_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = Field(
        30.0, description="Ended executions are deleted after this many days; 0 keeps them for ever."
    )
    usage_retention_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = Field(
        400.0, description="What model calls used and cost is forgotten after this many days; 0 keeps it for ever."
    )
    prune_every_seconds: Seconds = Field(3_600.0, description="How often ended executions are looked for.")
    prune_batch: Count = Field(500, description="Executions, or lines of usage, deleted in one transaction.")


class Storage(Group):
    """How the database is used; the settings named postgres_ mean nothing to SQLite."""

    migrate: Annotated[Literal["auto", "always", "never"], BeforeValidator(_lower)] = Field(
        "auto", description="Bring an older schema up to date at start: auto does it on SQLite and refuses elsewhere."
    )
    reader_threads: Count = Field(4, description="Connections for reading, a thread each.")
    max_batch_commits: Count = Field(1_000, description="Most transitions that share one transaction.")
    max_batch_bytes: Bytes = Field(8 * MIB, description="Most bytes of events that share one transaction.")
    max_queued_commits: Count = Field(
        100_000, description="Most transitions that wait for the writer; more are refused before they are accepted."
    )
    row_bytes: Bytes = Field(256 * KIB, description="Events of one transition are stored in rows of about this size.")
    busy_timeout_seconds: SecondsOrZero = Field(5.0, description="How long SQLite waits for a lock held elsewhere.")
    standby: bool = Field(False, description="Wait for the engine lock on PostgreSQL instead of refusing to start.")
    postgres_connect_timeout_seconds: Seconds = Field(5.0, description="Longest wait for a connection.")
    postgres_lock_timeout_seconds: Seconds = Field(5.0, description="`lock_timeout` of every connection.")
    postgres_statement_timeout_seconds: Seconds = Field(30.0, description="`statement_timeout` of every connection.")
    postgres_idle_in_transaction_timeout_seconds: Seconds = Field(
        30.0, description="`idle_in_transaction_session_timeout` of every connection."
    )


class Outgoing(Group):
    """Calls the server makes: http_request steps and step types that are served by a URL."""

    timeout_seconds: Seconds = Field(
        30.0, description="Longest call of a step type whose endpoint_config names no timeout."
    )
    max_response_bytes: Bytes = Field(16 * MIB, description="Largest answer of a called step type, after decoding.")
    max_connections: Count = Field(100, description="Most calls at once; the others wait.")


class Workers(Group):
    """The terms of workers: how they are watched, what they may hold, and how much they may say."""

    ping_every_seconds: Seconds = Field(10.0, description="How often a worker on a stream is pinged.")
    dead_after_seconds: Seconds = Field(30.0, description="A worker that is silent for so long is disconnected.")
    lease_seconds: Seconds = Field(
        60.0, description="How long a worker has a step without renewing; it renews at a quarter of that."
    )
    ack_within_seconds: Seconds = Field(
        5.0, description="A step that a worker does not ack in this time goes back to its place in the line."
    )
    cancel_grace_seconds: Seconds = Field(
        10.0, description="How long a worker may take to confirm a cancel before it is recorded as ignoring it."
    )
    progress_every_seconds: Seconds = Field(0.25, description="Progress of one step is written down at most so often.")
    chunks_every_seconds: Seconds = Field(0.05, description="Chunks of one step are written down at most so often.")
    report_within_seconds: Seconds = Field(
        DAY, description="How long a webhook that answered 202 may take, where its step names no timeout."
    )
    reconnect_after_seconds: SecondsOrZero = Field(
        1.0, description="What a server that stops tells its workers to wait before they come back."
    )
    quarantine_after: Count = Field(
        5, description="So many workers lost in a row by steps of one type, and no step of it is handed out any more."
    )
    max_sessions: Count = Field(10_000, description="Most workers that are connected at once.")
    max_slots: Count = Field(10_000, description="Most unfinished steps that one worker may take.")
    max_inline_bytes: Bytes = Field(
        1 * MIB, description="Largest result of a worker; a larger one fails its step with payload-too-large."
    )
    max_checkpoint_bytes: Bytes = Field(64 * KIB, description="Largest checkpoint; a larger one is not kept.")
    max_chunk_bytes: Bytes = Field(64 * KIB, description="Largest single chunk of a step.")
    max_stream_bytes: Bytes = Field(4 * MIB, description="Most bytes of chunks in one attempt of a step.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _ordered(self, "ping_every_seconds", "dead_after_seconds")
        _ordered(self, "max_chunk_bytes", "max_stream_bytes")
        return self


class Agents(Group):
    """Agents: the process that calls models for them, and what one agent may take; it may ask for less.

    Keys of providers are no settings: that process reads them from its environment, by the names they have everywhere.
    """

    worker: Annotated[Literal["auto", "on", "off"], BeforeValidator(_lower)] = Field(
        "auto", description="Start the agent worker: on, off, or auto (when a provider is configured)."
    )
    worker_slots: Count = Field(200, description="Most model and tool calls that the agent worker has in hand.")
    worker_restart_seconds: Seconds = Field(
        1.0, description="The pause before an agent worker that ended is started again; it doubles each time."
    )
    worker_restart_most_seconds: Seconds = Field(60.0, description="The longest such pause.")
    worker_drain_seconds: SecondsOrZero = Field(
        10.0, description="How long calls in hand of the agent worker may finish at a stop, before it is killed."
    )
    allowed_hosts: Names = Field(
        (),
        description="Hosts beyond the public ones that the agent worker may call, separated by commas; "
        "host, host:port, *.domain, IP address or CIDR block.",
    )
    mcp_servers: Annotated[str, AfterValidator(_mcp_servers)] = Field(
        "", repr=False, description='MCP servers by name, as JSON: {"docs": {"url": "https://..."}}.'
    )
    max_answer_bytes: Bytes = Field(16 * MIB, description="Largest answer of a provider or an MCP server.")
    most_turns: Count = Field(100, description="Most turns that any agent may ask for.")
    max_turns: Count = Field(10, description="Turns of an agent that names no limit.")
    max_total_tokens: Count | None = Field(None, description="Most tokens of one agent step, in and out.")
    max_cost_usd: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="Most that one agent step may cost, in USD."
    )
    max_depth: Count = Field(3, description="How deep agents may call agents.")
    max_bad_calls: CountOrZero = Field(5, description="Most tool calls of an agent that cannot be made as asked.")
    max_repairs: CountOrZero = Field(2, description="Most tries to mend an answer that does not fit its schema.")
    max_tool_calls: Count = Field(16, description="Most tool calls in one turn.")
    max_parallel_tools: Count = Field(8, description="Most tool calls of one turn that run at once.")
    max_tool_result_bytes: Bytes = Field(32 * KIB, description="Most of a tool's result that the model is told.")
    max_messages: Count = Field(1_000, description="Most messages of one conversation.")
    call_timeout_seconds: Seconds = Field(120.0, description="Longest single call of a model or an MCP server.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _ordered(self, "max_turns", "most_turns")
        _ordered(self, "worker_restart_seconds", "worker_restart_most_seconds")
        return self


class Rpc(Group):
    """The gRPC face: how much one call may be and how many there may be, how connections are kept alive, and TLS."""

    max_receive_bytes: Bytes = Field(4 * MIB, description="Largest message that a client or a worker may send.")
    max_send_bytes: Bytes = Field(64 * MIB, description="Largest message that the server sends.")
    max_calls: Count = Field(
        16_000, description="Most calls at once, open streams included; more are answered RESOURCE_EXHAUSTED."
    )
    max_streams_per_connection: Count = Field(
        1_000, description="Most calls at once on one connection; the client holds back what is more."
    )
    keepalive_seconds: Seconds = Field(20.0, description="After so long without a byte, a connection is pinged.")
    keepalive_timeout_seconds: Seconds = Field(
        10.0, description="A connection that leaves a ping unanswered for so long is closed."
    )
    min_ping_interval_seconds: Seconds = Field(
        5.0, description="Clients that ping more often than this while nothing is sent are disconnected."
    )
    tls_certificate: Path | None = Field(None, description="PEM file with the certificate chain; it turns TLS on.")
    tls_key: Path | None = Field(None, description="PEM file with the private key of the certificate.")
    tls_client_ca: Path | None = Field(
        None, description="PEM file with the authorities whose client certificates are demanded (mTLS)."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key are given together, or neither of them")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self


class Settings(Group):
    """The server itself: where it listens, what it keeps, what it loads."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(8006, description="Port of REST; 0 takes any free one.")
    grpc_port: Port = Field(50_051, description="Port of gRPC; 0 takes any free one.")
    database_url: str = Field(
        "sqlite:///./data/workflow_engine.db", repr=False, description="sqlite:///PATH or postgresql://..."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)] = Field(
        "info", description="debug, info, warning, error or critical."
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        "console", description="console for people, json for machines."
    )
    api_key: str | None = Field(
        None, repr=False, description="The key that commands show to a server; a server itself does not need it."
    )
    insecure: bool = Field(False, description="Allow listening beyond loopback without any key.")
    shutdown_grace_seconds: SecondsOrZero = Field(10.0, description="How long running steps may finish at a stop.")
    plugins: Names = Field((), description="Installed plugins to load, by entry point name, separated by commas.")
    plugin_folder: Path | None = Field(None, description="A folder with further plugins, beside the built-in ones.")
    skip_broken_plugins: bool = Field(False, description="Start without a plugin that cannot be loaded.")
    simulation: Annotated[Literal["fallback", "never", "always"], BeforeValidator(_lower)] = Field(
        "fallback", description="Simulate what no provider or worker can do: fallback, never or always."
    )
    limits: Limits = Limits()
    expressions: Expressions = Expressions()
    runtime: Runtime = Runtime()
    storage: Storage = Storage()
    outgoing: Outgoing = Outgoing()
    workers: Workers = Workers()
    agents: Agents = Agents()
    rpc: Rpc = Rpc()
