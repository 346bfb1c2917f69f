"""The agent worker: a process of its own that calls models (by litellm) and MCP servers, one call a step.

The server never imports this package. It starts it as a program, or an operator does on another machine:
`python -m workflow_engine.agents.worker --server HOST:PORT`.
"""
