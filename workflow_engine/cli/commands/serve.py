"""`workflow-engine serve`."""
def serve() -> None:
    """Serve."""
