"""Backups of the database."""

from __future__ import annotations

from pathlib import Path

from regtrain_registry.atomic_file import new_file
from regtrain_registry.db.engine import Database

__all__ = ["backup"]


def backup(database: Database, file: Path) -> Path:
    """Write one state of the database to a new file; `TargetExistsError`, `BackupNotOfferedError`."""
    target = file.absolute()
    with new_file(target) as unfinished:
        database.copy_to(unfinished)
    return target
