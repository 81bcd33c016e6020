"""Where the registry and its store are: the nearest `.regtrain/`, the environment, or a given URL."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry import atomic_file
from regtrain_registry.errors import ArgumentError, NetworkFileSystemError, RegistryUnavailableError, RegistryUrlError

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = [
    "Location",
    "check_file_system",
    "check_url",
    "default_store",
    "expanded",
    "file_system_type",
    "is_forced",
    "locate",
    "make_private_folder",
]

HOME_FOLDER = ".regtrain"

FORCE = "REGTRAIN_FORCE_NETWORK_FS"

DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}  # where the URL names none
SAME_AS = {"postgres": "postgresql", "mariadb": "mysql"}

# f_type of statfs(2). Locks there are advisory at best: SQLite files have been corrupted on each of them.
NETWORK_FILE_SYSTEMS = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB2",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x19830326: "BeeGFS",
    0x00C36400: "CephFS",
    0x5346414F: "AFS",
    0xAAD7AAEA: "PanFS",
}


@dataclass(frozen=True, slots=True)
class Location:
    """The state folder, the database URL and the store (a folder or a URL)."""

    home: Path
    uri: str
    store: str


def locate(start: Path, environ: Mapping[str, str]) -> Location:
    """`REGTRAIN_HOME`, the nearest `.regtrain/` upward from `start`, or `start/.regtrain`; creates nothing.

    `REGTRAIN_REGISTRY_URI` and `REGTRAIN_STORE_URI` overrule database and store each on their own.
    """
    start = start.absolute()
    if environ.get("REGTRAIN_HOME"):
        home = start / expanded("REGTRAIN_HOME", environ["REGTRAIN_HOME"])
    else:
        found = (folder / HOME_FOLDER for folder in (start, *start.parents))
        home = next((folder for folder in found if _is_folder(folder)), start / HOME_FOLDER)
    uri = environ.get("REGTRAIN_REGISTRY_URI") or _file_url(home / "registry.db")
    return Location(home, uri, environ.get("REGTRAIN_STORE_URI") or str(home / "blobs"))


def expanded(key: str, text: str) -> Path:
    """The path with a `~` of this or another user filled in; `ArgumentError` where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError as problem:
        raise ArgumentError(f"{key} is {text!r}: {problem}", "Give the path of a folder.") from problem


def _file_url(path: Path) -> str:
    """The SQLite URL of a path; what a URL would take for a query or for an escape is escaped.

    All else stays as it is, so that names that are not UTF-8 stay what they are.
    """
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a folder above that may not be looked into has nothing for us
        return False


def check_url(uri: str) -> URL:
    """The URL as a value, its driver named; `RegistryUrlError` when it is malformed or its database is not one of ours.

    Text that cannot be parsed is not repeated: it may hold a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    hint = "Write sqlite:///path/to/registry.db, postgresql://user@host/name or mysql://user@host/name."
    try:
        url = _with_driver(make_url(uri))
        dialect = url.get_dialect()
    except NoSuchModuleError as error:
        raise RegistryUrlError(f"no database is called {uri.partition(':')[0]!r}", hint) from error
    except (ArgumentError, ValueError) as error:
        raise RegistryUrlError("the registry's URL cannot be read", hint) from error
    if dialect.name not in ("sqlite", *DRIVERS):
        raise RegistryUrlError(f"no registry is kept in {dialect.name}", hint)
    if dialect.is_async:
        raise RegistryUrlError(f"{url.drivername} is a driver for asynchronous programs", hint)
    if dialect.name == "sqlite" and url.database in (None, "", ":memory:"):
        raise RegistryUrlError("a registry in memory would keep nothing", "Name a file: sqlite:///path/to/registry.db.")
    return url


def _with_driver(url: URL) -> URL:
    name, _, driver = url.drivername.partition("+")
    name = SAME_AS.get(name, name)
    driver = driver or DRIVERS.get(name, "")
    return url.set(drivername=f"{name}+{driver}" if driver else name)


def default_store(url: URL, fallback: str) -> str:
    """Beside the file of a SQLite database; else what the surroundings say."""
    if url.get_backend_name() == "sqlite" and url.database:
        return str(Path(url.database).absolute().parent / "blobs")
    return fallback


def make_private_folder(folder: Path) -> None:
    """Create the folder and what is missing above it, for the owner alone (0700); durable on return."""
    try:
        atomic_file.make_private_folder(folder)
    except OSError as error:
        raise RegistryUnavailableError(
            f"cannot create {folder}: {error.strerror}", "Choose another place with REGTRAIN_HOME."
        ) from error


def is_forced(environ: Mapping[str, str]) -> bool:
    """Whether the environment says that SQLite may be kept on a network file system."""
    return environ.get(FORCE, "").lower() in ("1", "true", "yes", "on")


def check_file_system(folder: Path, read_type: Callable[[Path], int | None]) -> None:
    """`NetworkFileSystemError` where SQLite's locks do not hold."""
    kind = NETWORK_FILE_SYSTEMS.get(read_type(folder) or 0)
    if kind:
        raise NetworkFileSystemError(
            f"{folder} is on a network file system ({kind}), where SQLite can lose data",
            "Set REGTRAIN_HOME to a local disk, or REGTRAIN_REGISTRY_URI to a PostgreSQL database; "
            f"{FORCE}=1, or registry.force_network_fs: true, if you know that its locks hold.",
        )


def file_system_type(folder: Path) -> int | None:
    """`f_type` of statfs(2) for the folder; None where the system has no such number."""
    # The table of mounts, which psutil reads, does not say which mount a folder is on, and psutil takes ten times as
    # long to import: this is asked whenever a registry is opened.
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    buffer = ctypes.create_string_buffer(256)  # struct statfs is 120 bytes; f_type comes first
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(str(folder).encode("utf-8", "surrogateescape"), buffer) != 0:
        return None
    return int.from_bytes(buffer.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder) & 0xFFFFFFFF
