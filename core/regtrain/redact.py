"""Secrets taken out of what leaves the process: passwords inside URLs, and values of keys that hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["HIDDEN", "redact", "redact_text", "redact_word"]

HIDDEN = "***"

_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")
_PARAMETER = re.compile(r"([?&;](?:password|passwd|pwd|sslpassword|token)=)[^&;\s]*", re.IGNORECASE)
_ALWAYS = r"passwo?r?d|passphrase|secret|api_?key|access_?key|secret_?key|private_?key|auth_token|access_token"
_KEY = re.compile(rf"(?:.*_)?(?:{_ALWAYS})", re.IGNORECASE)
# Outside of these sections a token is as likely one of a tokenizer (`eos_token`), which belongs to the recipe.
_SERVICES = frozenset({"trackers", "registry", "launcher", "distributed"})
_TOKEN = re.compile(r"(?:.*_)?(?:token|credentials?)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"([^\s=]+)=(.*)", re.DOTALL)


def redact_text(text: str) -> str:
    """The text with `***` for passwords inside URLs."""
    return _PARAMETER.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def redact_word(word: str) -> str:
    """A word of a command line: also the value of `trackers.mlflow.token=…` is hidden."""
    match = _ASSIGNMENT.fullmatch(word)
    if match and _is_secret(tuple(match[1].lstrip("+-").split("."))):
        return f"{match[1]}={HIDDEN}"
    return redact_text(word)


def redact(value: Any, path: tuple[str, ...] = ()) -> Any:
    """Nested values of a config with `***` in place of every secret; `None` and empty values stay."""
    if isinstance(value, Mapping):
        return {key: redact(item, (*path, str(key))) for key, item in value.items()}
    if path and value and isinstance(value, str | int) and not isinstance(value, bool) and _is_secret(path):
        return HIDDEN
    if isinstance(value, list | tuple):
        return [redact(item, path) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def _is_secret(path: tuple[str, ...]) -> bool:
    key = path[-1].replace("-", "_")
    return bool(_KEY.fullmatch(key)) or (path[0] in _SERVICES and bool(_TOKEN.fullmatch(key)))
