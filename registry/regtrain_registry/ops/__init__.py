"""What the registry does, as functions over an open connection and a store."""
