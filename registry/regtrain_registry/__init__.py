"""Models, versions, lineage and runs in a SQL database, their files in a content-addressed store.

Names are loaded when they are first used: checking a name or a ref does not load the database packages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain_registry.domain.differences import Differences
    from regtrain_registry.domain.lineage import DataLineage, Edge, Lineage, LineageVersion, Seen
    from regtrain_registry.domain.recipe import Change, Decision, Recipe, decide
    from regtrain_registry.domain.records import (
        Artifact,
        ArtifactKind,
        FileToStore,
        ModelInfo,
        ParentLink,
        Registration,
        Relation,
        Source,
        VersionDetail,
        VersionInfo,
        VersionStatus,
    )
    from regtrain_registry.domain.run_records import RunDetail, RunInfo, RunStart, RunStatus
    from regtrain_registry.errors import RegistryError
    from regtrain_registry.location import Location, locate
    from regtrain_registry.ops.condition import Condition, examine, try_store
    from regtrain_registry.processes import ProcessIdentity, process_identity
    from regtrain_registry.refs import Ref, check_alias, check_name, parse_ref, slug
    from regtrain_registry.registry import Registry
    from regtrain_registry.semver import Bump
    from regtrain_registry.store.blob import FileInfo
    from regtrain_registry.store.remote import RemoteStore
    from regtrain_registry.store.store import Store

_HOMES = {
    "domain.differences": ("Differences",),
    "errors": ("RegistryError",),
    "domain.lineage": ("DataLineage", "Edge", "Lineage", "LineageVersion", "Seen"),
    "location": ("Location", "locate"),
    "ops.condition": ("Condition", "examine", "try_store"),
    "processes": ("ProcessIdentity", "process_identity"),
    "domain.recipe": ("Change", "Decision", "Recipe", "decide"),
    "domain.records": (
        *("Artifact", "ArtifactKind", "FileToStore", "ModelInfo", "ParentLink", "Registration", "Relation"),
        *("Source", "VersionDetail", "VersionInfo", "VersionStatus"),
    ),
    "refs": ("Ref", "check_alias", "check_name", "parse_ref", "slug"),
    "registry": ("Registry",),
    "domain.run_records": ("RunDetail", "RunInfo", "RunStart", "RunStatus"),
    "semver": ("Bump",),
    "store.blob": ("FileInfo",),
    "store.remote": ("RemoteStore",),
    "store.store": ("Store",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Artifact",
    "ArtifactKind",
    "Bump",
    "Change",
    "Condition",
    "DataLineage",
    "Decision",
    "Differences",
    "Edge",
    "FileInfo",
    "FileToStore",
    "Lineage",
    "LineageVersion",
    "Location",
    "ModelInfo",
    "ParentLink",
    "ProcessIdentity",
    "Recipe",
    "Ref",
    "Registration",
    "Registry",
    "RegistryError",
    "Relation",
    "RemoteStore",
    "RunDetail",
    "RunInfo",
    "RunStart",
    "RunStatus",
    "Seen",
    "Source",
    "Store",
    "VersionDetail",
    "VersionInfo",
    "VersionStatus",
    "check_alias",
    "check_name",
    "decide",
    "examine",
    "locate",
    "parse_ref",
    "process_identity",
    "slug",
    "try_store",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
