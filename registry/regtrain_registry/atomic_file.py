"""Files that appear whole or not at all: written under a temporary name, synchronised, and renamed at the end."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from regtrain_registry.errors import StoreUnavailableError, TargetExistsError

__all__ = [
    "make_folder",
    "make_private_folder",
    "new_file",
    "refuse_others",
    "replace_file",
    "replacement",
    "sync_folder",
    "temporary_name",
    "write_all",
]


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A temporary path in the same folder, which is named `target` at the end and removed on errors.

    Errors: `TargetExistsError`, also for a file that appears meanwhile; `StoreUnavailableError` where it cannot be
    written.
    """
    target = target.absolute()
    if os.path.lexists(target):
        raise _exists(target)
    try:
        with _removed_at_the_end(temporary_name(target)) as temporary:
            yield temporary
            refuse_others(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            _rename_to_new(temporary, target)
            sync_folder(target.parent)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {target}: {error.strerror}", "Name another file.") from error


@contextmanager
def replacement(target: Path, temporary: Path | None = None) -> Iterator[Path]:
    """A temporary path, which replaces `target` at the end and is removed on errors. The writer synchronises the file.

    temporary: where to write; beside the target when left out. OSError is passed on.
    """
    with _removed_at_the_end(temporary or temporary_name(target)) as making:
        yield making
        os.replace(making, target)  # noqa: PTH105 - the fault campaigns count this call
        sync_folder(target.parent)


def replace_file(target: Path, content: bytes, temporary: Path | None = None) -> None:
    """Write a file for its owner alone, durably, in place of one that is there. OSError is passed on."""
    with replacement(target, temporary) as making:
        handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, memoryview(content))
            os.fsync(handle)
        finally:
            os.close(handle)


def temporary_name(target: Path) -> Path:
    """A name beside the target that no other writer uses, hidden from listings."""
    return target.parent / f".{target.name[:80]}.{secrets.token_hex(8)}"


def write_all(handle: int, part: memoryview) -> None:
    """Write to a file descriptor until nothing is left."""
    while part:
        part = part[os.write(handle, part) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int = 0o775) -> list[Path]:
    """Create the folder and those missing above it, whatever the umask is; those that were created."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=mode, exist_ok=True)
    return missing


def make_private_folder(folder: Path) -> None:
    """Create the folder and those missing above it, for the owner alone (0700), durably. OSError is passed on."""
    for path in reversed(make_folder(folder, 0o700)):
        sync_folder(path.parent)


def refuse_others(path: Path) -> None:
    """Take away the right of all users to write to a file or folder, which a umask of 000 gives them."""
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & stat.S_IWOTH:
        path.chmod(mode & ~stat.S_IWOTH)


@contextmanager
def _removed_at_the_end(temporary: Path) -> Iterator[Path]:
    try:
        yield temporary
    finally:
        with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
            temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, target: Path) -> None:
    """A hard link is refused where the name is taken, a rename is not."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # no links on this file system
        if os.path.lexists(target):
            raise _exists(target) from None
        temporary.rename(target)


def _exists(target: Path) -> TargetExistsError:
    return TargetExistsError(f"{target} exists", "Name a file that does not.")
