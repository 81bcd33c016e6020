"""What every face of the registry stands on: an open database, a store, and who is at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry.db.engine import Database, shown
from regtrain_registry.json_values import as_text
from regtrain_registry.location import check_url, default_store, file_system_type, is_forced, locate

if TYPE_CHECKING:
    from regtrain_registry.store.store import Store

__all__ = ["Opened"]


class Opened:
    """An open registry. Between calls no lock is held, and of a server no connection."""

    def __init__(
        self,
        uri: str | None = None,
        store: str | Path | Store | None = None,
        *,
        create: bool = True,
        force_network_fs: bool = False,
        lock_timeout: float = 30.0,
        read_file_system: Callable[[Path], int | None] = file_system_type,
        who: str | None = None,
    ) -> None:
        """Open the registry, creating what is missing unless `create` is off (then `NoRegistryError`).

        uri: database URL; the one that `locate` finds when left out. store: folder or URL of the blobs, or a `Store`;
        beside a SQLite file when left out. force_network_fs: keep SQLite on a network file system, as
        REGTRAIN_FORCE_NETWORK_FS=1 says too. lock_timeout: seconds to wait for other writers. who: written beside
        everything that is done; REGTRAIN_USER, or the user of the system, when left out.
        Errors: `RegistryUrlError` for the URL; exit code 5 for a database that cannot be used.
        """
        here = locate(Path.cwd(), os.environ)
        url = check_url(uri or here.uri)
        if store is None:
            store = here.store if uri is None or "REGTRAIN_STORE_URI" in os.environ else default_store(url, here.store)
        self._given_store = None if isinstance(store, str | os.PathLike) else store
        self.store_place = str(store) if self._given_store is None else self._given_store.location
        if ":/" in self.store_place:
            self._store  # noqa: B018 - a URL of no store is refused at once, before anything is created
        self._database = Database(
            url,
            create=create,
            lock_timeout=lock_timeout,
            read_file_system=None if force_network_fs or is_forced(os.environ) else read_file_system,
        )
        self.uri = shown(self._database.url)
        self._who = who

    def __repr__(self) -> str:
        return f"Registry({self.uri!r}, {self.store_place!r})"

    @cached_property
    def _store(self) -> Store:
        from regtrain_registry.store.uris import open_store  # lists do without

        return self._given_store or open_store(self.store_place)

    @cached_property
    def _own_store(self) -> Store:
        """The store, which knows that files of this registry are in it: for who puts some there, or takes some out."""
        from regtrain_registry.ops.store_owners import claim

        return claim(self._database, self._store)

    @property
    def who(self) -> str:
        """Who is at work, for the history."""
        return as_text(self._who or os.environ.get("REGTRAIN_USER") or _user())[:255]

    def schema_version(self) -> str | None:
        """The number of the database's schema."""
        return self._database.version()

    def upgrade(self) -> None:
        """Bring the schema to the newest that this release knows."""
        self._database.upgrade()


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return str(os.getuid())
