"""Passwords in URLs stay in the run folder, which needs them to go on. The registry is shared: it never sees them."""

from __future__ import annotations

import sys
from pathlib import Path

from regtrain.run_dir import RunDir
from regtrain.secrets import hide_secrets

__all__ = ["public_config", "typed"]


def typed() -> list[str]:
    """The command line of this process, for the record."""
    program, *words = sys.argv or [""]
    return [Path(program).name, *map(hide_secrets, words)] if program else []


def public_config(run_dir: RunDir) -> Path:
    """The run's config as it can be shared: its own file, or a copy without the passwords."""
    text = run_dir.config.read_text(encoding="utf-8")
    public = hide_secrets(text)
    if public == text:
        return run_dir.config
    copy = run_dir.path / "config.public.yaml"
    copy.write_text(public, encoding="utf-8")
    return copy
