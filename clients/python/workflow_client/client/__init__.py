"""Calling a server: workflows, executions, step types. `AsyncClient` is the one implementation, `Client` runs it."""
