"""Files that are given out: written beside their place, synced, and named at the end; never over another file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from regtrain_registry.errors import StoreUnavailableError, TargetExistsError
from regtrain_registry.store.streams import sync_folder

__all__ = ["new_file"]


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write to, in the same folder; it is called `target` when all went well, and is gone when not.

    Errors: `TargetExistsError`; `StoreUnavailableError` where it cannot be written.
    """
    target = target.absolute()
    making = target.parent / f".{target.name[:80]}.{secrets.token_hex(8)}"
    if os.path.lexists(target):
        raise _exists(target)
    try:
        yield making
        with making.open("rb") as file:
            os.fsync(file.fileno())
        _name(making, target)
        sync_folder(target.parent)
    except OSError as error:
        raise StoreUnavailableError(f"cannot write {target}: {error.strerror}", "Name another file.") from error
    finally:
        with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
            making.unlink(missing_ok=True)


def _name(making: Path, target: Path) -> None:
    """A link is refused where the name is taken; a rename is not."""
    try:
        target.hardlink_to(making)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # no links on this file system
        if os.path.lexists(target):
            raise _exists(target) from None
        making.rename(target)


def _exists(target: Path) -> TargetExistsError:
    return TargetExistsError(f"{target} exists", "Name a file that does not.")
