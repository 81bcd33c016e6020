"""What can be said of a page without running it: its links, and the commands that it names."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click

from regtrain.cli import root as command_line
from support.docs.markdown import Page, read_page
from support.docs.running import commands_of


def pages(root: Path) -> list[Path]:
    """README, changelog, docs/ and the pages of the examples."""
    return [
        root / "README.md",
        root / "CHANGELOG.md",
        *sorted((root / "docs").glob("*.md")),
        *sorted((root / "examples").glob("*/*.md")),
    ]


def tracked_files(root: Path) -> list[Path]:
    """What git has, and what it would take."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
    return [root / name for name in listed.split("\0") if name and (root / name).is_file()]


def bad_links(path: Path, root: Path) -> list[str]:
    """Links of a page whose file or heading does not exist; links to the web are left alone."""
    found = []
    for link in read_page(path).links():
        place, _, anchor = link.partition("#")
        if place.startswith(("http://", "https://", "mailto:")):
            continue
        target = (path.parent / place).resolve() if place else path
        inside = target.is_relative_to(root.resolve())
        missing = not target.exists() or (anchor and anchor not in read_page(target).anchors())
        if missing or not inside:
            found.append(link)
    return found


def bad_commands(page: Page) -> list[str]:
    """What is wrong with each `regtrain …` of a page, in blocks and in prose."""
    return [fault for line in _command_lines(page) for fault in _faults(line)]


def _command_lines(page: Page) -> Iterator[str]:
    for block in page.blocks:
        if block.language == "console":
            yield from (command.text for command in commands_of(block))
        elif block.language in ("text", "bash", "sh"):
            yield from block.text.replace("\\\n", " ").splitlines()
    yield from page.inline_code()


def _faults(line: str) -> Iterator[str]:
    for start in re.finditer(r"(?:^|[\s/(;|&$])regtrain (?=[a-z-])", line):
        words = _words(line[start.end() :])
        command: click.Command = command_line
        context = click.Context(command_line)
        while words and isinstance(command, click.Group) and not words[0].startswith("-"):
            below = command.get_command(context, words[0])
            if below is None:
                yield f"`{line}`: there is no command {words[0]!r}"
                return
            command, words = below, words[1:]
        known = {name for option in command.get_params(context) for name in (*option.opts, *option.secondary_opts)}
        known |= {"-v", "--verbose"}
        yield from (
            f"`{line}`: no option {word}" for word in words if re.match(r"--?[a-z]", word) and word not in known
        )


def _words(text: str) -> list[str]:
    """Words up to the end of the command."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&`")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words = []
    try:
        for word in lexer:
            if set(word) <= set("();<>|&`"):
                break
            words.append(word.partition("=")[0] if word.startswith("--") else word)
    except ValueError:  # a quote that ends outside of what stands here
        pass
    return words
