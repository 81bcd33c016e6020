"""Letting a version hold a stage: the registry's gates, and the plugins' veto."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.config.yaml_source import read_file
from regtrain.host import Host
from regtrain.types import VersionEvent

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionDetail, VersionInfo
    from regtrain_registry.domain.promotion import Evidence

__all__ = ["as_event", "promote_version"]


def promote_version(
    registry: Registry, ref: str, stage: str, gates: Path | None = None
) -> tuple[VersionInfo, list[Evidence]]:
    """Ask the gates (a YAML file's, or the model's own) and every plugin, then let the version hold the stage.

    Raises:
        RegistryError: a gate does not hold, or the version is not there.
        PluginError: a plugin refused.
    """
    written = read_file(gates, "file of gates").values if gates else None
    host = Host()
    return registry.promote(ref, stage, written, lambda version, name: host.version_promoted(as_event(version), name))


def as_event(version: VersionInfo | VersionDetail) -> VersionEvent:
    """What plugins are told of a version."""
    return VersionEvent(
        model=version.name,
        version=version.version,
        number=version.number,
        digest=version.digest,
        run_id=version.run_id,
        parents=tuple((parent.ref, parent.relation.value) for parent in version.parents),
    )
