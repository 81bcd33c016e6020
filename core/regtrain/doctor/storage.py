"""Registry and store: reachable, writable, of which schema, on what disk, and what the registry thinks of the clock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.doctor.rows import Row, failed

if TYPE_CHECKING:
    from regtrain_registry import Condition, Location

__all__ = ["clock_row", "condition_rows", "find", "request_for", "space_row"]

GB = 10**9
LITTLE, TOO_LITTLE = 2 * GB, GB // 10  # bytes free on a disk that gets checkpoints
MINUTE = 60.0


def request_for(cwd: Path, beside: Path | None, uri: str | None, store: str | None, force: bool) -> dict[str, Any]:
    """What the child has to know; `uri`, `store` and `force` are those of the config's section `registry`."""
    return {"cwd": str(cwd), "beside": str(beside) if beside else None, "uri": uri, "store": store, "force": force}


def find(request: Mapping[str, Any]) -> Sequence[Row]:
    """Rows `registry`, `clock`, `store`, `disk` …; a registry that is not there yet is no fault."""
    from regtrain_registry import RegistryError, examine
    from regtrain_registry.errors import NoRegistryError

    here, uri, store = _places(request)
    rows: list[Row] = []
    file = None
    try:
        found = examine(uri, force_network_fs=bool(request["force"]))
    except NoRegistryError as problem:
        rows.append(_not_yet(problem.message, here))
    except RegistryError as problem:
        rows.append(failed("registry", problem))
    else:
        file = found.file
        rows += condition_rows(found)
    rows += _store_rows(store, here, file)
    return rows


def _places(request: Mapping[str, Any]) -> tuple[Location, str, str]:
    """As a run finds them: its config, then the environment, then the nearest `.regtrain/`."""
    from regtrain_registry import locate
    from regtrain_registry.location import check_url, default_store

    here = locate(Path(request["cwd"]), os.environ)
    if request["beside"] and not here.home.is_dir() and "REGTRAIN_HOME" not in os.environ:
        here = locate(Path(request["beside"]), os.environ)
    uri = request["uri"] or here.uri
    beside = (
        default_store(check_url(uri), here.store) if request["uri"] and "REGTRAIN_STORE_URI" not in os.environ else ""
    )
    return here, uri, request["store"] or beside or here.store


def _not_yet(message: str, here: Location) -> Row:
    from regtrain_registry.ops.condition import may_write

    folder = next(folder for folder in (here.home, *here.home.parents) if folder.exists())
    if may_write(folder):
        return Row("registry", "ok", f"{message}; the first run makes it")
    return Row(
        "registry", "failure", f"{message}, and {folder} may not be written", "set REGTRAIN_HOME to another folder"
    )


def condition_rows(found: Condition) -> Iterator[Row]:
    """Rows of a registry that can be read."""
    if found.schema != found.newest:
        message = f"{found.uri} has schema {found.schema}, this release writes {found.newest}"
        yield Row("registry", "warning", message, "regtrain registry upgrade; SQLite files are copied before")
    elif found.unwritable is not None:
        yield failed("registry", found.unwritable)
    else:
        yield Row("registry", "ok", f"{found.uri}, schema {found.schema}, can be read and written")
    if found.network:
        yield Row("registry", "warning", found.network, "move it to a local disk, or take PostgreSQL")
    if found.drift is not None:
        yield clock_row(found.drift)


def clock_row(drift: float) -> Row:
    """`drift`: seconds by which this machine's clock is ahead of what the registry expects, or behind."""
    if abs(drift) <= MINUTE:
        return Row("clock", "ok", "this machine's clock agrees with the registry")
    word = "ahead of" if drift > 0 else "behind"
    size = f"{abs(drift):.0f} seconds" if abs(drift) < 7200 else f"{abs(drift) / 3600:.1f} hours"
    message = f"this machine's clock is {size} {word} what the registry has seen of it"
    return Row("clock", "warning", message, "set it right (NTP); ages of versions are counted without such leaps")


def _store_rows(store: str, here: Location, file: Path | None) -> Iterator[Row]:
    from regtrain_registry import RegistryError, try_store

    try:
        yield Row("store", "ok", f"{try_store(store)}, can be written")
    except RegistryError as problem:
        yield failed("store", problem)
    disks: dict[int, Path] = {}
    for place in (file or here.home, None if "://" in store else Path(store)):
        folder = next((one for one in (place, *place.absolute().parents) if one.is_dir()), None) if place else None
        if folder is not None:
            disks.setdefault(folder.stat().st_dev, folder)
    for folder in disks.values():
        yield space_row(folder, shutil.disk_usage(folder).free)


def space_row(folder: Path, free: int) -> Row:
    message = f"{free / GB:.1f} GB free on the disk of {folder}"
    if free < TOO_LITTLE:
        return Row("disk", "failure", message, "free space: a checkpoint does not fit")
    if free < LITTLE:
        return Row("disk", "warning", message, "free space: regtrain registry gc, regtrain checkpoints prune")
    return Row("disk", "ok", message)
