"""Which text names a store, and the store that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry.errors import RegistryUrlError
from regtrain_registry.location import expanded
from regtrain_registry.store.local import LocalStore
from regtrain_registry.store.store import Store

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["SCHEMES", "open_store"]

ENTRY_POINTS = "regtrain.stores"

# Places that keep files by name and for good. fsspec knows others, which keep nothing (memory), cannot be written to
# (http, github) or refer to further places (reference, simplecache).
SCHEMES = {
    "s3": "s3://BUCKET/PATH",
    "s3a": "s3a://BUCKET/PATH",
    "gs": "gs://BUCKET/PATH",
    "gcs": "gcs://BUCKET/PATH",
    "az": "az://CONTAINER/PATH",
    "abfs": "abfs://CONTAINER/PATH",
    "oss": "oss://BUCKET/PATH",
    "sftp": "sftp://HOST/PATH",
    "ssh": "ssh://HOST/PATH",
    "hdfs": "hdfs://HOST/PATH",
    "webhdfs": "webhdfs://HOST/PATH",
}
FOLDER_SCHEMES = ("file", "local")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/.*)", re.DOTALL)


def open_store(place: str) -> Store:
    """The store at a folder or URL; nothing is created or reached yet. `RegistryUrlError` for a URL of none.

    A scheme that an installed package declares in the entry-point group `regtrain.stores` is opened by the class
    there, which is called with the URL.
    """
    url = _URL.fullmatch(place)
    if url is None and "://" not in place:
        if not place.strip() or "\0" in place:
            raise RegistryUrlError(f"no store is called {place!r}", f"Name a folder, or a URL: {_choices({})}.")
        return LocalStore(expanded("the store", place).absolute())
    from importlib.metadata import entry_points  # a folder, the usual store, needs none

    declared = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    hint = f"Name a folder, or a URL: {_choices(declared)}."
    if url is None or "::" in place or not url[2].startswith("//"):
        raise RegistryUrlError(f"{_shown(place)} is not the URL of a store", hint)
    scheme, rest = url[1].lower(), url[2][2:]
    if scheme in declared:
        return _declared(declared[scheme], place)
    if scheme in FOLDER_SCHEMES:
        if not rest.startswith("/"):
            raise RegistryUrlError(f"{_shown(place)} has no absolute path", "Write file:///absolute/path.")
        return LocalStore(Path(rest))
    if scheme not in SCHEMES:
        raise RegistryUrlError(f"no store is kept at {scheme}://", hint)
    host, _, path = rest.partition("/")
    if not (host.rpartition("@")[2] or (scheme == "hdfs" and path)) or ".." in path.split("/"):
        raise RegistryUrlError(f"{_shown(place)} names no place for a store", f"Write {SCHEMES[scheme]}.")
    from regtrain_registry.store.remote import RemoteStore

    return RemoteStore(place)


def _declared(point: EntryPoint, url: str) -> Store:
    """A store of another package. What it raises, of whatever class, is an error in the URL or in that package."""
    try:
        store = point.load()(url)
    except Exception as error:
        raise RegistryUrlError(
            f"the store {_shown(url)} cannot be opened by {point.value}: {error}",
            "Correct the URL, or install a working version of that package.",
        ) from error
    if not isinstance(store, Store):
        raise RegistryUrlError(
            f"{point.value} makes no store of {_shown(url)}", "Its class must inherit regtrain_registry.Store."
        )
    return store


def _choices(declared: Mapping[str, object]) -> str:
    names = ["file", *(name for name in SCHEMES if name not in ("s3a", "gcs")), *declared]
    return ", ".join(f"{name}://" for name in dict.fromkeys(names))


def _shown(url: str) -> str:
    """The URL without user and password, not longer than a line."""
    scheme, _, rest = url.partition("://")
    return repr(f"{scheme}://{rest.rpartition('@')[2]}"[:120]) if rest else repr(url[:120])
