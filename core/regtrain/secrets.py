"""Passwords inside URLs, which what is shared must not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regtrain.config.leaves import hide_secrets

__all__ = ["hide_secrets", "without_secrets"]


def without_secrets(value: Any) -> Any:
    """The value with `***` for every password inside a URL."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return hide_secrets(value) if isinstance(value, str) else value
