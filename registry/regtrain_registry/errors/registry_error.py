"""The error that all others of the package are, and its two kinds for conflicts and damage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

__all__ = [
    "ConflictError",
    "IntegrityError",
    "RegistryError",
    "nearest",
]


class RegistryError(Exception):
    """Something a user can act on: one line of what is wrong, one line of what to do."""

    code: ClassVar[str] = "registry"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def details(self) -> dict[str, Any]:
        """What a program may want to know beside the message: further fields of the error as JSON."""
        return {}


class ConflictError(RegistryError):
    """A request that collides with what is recorded."""

    code = "conflict"
    exit_code = 3


class IntegrityError(RegistryError):
    """Stored bytes are not what was stored."""

    code = "integrity"
    exit_code = 4


def nearest(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices spelled most like `word`, best first."""
    import difflib

    return difflib.get_close_matches(word.lower(), list(choices), n=count, cutoff=0.6)
