"""REST: the HTTP face of the engine. A route reads a request, calls one verb, and writes its answer."""
