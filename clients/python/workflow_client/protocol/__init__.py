"""The worker protocol without I/O: what a worker holds, what it owes the server, and what it must do next."""
