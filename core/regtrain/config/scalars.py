"""Plain YAML scalars by the rules of YAML 1.2's core schema, and a dumper that writes by the same rules.

PyYAML follows YAML 1.1, where `1e-4` is text, `24:00` is 1440 and `no` is false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

__all__ = ["dump", "looks_like_number", "resolve_plain"]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NANS = frozenset({".nan", ".NaN", ".NAN"})
_NUMBER_STARTS = frozenset("-+.0123456789")
_LONGEST_NUMBER = 400
_INT_LIMIT = 2**64


def resolve_plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar.

    Raises:
        ValueError: a whole number that does not fit 64 bits, or digits without end.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    return _resolve_number(text)


def _resolve_number(text: str) -> str | int | float:
    if len(text) > _LONGEST_NUMBER and (_FLOAT.fullmatch(text) or _HEX.fullmatch(text) or _OCT.fullmatch(text)):
        raise ValueError(f"a number of {len(text)} characters")
    if _INT.fullmatch(text):
        return _within_64_bits(int(text), text)
    if _OCT.fullmatch(text) or _HEX.fullmatch(text):
        return _within_64_bits(int(text, 0), text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NANS else text


def _within_64_bits(number: int, text: str) -> int:
    # JSON readers, databases and seeds stop at 64 bits; longer ones are typing mistakes.
    if abs(number) >= _INT_LIMIT:
        raise ValueError(f"{text[:24]}… does not fit 64 bits")
    return number


def looks_like_number(text: str) -> bool:
    """Whether the text would be a number if its quotes were taken away."""
    return bool(_INT.fullmatch(text) or _FLOAT.fullmatch(text) or _OCT.fullmatch(text) or _HEX.fullmatch(text))


class _Dumper(yaml.SafeDumper):
    """Quotes text that either YAML 1.1 or 1.2 would read as something else, so that both read it back."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML takes these for line ends and folds them away, except between double quotes.
    style = '"' if any(character in text for character in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(rf"^(?:{_INT.pattern}|{_OCT.pattern}|{_HEX.pattern})$"),
    list("-+0123456789"),
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?:{_FLOAT.pattern})$"), list("-+.0123456789"))


def dump(value: Mapping[str, Any]) -> str:
    """Block-style YAML with keys in the given order."""
    # Without a width PyYAML folds long text at blanks, which makes diffs of saved configs noisy.
    return str(yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf))
