"""Versions in one file that goes from registry to registry: what stands in it, and how it is read and written."""
