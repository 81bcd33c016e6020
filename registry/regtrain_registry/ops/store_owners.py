"""Which registries have files in a store. A collection knows only the references of its own registry."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from sqlalchemy import URL

from regtrain_registry.db.engine import Database, shown
from regtrain_registry.errors import StoreSharedError
from regtrain_registry.json_values import as_text
from regtrain_registry.ops.identity import registry_uid
from regtrain_registry.store.local import LocalStore
from regtrain_registry.store.store import Store

__all__ = ["check_exclusive", "claim"]


def claim(database: Database, store: Store) -> Store:
    """Note in the store that files of this registry are in it; the store."""
    store.claim(database.read(registry_uid), _place(database.url, store))
    return store


def check_exclusive(database: Database, store: Store) -> None:
    """`StoreSharedError` where files of another registry are in the store, or of a copy of this one."""
    own = database.read(registry_uid)
    for uid, places in sorted(store.owners().items()):
        others = [place for place in places if uid != own or _is_copy(place, database.url, store)]
        if others or uid != own:
            kind = "a copy of this registry" if uid == own else "another registry"
            raise StoreSharedError(
                f"the store also holds files of {kind}, {as_text(', '.join(others))[:300] or uid}",
                f"Give each a store of its own. If that one was deleted for good, delete registries/{uid} here.",
            )


def _place(url: URL, store: Store) -> str:
    """One line: the host and the file, or the URL of a server.

    A file is named by its path relative to a store in a folder, which stays the same when both are moved or copied.
    """
    file = as_text(shown(url))
    if url.get_backend_name() != "sqlite":
        return file
    if isinstance(store, LocalStore):
        file = os.path.relpath(os.path.realpath(file), os.path.realpath(store.folder))
    return " ".join(f"{socket.gethostname()}:{file}".split())


def _is_copy(place: str, url: URL, store: Store) -> bool:
    """Whether a database that was at this place is another one than that at the URL, as far as can be seen from here.

    A server has many names, so its databases are not distinguished. A file that was moved does not exist any more.
    """
    if url.get_backend_name() != "sqlite" or place == _place(url, store):
        return False
    host, _, path = place.partition(":")
    file = Path(os.path.realpath(store.folder) if isinstance(store, LocalStore) else "/", path)
    if file.exists():
        return not file.samefile(str(url.database))
    return host != socket.gethostname()
