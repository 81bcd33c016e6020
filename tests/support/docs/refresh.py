"""`python tests/support/docs/refresh.py PAGE …`: put into the pages what their commands print today; read the diff after it.

A command without output in the page stays without, one with a line `…` or that fails is left as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.docs.markdown import Block, read_page
from support.docs.output import ELLIPSIS, same_output
from support.docs.running import commands_of, lies_of, run_command


def refresh(path: Path) -> None:
    page = read_page(path)
    lines = page.text.splitlines()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        changes: list[tuple[Block, str]] = []
        for block in page.blocks:
            if block.language == "console" and block.marker != "not run":
                changes.append((block, _new_text(block, folder)))
            else:
                for lie in lies_of(type(page)(page.path, page.text, (block,)), folder):
                    print(lie, file=sys.stderr)
    for block, text in reversed(changes):
        start = block.line - 1
        lines[start : start + len(block.text.splitlines())] = text.splitlines()
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _new_text(block: Block, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    old = block.text.splitlines()
    commands = commands_of(block)
    for command in commands:
        code, output = run_command(command.text, folder)
        wrong = code != (int(block.value) if block.marker == "exit" and command is commands[-1] else 0)
        if wrong:
            print(f"exit {code}: {command.text}\n{output}", file=sys.stderr)
        first = command.line - block.line
        count = next(n for n, line in enumerate(old[first:], 1) if not line.endswith("\\"))
        parts += old[first : first + count]
        kept = wrong or not command.output or ELLIPSIS in command.output or same_output(command.output, output)
        parts += (command.output if kept else output).rstrip().splitlines()
    return "\n".join(parts)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name))
