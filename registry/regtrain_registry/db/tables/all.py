"""Every table in METADATA: for who creates, migrates or checks them all. Who reads a list loads those that it needs."""

from __future__ import annotations

from regtrain_registry.db.tables import METADATA, PREFIX, blobs, lifecycle, lineage, search

__all__ = ["METADATA", "PREFIX"]

MODULES = (blobs, lifecycle, lineage, search)
