"""Workflows for the tests of the command line, as the text of files."""

import json
from typing import Final

HELLO: Final = json.dumps(
    {
        "name": "Hello",
        "steps": [
            {"step_id": "input_data", "step_type": "data_input", "config": {"data": {"message": "Hello, World!"}}},
            {
                "step_id": "process_data",
                "step_type": "data_processing",
                "dependencies": ["input_data"],
                "input_mapping": {"input": "input_data.data"},
                "config": {"processing_type": "uppercase"},
            },
        ],
    }
)
ECHO: Final = json.dumps(
    {
        "name": "Echo",
        "output": {"given": "${input}"},
        "steps": [{"step_id": "take", "step_type": "data_input", "config": {"input_type": "dynamic"}}],
    }
)
FAILING: Final = json.dumps(
    {
        "name": "Failing",
        "steps": [
            {
                "step_id": "call",
                "step_type": "http_request",
                "config": {"url": "http://127.0.0.1:9/nobody"},
                "max_retries": 1,
                "retry_strategy": "fixed_delay",
                "retry_delay_seconds": 0.05,
            }
        ],
    }
)
WAITING: Final = json.dumps(
    {
        "name": "Waiting",
        "steps": [{"step_id": "approve", "step_type": "wait_for_signal", "config": {"signal_name": "approved"}}],
    }
)
WRONG: Final = """{
  "name": "Wrong",
  "steps": [
    {"step_id": "a", "step_type": "no_such_type"},
    {"step_id": "b", "step_type": "delay",
     "dependencies": ["c"],
     "config": {"delay_secs": 1}}
  ]
}
"""
