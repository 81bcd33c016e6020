"""The format of archives: versions in one file, from registry to registry."""
