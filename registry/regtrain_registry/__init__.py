"""regtrain_registry."""
