"""A raw worker over each transport: one contract, three keepers."""
