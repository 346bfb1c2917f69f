"""The language inside a workflow document: CEL, `${...}` templates, mapping paths and the older condition forms.

Everything is compiled when a document is saved and evaluated as a pure, bounded function of a `Scope`.
"""

from workflow_engine.expressions.conditions import Condition, compile_condition
from workflow_engine.expressions.errors import EvaluationFailed, InvalidExpression, MappingError, UnknownReference
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.paths import StaticPath
from workflow_engine.expressions.scope import PLACES_OF_ROOTS, RESERVED_NAMES, Names, Scope
from workflow_engine.expressions.templates import Template, compile_expression, compile_mapping, compile_template, fixed

__all__ = [
    "PLACES_OF_ROOTS",
    "RESERVED_NAMES",
    "Condition",
    "EvaluationFailed",
    "ExpressionLimits",
    "InvalidExpression",
    "MappingError",
    "Names",
    "Scope",
    "StaticPath",
    "Template",
    "UnknownReference",
    "compile_condition",
    "compile_expression",
    "compile_mapping",
    "compile_template",
    "fixed",
]
