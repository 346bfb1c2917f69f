"""The crank: one mailbox per execution, turns, timers, recovery, pruning. Nobody else appends to a history."""
