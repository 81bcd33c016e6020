"""A config with some of its values replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regtrain.types.config import Config

__all__ = ["with_values"]


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """The config with each `section.key` set to its value; a key of a section that is absent is left out."""
    nested = config.model_dump(mode="json")
    for dotted, value in values.items():
        *path, key = dotted.split(".")
        section: Any = nested
        for name in path:
            section = section.get(name) if isinstance(section, dict) else None
        if isinstance(section, dict) and key in section:
            section[key] = value
    return Config.model_validate(nested)
