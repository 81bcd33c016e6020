"""Each line of the table in docs/security.md is a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_line_is_a_test() -> None:
    """The last column names a test that is there, or a file of tests."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) >= 15
    wrong = []
    for row in rows:
        match = re.search(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?` \|$", row)
        file = ROOT / match[1] if match else None
        if match is None or file is None or not file.is_file():
            wrong.append(row)
            continue
        names = {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}
        if match[2] and match[2] not in names:
            wrong.append(row)
    assert wrong == []
