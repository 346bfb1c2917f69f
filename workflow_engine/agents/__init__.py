"""Steps that think: what an agent is, what it may use, and the process that asks models."""
