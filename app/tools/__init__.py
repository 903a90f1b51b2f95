"""What a model may call: read-only chart tools behind one registry, one guard, one completeness contract."""
