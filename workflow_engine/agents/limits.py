"""How far an agent may go: what it asks for, what the server gives when it asks for nothing, and what nobody gets."""

from dataclasses import dataclass, fields

from workflow_engine.agents.config import AgentLimits
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import InvalidConfig


@dataclass(frozen=True, slots=True)
class AgentDefaults:
    """What holds for an agent that says nothing. None: no limit."""

    max_turns: int = 10
    max_total_tokens: int | None = None
    max_cost_usd: float | None = None
    max_depth: int = 3
    """Agents that call agents: how many inside one another."""
    max_bad_calls: int = 5
    """Calls of tools that the model got wrong, in all turns together."""
    max_repairs: int = 2
    """Times a model is asked again when its answer does not fit the response schema."""
    max_tool_calls: int = 16
    """In one turn."""
    max_parallel_tools: int = 8
    max_tool_result_bytes: int = 32_768
    """What the model gets to see of one result."""
    max_messages: int = 1_000
    call_timeout_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class AgentCeilings:
    """What no agent of this server may go beyond. None: an agent may ask for what it likes."""

    max_turns: int | None = None
    max_total_tokens: int | None = None
    max_cost_usd: float | None = None
    max_depth: int | None = None
    max_bad_calls: int | None = None
    max_repairs: int | None = None
    max_tool_calls: int | None = None
    max_parallel_tools: int | None = None
    max_tool_result_bytes: int | None = None
    max_messages: int | None = None
    call_timeout_seconds: float | None = None


def limits_that_hold(asked: AgentLimits, defaults: AgentDefaults, ceilings: AgentCeilings) -> JsonObject:
    """Every limit by its name. Raises `InvalidConfig` where an agent asks for more than the server gives."""
    return {each.name: _limit(each.name, asked, defaults, ceilings) for each in fields(AgentDefaults)}


def _limit(name: str, asked: AgentLimits, defaults: AgentDefaults, ceilings: AgentCeilings) -> float | None:
    wanted, most = getattr(asked, name), getattr(ceilings, name)
    if wanted is None:
        given = [each for each in (getattr(defaults, name), most) if each is not None]
        return min(given, default=None)
    if most is not None and wanted > most:
        raise InvalidConfig(f"The agent's limit {name} is {wanted:g}, and this server allows at most {most:g}")
    return float(wanted) if isinstance(wanted, float) else int(wanted)
