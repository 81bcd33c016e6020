"""How to clean each kind of store."""

from __future__ import annotations

from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.store.content import Store
from regtrain_registry.store.local import LocalStore
from regtrain_registry.store.remote import RemoteStore
from regtrain_registry.store.sweep import LocalSweep, RemoteSweep, Sweep

__all__ = ["sweep_of"]


def sweep_of(store: Store) -> Sweep:
    """What lists, moves and deletes the files of a store; `StoreUnavailableError` for one of somebody else's make."""
    if isinstance(store, LocalStore):
        return LocalSweep(store.folder)
    if isinstance(store, RemoteStore):
        return RemoteSweep(store.reached)
    raise StoreUnavailableError(f"{type(store).__name__} cannot be cleaned", "Its files stay as they are.")
