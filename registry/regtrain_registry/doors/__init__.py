"""The faces of the one door, each with what belongs together."""
