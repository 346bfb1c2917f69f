"""The gRPC face: the verbs of the engine for clients, and the transport of workers."""
