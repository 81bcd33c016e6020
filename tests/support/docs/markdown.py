"""Markdown pages as blocks of code, links and inline code: as much of Markdown as the pages use.

A comment in the line before a block says what is done with it: `<!-- file: NAME -->` writes it into the page's folder,
`<!-- exit: N -->` says how its last command ends, `<!-- not run: WHY -->` leaves it alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\s*$")
MARKER = re.compile(r"^<!-- (file|exit|not run): (.+?) -->$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
INLINE = re.compile(r"`([^`]+)`")
HEADING = re.compile(r"^#{1,6} (.+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its first line of content counts from 1."""

    language: str
    text: str
    line: int
    marker: str = ""
    value: str = ""


@dataclass(frozen=True)
class Page:
    path: Path
    text: str
    blocks: tuple[Block, ...]

    def prose(self) -> Iterator[tuple[int, str]]:
        """Lines outside of blocks, with their numbers."""
        inside = False
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.startswith("```"):
                inside = not inside
            elif not inside:
                yield number, line

    def links(self) -> list[str]:
        return [first or second for _, line in self.prose() for first, second in LINK.findall(INLINE.sub("``", line))]

    def inline_code(self) -> list[str]:
        return [code for _, line in self.prose() for code in INLINE.findall(line)]

    def anchors(self) -> set[str]:
        """Headings as GitHub names them in links."""
        found = (HEADING.match(line) for _, line in self.prose())
        titles = (match[1].replace("`", "").lower() for match in found if match)
        return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def read_page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    return Page(path, text, tuple(_blocks(path, text.splitlines())))


def _blocks(path: Path, lines: list[str]) -> Iterator[Block]:
    start, language = 0, None
    for index, line in enumerate(lines):
        fence = FENCE.match(line)
        if fence and language is None:
            start, language = index, fence[1]
        elif fence and not fence[1]:
            marker = MARKER.match(lines[start - 1]) if start else None
            body = "".join(f"{one}\n" for one in lines[start + 1 : index])
            yield Block(language or "", body, start + 2, *(marker.groups() if marker else ()))
            language = None
        elif fence:
            raise ValueError(f"{path}:{index + 1}: a block begins before the one above has ended")
    if language is not None:
        raise ValueError(f"{path}:{start + 1}: a block is not closed")
