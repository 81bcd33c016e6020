"""A reader of a text from left to right, whose errors show the place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NoReturn, TypeVar

from regtrain_registry.errors import FilterSyntaxError
from regtrain_registry.json_values import as_text
from regtrain_registry.validation import check_text

__all__ = ["Reader"]

MAX_LENGTH = 10_000
_SHOWN = 60  # characters of a long text on either side of the caret
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Part = TypeVar("Part")


class Reader:
    """A text and the position of its next character."""

    def __init__(self, text: str, what: str) -> None:
        """what: the name of the text in errors. `FilterSyntaxError` when it is too long."""
        self._text = as_text(check_text(what, text))
        self._what = what
        self._at = 0
        if len(text) > MAX_LENGTH:
            self.fail(MAX_LENGTH, f"it may have {MAX_LENGTH:,} characters at most")

    def space(self) -> int:
        """Skip white space; the position after it."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def end(self, expected: str) -> None:
        """Refuse any further text."""
        if self.space() < len(self._text):
            self.fail(self._at, f"expected {expected}")

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """The match of a pattern at this position."""
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def word(self) -> str | None:
        """The word at this position in lower case: keywords and columns are not case-sensitive."""
        word = self.match(_WORD)
        return None if word is None else word.lower()

    def keyword(self, word: str) -> bool:
        """Whether this word is next; if so, it is read."""
        found = _WORD.match(self._text, self.space())
        if found is None or found[0].lower() != word:
            return False
        self._at = found.end()
        return True

    def sign(self, sign: str) -> bool:
        """Whether these characters are next, after white space; if so, they are read."""
        self.space()
        return self.adjacent(sign)

    def adjacent(self, sign: str) -> bool:
        """Whether these characters are at this position; if so, they are read."""
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) * found
        return found

    def quoted(self) -> str | None:
        """The text in quotation marks, in which they are doubled; None where there are none."""
        start = self._at
        mark = self._text[start : start + 1]
        if mark not in ("'", '"', "`"):
            return None
        parts: list[str] = []
        while self._text.startswith(mark, self._at):
            end = self._text.find(mark, self._at + 1)
            if end < 0:
                self.fail(start, "the quotation mark is not closed")
            parts.append(self._text[self._at + 1 : end])
            self._at = end + 1
        return mark.join(parts)

    def separated(self, part: Callable[[], Part]) -> list[Part]:
        """One part or more, with commas between them."""
        parts = [part()]
        while self.sign(","):
            parts.append(part())
        return parts

    def fail(self, at: int, reason: str, hint: str = "") -> NoReturn:
        """Raise `FilterSyntaxError`: `reason`, with a caret under this position."""
        begin, end = max(0, at - _SHOWN), at + _SHOWN
        before = ("…" if begin else "") + _printable(self._text[begin:at])
        line = before + _printable(self._text[at:end]) + ("…" if end < len(self._text) else "")
        lines = [line, f"{' ' * _width(before)}^", *([hint] if hint else [])]
        raise FilterSyntaxError(f"{self._what}, column {at + 1}: {reason}", "\n".join(lines))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _width(text: str) -> int:
    """Columns of a terminal."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
