from workflow_engine.assembly import Engine as Engine
from workflow_engine.engine.caller import LOCAL as LOCAL
from workflow_engine.engine.caller import Caller as Caller
from workflow_engine.jsontext import JsonObject as JsonObject
from workflow_engine.steps.contract import OfferedStep as OfferedStep
from workflow_engine.steps.contract import StepFailure as StepFailure
from workflow_engine.steps.contract import StepRequest as StepRequest
from workflow_engine.steps.contract import StepType as StepType

__all__ = ["LOCAL", "Caller", "Engine", "JsonObject", "OfferedStep", "StepFailure", "StepRequest", "StepType"]
