"""The face of the registry that moves versions between registries."""

from __future__ import annotations

from regtrain_registry.registry.doors.opened import Opened

__all__ = ["Archives"]


class Archives(Opened):
    """Archives, backups and merges."""
