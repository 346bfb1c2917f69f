"""Steps that are done by processes of client teams: leases, sessions and the queue. Knows no gRPC and no HTTP."""
