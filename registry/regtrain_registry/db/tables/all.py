"""Loads every table into METADATA: to create, migrate or check all of them."""

from __future__ import annotations

from regtrain_registry.db.tables import METADATA, PREFIX, blobs, lifecycle, lineage, search

__all__ = ["METADATA", "PREFIX"]

MODULES = (blobs, lifecycle, lineage, search)
