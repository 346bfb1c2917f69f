"""What happened: events, the statuses and their legal moves, and the fold. Pure."""
