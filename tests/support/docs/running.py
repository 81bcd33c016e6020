"""A page is done as a reader would do it: its blocks in order, in a fresh folder, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regtrain.config import load
from regtrain.errors import RegtrainError
from support.docs.markdown import Block, Page
from support.docs.output import same_output, without_folder

# What a page shows must not depend on the reader's machine: its width, its language, its GPUs.
SURROUNDINGS = {"COLUMNS": "100", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True)
class Lie:
    """What a page says and what is so."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Command:
    """One `$` line of a console block (with the lines that it goes on in) and the output below it."""

    text: str
    output: str
    line: int


def lies_of(page: Page, folder: Path, programs: Path | None = None) -> list[Lie]:
    """Everything in the page that is not so. `folder` is new or empty; `programs` come before those of the path."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, block in enumerate(page.blocks):
        if block.marker == "file":
            target = folder / block.value
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.marker == "not run" or (block.marker == "file" and block.language != "yaml"):
            continue
        check = {"yaml": _config, "python": _script, "console": _console}.get(block.language)
        if check:
            found += [Lie(page.path, line, text) for line, text in check(block, folder, number, programs)]
    return found


def config_lies(page: Page, folder: Path) -> list[Lie]:
    """The YAML blocks alone, which takes no time."""
    blocks = [block for block in page.blocks if block.language == "yaml" and block.marker != "not run"]
    return [Lie(page.path, *fact) for n, block in enumerate(blocks) for fact in _config(block, folder, n, None)]


def commands_of(block: Block) -> list[Command]:
    commands: list[Command] = []
    lines = block.text.splitlines()
    position = 0
    while position < len(lines):
        if not lines[position].startswith("$ "):
            raise ValueError(f"line {block.line + position}: output without a command above it")
        start = position
        text = lines[position][2:]
        while text.endswith("\\"):
            position += 1
            text = f"{text[:-1]}{lines[position].lstrip()}"
        position += 1
        first = position
        while position < len(lines) and not lines[position].startswith("$ "):
            position += 1
        commands.append(Command(text, "".join(f"{line}\n" for line in lines[first:position]), block.line + start))
    return commands


def run_command(text: str, folder: Path, programs: Path | None = None) -> tuple[int, str]:
    """Exit code and output as a terminal shows it, both streams together."""
    path = os.pathsep.join(
        [*([str(programs)] if programs else []), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGTRAIN_", "RAT_"))}
    temporary = folder.with_name(f"{folder.name}-tmp")
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env={**kept, **SURROUNDINGS, "PATH": path, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, without_folder(done.stdout.decode("utf-8"), folder, temporary)


def _config(block: Block, folder: Path, number: int, programs: Path | None) -> Iterator[tuple[int, str]]:
    path = folder / (block.value if block.marker == "file" else f".block-{number}.yaml")
    path.write_text(block.text, encoding="utf-8")
    try:
        load(path, environ={"PATH": "/nonexistent"})
    except RegtrainError as problem:
        yield block.line, f"the config is refused: {problem}"


def _script(block: Block, folder: Path, number: int, programs: Path | None) -> Iterator[tuple[int, str]]:
    script = folder / f".block-{number}.py"
    script.write_text(block.text, encoding="utf-8")
    code, output = run_command(f"PYTHONPATH=. python -W error::DeprecationWarning {script.name}", folder, programs)
    if code != _expected_exit(block):
        yield block.line, f"the script ends with exit code {code}:\n{output}"


def _console(block: Block, folder: Path, number: int, programs: Path | None) -> Iterator[tuple[int, str]]:
    commands = commands_of(block)
    for command in commands:
        code, output = run_command(command.text, folder, programs)
        wanted = _expected_exit(block) if command is commands[-1] else 0
        if code != wanted:
            yield command.line, f"`{command.text}` ends with exit code {code}, not {wanted}:\n{output}"
        elif not same_output(command.output, output):
            yield command.line, f"`{command.text}` prints\n{output}\nand the page says\n{command.output}"


def _expected_exit(block: Block) -> int:
    return int(block.value) if block.marker == "exit" else 0
