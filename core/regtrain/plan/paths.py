"""Where the files of a run are: paths in a file are relative to it, typed ones to where they were typed."""

from __future__ import annotations

from pathlib import Path

from regtrain.config import Config, Resolved
from regtrain.errors import ConfigValueError

__all__ = ["config_to_keep", "expanded", "with_paths"]


def config_to_keep(resolved: Resolved, cwd: Path) -> Config:
    """The config as a run folder keeps it: a path from the command line is made absolute, since it depends on
    the working directory; one in a file stays relative to that file."""
    return with_paths(resolved, cwd, typed_only=True)


def expanded(key: str, text: str) -> Path:
    """The path with a `~` of this or another user filled in.

    Raises:
        ConfigValueError: there is no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as problem:
        raise ConfigValueError(f"{key}: {text!r}: {problem}", "give the path itself") from problem


def with_paths(resolved: Resolved, cwd: Path, *, typed_only: bool = False) -> Config:
    """The config with its paths made absolute: one in a file starts there, one that was typed where it was typed."""
    config = resolved.config

    def absolute(key: str, value: str | None) -> str | None:
        if value is None:
            return None
        source = resolved.sources.get(key)
        typed = source is not None and source.kind in ("environment", "command line")
        if typed_only and not typed:
            return value
        return str((cwd if typed else resolved.base_dir).joinpath(expanded(key, value)).absolute())

    data = config.data
    folder = absolute("data.data_dir", data.data_dir)
    inside = (lambda key, value: value) if folder else absolute
    paths = {
        "train_path": inside("data.train_path", data.train_path),
        "val_path": inside("data.val_path", data.val_path),
    }
    where = absolute("experiment.output_dir", config.experiment.output_dir)
    return config.model_copy(
        update={
            "data": data.model_copy(update={"data_dir": folder, **paths}),
            "experiment": config.experiment.model_copy(update={"output_dir": where}),
        }
    )
