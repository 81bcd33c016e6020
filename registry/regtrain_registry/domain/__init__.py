"""Values and decisions of the registry: pure, without database and store."""
