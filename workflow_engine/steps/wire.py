"""Step types as JSON: the contract as it is stored, and the entry of `GET /steps`."""

from typing import Any, Final

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject, digest
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.contract import DefaultInput, Effect, ErrorCode, ExecutionType, StepType

# --- the stored contract


def write_contract(step: StepType) -> JsonObject:
    """What is stored and hashed.

    What contracts say since version 0.2 is left out where it says nothing, so that the hash of a contract that was
    stored before is still its hash.
    """
    return {
        "name": step.name,
        "version": step.version,
        "title": step.title,
        "description": step.description,
        "config_schema": step.config_schema,
        "input_schema": step.input_schema,
        "output_schema": step.output_schema,
        "effect": step.effect.value,
        "execution_type": step.execution_type.value,
        "function_reference": step.function_reference,
        "endpoint": step.endpoint,
        "default_input": step.default_input.value,
        "error_codes": _written_error_codes(step),
        "default_timeout_seconds": step.default_timeout_seconds,
        "default_max_retries": step.default_max_retries,
        "tags": list(step.tags),
        "examples": list(step.examples),
        "owner": step.owner,
        "documentation": step.documentation,
        **_written_extras(step),
    }


_EXTRAS: Final = ("slot_cost", "streams", "estimated_cost_usd", "required_permissions", "requires_approval")
_SILENT: Final = StepType("")


def _written_extras(step: StepType) -> JsonObject:
    said = [name for name in _EXTRAS if getattr(step, name) != getattr(_SILENT, name)]
    return {name: value for name, value in _extras(step).items() if name in said}


def _extras(step: StepType) -> JsonObject:
    return {
        "slot_cost": step.slot_cost,
        "streams": step.streams,
        "estimated_cost_usd": step.estimated_cost_usd,
        "required_permissions": list(step.required_permissions),
        "requires_approval": step.requires_approval,
    }


def _written_error_codes(step: StepType) -> list[Json]:
    return [
        {"code": each.code, "retryable": each.retryable, "description": each.description} for each in step.error_codes
    ]


def read_contract(stored: JsonObject) -> StepType:
    """The inverse of `write_contract`; a field that an older version of this engine did not write has its default."""
    fields: dict[str, Any] = {**write_contract(StepType("", owner="")), **stored}
    return StepType(
        **{
            **fields,
            "effect": Effect(fields["effect"]),
            "execution_type": ExecutionType(fields["execution_type"]),
            "default_input": DefaultInput(fields["default_input"]),
            "error_codes": tuple(ErrorCode(**each) for each in fields["error_codes"]),
            "tags": tuple(fields["tags"]),
            "examples": tuple(fields["examples"]),
            "required_permissions": tuple(fields.get("required_permissions", ())),
        }
    )


def contract_hash(step: StepType) -> str:
    """Equal for equal contracts, whatever their version and whoever owns them."""
    return digest(_promised(step))


def contract_differences(one: StepType, other: StepType) -> list[str]:
    """The names of the parts in which two contracts differ.

    Workers that poll and workers on a stream serve one queue, so which of them a contract names makes no difference.
    """
    mine, theirs = _told(one), _told(other)
    by_workers = one.execution_type.is_by_workers and other.execution_type.is_by_workers
    alike = ("execution_type",) if by_workers else ()
    return [part for part in mine if part not in alike and digest(mine[part]) != digest(theirs[part])]


def _told(step: StepType) -> JsonObject:
    return {**_promised(step), **_extras(step)}


def _promised(step: StepType) -> JsonObject:
    return {part: value for part, value in write_contract(step).items() if part not in ("version", "owner")}


# --- the entry of GET /steps


def _without_secrets(endpoint: JsonObject | None) -> JsonObject | None:
    """Header values may be credentials, so everybody who can list types sees the names alone."""
    headers = None if endpoint is None else endpoint.get("headers")
    if endpoint is None or not isinstance(headers, dict):
        return endpoint
    return {**endpoint, "headers": dict.fromkeys(headers, "***")}


def write_entry(entry: CatalogueEntry, *, workers: int, status: str) -> JsonObject:
    """`workers`: how many are connected that serve the type; `status`: e.g. `served`, `unserved`, `quarantined`."""
    step = entry.type
    return {
        "step_id": entry.step_id,
        "step_type": step.name,
        "name": step.title or step.name,
        "description": step.description,
        "function_reference": step.function_reference,
        "execution_type": step.execution_type.value,
        "parameters_schema": step.config_schema,
        "input_schema": step.input_schema,
        "output_schema": step.output_schema,
        "endpoint_config": _without_secrets(step.endpoint),
        "tags": list(step.tags),
        "registered_at": iso(entry.registered_at),
        "version": step.version,
        "owner": step.owner,
        "effect": step.effect.value,
        "error_codes": _written_error_codes(step),
        "default_timeout_seconds": step.default_timeout_seconds,
        "default_max_retries": step.default_max_retries,
        "examples": list(step.examples),
        "documentation": step.documentation,
        **_extras(step),
        "default_input": step.default_input.value,
        "workers": workers,
        "status": status,
    }
