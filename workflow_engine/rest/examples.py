"""Examples in the OpenAPI document; a test runs them."""

from typing import Final

from workflow_engine.jsontext import JsonObject

DOCUMENT: Final[JsonObject] = {
    "name": "Simple Test Workflow",
    "execution_pattern": "sequential",
    "steps": [
        {
            "step_id": "input_data",
            "step_type": "data_input",
            "config": {"input_type": "static", "data": {"message": "Hello, World!"}},
        },
        {
            "step_id": "process_data",
            "step_type": "data_processing",
            "dependencies": ["input_data"],
            "input_mapping": {"input": "input_data.data"},
            "config": {"processing_type": "uppercase"},
        },
    ],
    "output": {"text": "${steps.process_data.output.result}"},
}
ENVELOPE: Final[JsonObject] = {"workflow_config": DOCUMENT, "input_data": {"key": "value"}, "user_id": "ada"}
SAVED_RUN: Final[JsonObject] = {"input_data": {"key": "value"}, "user_id": "ada"}
STARTED: Final[JsonObject] = {
    "execution_id": "0193c0de-0000-7000-8000-000000000000",
    "status": "started",
    "message": "Workflow execution started",
    "started_at": "2026-11-01T12:00:00.000000Z",
}
SAVED: Final[JsonObject] = {
    "workflow_id": "workflow-simple-test-workflow",
    "message": "Workflow saved successfully",
    "version_number": 1,
}
REGISTRATION: Final[JsonObject] = {
    "step_type": "shout",
    "name": "Shout",
    "description": "Says it louder.",
    "execution_type": "api",
    "endpoint_config": {"url": "https://steps.example.com/shout", "timeout": 30},
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "output_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    "tags": ["text"],
}
REGISTERED: Final[JsonObject] = {
    "step_id": "0193c0de-0000-7000-8000-000000000001",
    "message": "Step registered successfully",
    "version": "1.0.0",
    "changed": True,
    "warnings": [],
    "breaks": [],
    "breaks_truncated": False,
}
AGENT: Final[JsonObject] = {
    "name": "Assistant",
    "model": "gpt-4o-mini",
    "provider_type": "openai_textgen",
    "system_prompt": "You answer in one sentence.",
    "temperature": 0.1,
    "max_tokens": 1000,
    "tools": ["http_request"],
    "limits": {"max_turns": 5, "max_cost_usd": 0.1},
}
SAVED_AGENT: Final[JsonObject] = {
    "agent_id": "agent-assistant",
    "message": "Agent saved successfully",
    "version_number": 1,
}

SESSION: Final[JsonObject] = {
    "hello": {"worker_id": "shout-1"},
    "register": {"steps": [{"step_type": "text.shout", "input_schema": {"type": "object", "required": ["text"]}}]},
    "credits": {"slots": {"": 4}},
}
LEASE: Final[JsonObject] = {
    "execution_id": "0193c0de-0000-7000-8000-000000000000",
    "path": "shout",
    "delivery": 1,
    "token": "AAAAAAAAAAAAAAAAAAAAAAAA",
}
REPORT: Final[JsonObject] = {"results": [{"lease": LEASE, "output": {"text": "HELLO"}}]}
