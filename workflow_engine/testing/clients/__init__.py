"""A caller of the server, over gRPC and over REST: one contract, two keepers."""
