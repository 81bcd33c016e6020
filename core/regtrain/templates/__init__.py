"""Files that `regtrain init` writes."""
