"""Nothing of the place where a file was written stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.docs.statics import tracked_files

ROOT = Path(__file__).parents[2]
# In pieces, so that this file does not find itself.
WORDS = ("age" + "nts?", "cla" + "ude", "ai assis" + "tants?")
# In Python the word is a term of pytest, of databases and of operating systems.
IN_PROSE = ("ses" + "sions?",)
PLACES = re.compile(
    r"(?<![\w.])/(?:{})\b".format("|".join(("wo" + "rk/", "ro" + "ot/", "opt/py" + "pi", "opt/whe" + "els")))
)


def misplaced(text: str, python: bool = False) -> list[str]:
    """Lines that hold a word or a path that has no business there."""
    words = WORDS if python else (*WORDS, *IN_PROSE)
    pattern = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
    return [line.strip() for line in text.splitlines() if pattern.search(line) or PLACES.search(line)]


def test_no_file_tells_where_it_was_written() -> None:
    """No tracked file speaks of tools that write text, or holds a path of one machine."""
    found = {}
    for path in tracked_files(ROOT):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a stored database and the like
            text = path.read_bytes().decode("latin-1")
        if lines := misplaced(text, path.suffix == ".py"):
            found[str(path.relative_to(ROOT))] = lines
    assert found == {}


@pytest.mark.parametrize(
    "line", ["a new ses" + "sion", "Age" + "nts do it", "see /wo" + "rk/main/x.py", "made by Cla" + "ude"]
)
def test_such_a_line_is_found(line: str) -> None:
    """A planted word or path is seen; parts of other words are not."""
    assert misplaced(f"fine\n{line}\nstart_new_ses" + "sion, reage" + "nt, frame/wo" + "rk/x") == [line]
