"""What a step type is, and how one joins: contracts, the catalogue, registration, plugins."""
