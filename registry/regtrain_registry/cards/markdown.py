"""Untrusted text as parts of a Markdown page: it can break neither the page nor its head, nor become HTML. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regtrain_registry.json_values import as_text

__all__ = ["as_code", "as_line", "as_prose", "as_yaml", "fenced", "table"]

_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_SYNTAX = re.compile(r"([\\`*_{}\[\]#+!~$^])")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*( [A-Za-z0-9_./@-]+)*")
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}  # what YAML takes for others
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_RULE = re.compile(r"[-=]+")


def one_line(text: str) -> str:
    """Without line ends, doubled blanks, and letters that cannot be seen or turn the direction of others."""
    return " ".join(_UNSEEN.sub("", as_text(text)).split())


def as_line(text: str) -> str:
    """One line that shows the text as it is."""
    escaped = _SYNTAX.sub(r"\\\1", one_line(text))
    return "".join(_ENTITIES.get(letter, letter) for letter in escaped)


def as_code(text: str) -> str:
    """The text in the letters of a machine, where it has none that would end them."""
    line = one_line(text)
    return as_line(line) if not line or set("`|\\<>&") & set(line) else f"`{line}`"


def as_prose(text: str) -> str:
    """Paragraphs, and lists whose lines begin with a hyphen; nothing else is read as Markdown."""
    lines = []
    for line in text.splitlines():
        clean = one_line(line)
        if _RULE.fullmatch(clean):
            lines.append("\\" + clean)
        elif clean.startswith("- "):
            lines.append(f"- {as_line(clean[2:])}")
        else:
            lines.append(as_line(clean))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are ready."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(text: str, language: str) -> str:
    """A block of code that the text cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def as_yaml(value: Mapping[str, Any]) -> str:
    """Nested mappings and lists as YAML that every parser reads alike. Text never spans lines and has no `<`."""
    return "\n".join(_mapping(value))


def _mapping(value: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, item in value.items():
        if isinstance(item, Mapping | list | tuple) and item:
            lines.append(f"{_scalar(str(key))}:")
            inner = _mapping(item) if isinstance(item, Mapping) else _sequence(item)
            lines.extend(f"  {line}" for line in inner)
        else:
            lines.append(f"{_scalar(str(key))}: {_scalar(item)}")
    return lines


def _sequence(items: Sequence[Any]) -> list[str]:
    lines = []
    for item in items:
        if isinstance(item, Mapping | list | tuple) and item:
            first, *rest = _mapping(item) if isinstance(item, Mapping) else _sequence(item)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"- {_scalar(item)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        text = one_line(value)
        if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
            return text
        quoted = json.dumps(text, ensure_ascii=False)
        return quoted.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    if isinstance(value, float):
        text = repr(value)  # a number without a point is text to some
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    return "{}" if isinstance(value, Mapping) else "[]"
