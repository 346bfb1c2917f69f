"""Steps that own steps: what they open, and how they go on. A file a control step."""
