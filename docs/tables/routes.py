"""Every route of the REST server, from its own OpenAPI document, a table for each tag."""
