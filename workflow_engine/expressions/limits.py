"""How much an expression may ask for: checked before anything runs, so that none can hold up the engine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpressionLimits:
    """Defaults of every bound. A unit of work is about 25 ns of one core: the default of `max_work` is about 0.1 s."""

    max_source_bytes: int = 2048
    max_comprehensions: int = 4
    max_additions: int = 32
    max_string_bytes: int = 65_536
    max_list_items: int = 1_000
    max_work: int = 5_000_000
    max_pattern_states: int = 2_000
    max_expressions: int = 256
    max_text_parts: int = 64
    max_text_bytes: int = 1_048_576
    max_conditions: int = 256
    max_condition_depth: int = 32
    max_template_depth: int = 64
