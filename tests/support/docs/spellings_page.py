"""`python tests/support/docs/spellings_page.py` writes docs/spellings.md from the tables that the loader uses."""

from __future__ import annotations

from pathlib import Path

from regtrain.config.spellings import FLAGS, SCALAR_KEYS, SHORT_VARIABLES, SPELLINGS
from regtrain.types.config.values import PRECISIONS

PAGE = Path(__file__).parents[3] / "docs" / "spellings.md"

HEAD = """# Accepted spellings

Each key has one canonical name and may have others. A spelling also moves what stands below it: `lr_scheduler: {type: step}` is
`scheduler: {name: step}`. Two spellings of one key with different values are an error. `regtrain config explain KEY` takes any
of these names, and `regtrain config show CONFIG` prints the canonical ones.

This page is generated from the loader's own tables by `python tests/support/docs/spellings_page.py`; a test compares it.
"""

SHORT_FORMS = """## Short forms

- A name in place of a section: `optimizer: adamw`, `model: simple_cnn`, `data: digits`, `scheduler: cosine`.
- `true` or `false` in place of a section that can be switched: `early_stopping: true`.
- `trackers: [a, b]` switches several on.
"""


def page() -> str:
    """The whole page, from tables alone."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for written, canonical in SPELLINGS.items():
        head, dot, _ = written.partition(".")
        groups.setdefault(head if dot else "", []).append((written, canonical))
    parts = [HEAD]
    for head, rows in groups.items():
        title = f"In `{head}`" if head else "At the top of the file"
        parts.append(f"## {title}\n\n{_table(('written', 'is'), rows)}")
    parts.append(SHORT_FORMS)
    scalars = [(f"{section}: VALUE", f"{section}.{key}") for section, key in SCALAR_KEYS.items()]
    parts.append(_table(("written", "is"), scalars))
    formats = [(written, kept) for written, kept in PRECISIONS.items() if written != kept]
    parts.append(f"## Number formats\n\n`training.precision` takes:\n\n{_table(('written', 'is'), formats)}")
    parts.append(f"## Environment variables\n\n{_table(('variable', 'key'), list(SHORT_VARIABLES.items()))}")
    flags = [(flag, key) for key, flag in FLAGS.items()]
    parts.append(f"## Flags of `run` and `plan`\n\n{_table(('flag', 'key'), flags)}")
    return "\n".join(parts)


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{one}` | `{other}` |" for one, other in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
