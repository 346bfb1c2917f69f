"""Documents that tests run."""

from typing import Any

Document = dict[str, Any]


def hello(text: str = "Hello, World!") -> Document:
    """Two steps that end at once."""
    return {
        "name": "hello",
        "steps": [
            {"step_id": "read", "step_type": "data_input", "config": {"data": {"message": text}}},
            {
                "step_id": "shout",
                "step_type": "data_processing",
                "dependencies": ["read"],
                "input_mapping": {"input": "read.data"},
                "config": {"processing_type": "uppercase"},
            },
        ],
        "output": {"text": "${steps.shout.output.result.input.message}"},
    }


def patient(name: str = "patient") -> Document:
    """Waits for the signal `go`."""
    return {
        "name": name,
        "tags": ["slow"],
        "steps": [
            {"step_id": "wait", "step_type": "wait_for_signal", "config": {"signal_name": "go"}},
            {"step_id": "after", "step_type": "data_input", "dependencies": ["wait"]},
        ],
    }


def failing() -> Document:
    return {
        "name": "failing",
        "steps": [{"step_id": "bad", "step_type": "data_processing", "config": {"processing_type": "nonsense"}}],
    }


def echo() -> Document:
    """One step whose output is the input of the execution."""
    return {
        "name": "echo",
        "steps": [{"step_id": "read", "step_type": "data_input", "config": {"input_type": "dynamic"}}],
    }
