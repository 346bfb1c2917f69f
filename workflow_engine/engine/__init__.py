"""The public face: nouns with verbs. Every face (REST, gRPC, CLI) and every embedding program speaks only these."""
