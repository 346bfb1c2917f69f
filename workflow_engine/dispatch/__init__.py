"""Where a step runs. Knows tasks, fences and results; knows no gRPC and no HTTP server."""
