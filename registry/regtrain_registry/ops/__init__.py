"""Operations of the registry: plain functions on a connection, on a `Context`, or on a database and a store.

A module of this package is imported when its name is first used: `ops.lifecycle.tag(context, …)`. So a list of models
does not load what registering needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regtrain_registry.ops import (
        aliases,
        archive_export,
        archive_import,
        backup,
        card_facts,
        clock,
        copy,
        event_log,
        exports,
        filtered,
        fsck,
        gc,
        identity,
        lifecycle,
        lineage_queries,
        policies,
        promotion,
        prune,
        read,
        read_models,
        register,
        rename,
        restore,
        run_inputs,
        runs,
        signatures,
        store_owners,
        usage,
        verify,
        version_files,
    )

__all__ = [
    "aliases",
    "archive_export",
    "archive_import",
    "backup",
    "card_facts",
    "clock",
    "copy",
    "event_log",
    "exports",
    "filtered",
    "fsck",
    "gc",
    "identity",
    "lifecycle",
    "lineage_queries",
    "policies",
    "promotion",
    "prune",
    "read",
    "read_models",
    "register",
    "rename",
    "restore",
    "run_inputs",
    "runs",
    "signatures",
    "store_owners",
    "usage",
    "verify",
    "version_files",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
