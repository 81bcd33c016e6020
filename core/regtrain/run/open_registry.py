"""Which registry a run is recorded in: the config's, the environment's, or the nearest `.regtrain/`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.types.config import RegistryKeys

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["open_registry"]


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"note: {record.getMessage()}", file=sys.stderr)


def _note_on_stderr() -> None:
    """Print what the registry logs, such as the new name of a model that was asked for by its former one."""
    log = logging.getLogger("regtrain_registry")
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes())


def open_registry(
    cwd: Path,
    beside: Path | None = None,
    keys: RegistryKeys | None = None,
    *,
    create: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Registry:
    """The registry for a working directory. `beside`: the config's folder, where the first run makes `.regtrain/`;
    `keys`: the config's `registry` section.

    Raises:
        RegistryError: the database cannot be opened, or there is none yet and `create` is off.
    """
    from regtrain_registry import Registry, locate

    here = locate(cwd, environ)
    if beside is not None and not here.home.is_dir() and "REGTRAIN_HOME" not in environ:
        here = locate(beside, environ)
    keys = keys or RegistryKeys()
    uri = keys.uri or here.uri
    # a database that the config names has its store beside it, unless that is named too
    store = keys.store or (None if keys.uri else here.store)
    _note_on_stderr()
    return Registry(uri, store, create=create, force_network_fs=keys.force_network_fs)
