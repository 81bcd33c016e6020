"""Text of anybody on a terminal: what it would obey, or show in another order, is shown as an escape."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regtrain.cli
from regtrain.cli.output import ESCAPES, plain
from regtrain_registry import Recipe, Registration, RunStart
from support.cli.projects import Project
from support.registry.blank import make_registry

EVIL = "a\x1b[31mb\x07\u202ec\x9b0m\u2066d\re\x7f\u2028"
SHOWN = r"a\x1b[31mb\x07\u202ec\x9b0m\u2066d\re\x7f\u2028"
LINES = (
    ("models", "show", "evil"),
    ("models", "versions", "evil"),
    ("models", "list"),
    ("models", "search"),
    ("models", "history", "evil"),
    ("models", "lineage", "evil"),
    ("models", "lineage", "evil", "--format", "dot"),
    ("models", "diff", "evil/1", "evil/2"),
    ("models", "card", "evil"),
    ("models", "policy", "evil"),
    ("models", "deprecate", "evil/1", "--reason", EVIL),
    ("models", "prune", "evil", "--dry-run", "--explain"),
    ("models", "show", EVIL),
    ("models", "search", "--filter", f"name = '{EVIL}"),
    ("models", "lineage", "--data", f"{EVIL}{EVIL}"),
    ("models", "register", EVIL, "--model", "evil"),
    ("models", EVIL),
    ("runs", "list"),
    ("runs", "show", "r"),
    ("runs", "compare", "r", "s"),
    ("registry", "du"),
    ("registry", "fsck"),
    ("registry", "gc", "--dry-run", "--explain"),
    ("registry", "gc", "--grace", EVIL),
    ("run", EVIL),
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A registry with such text wherever text may stand."""
    registry = make_registry(tmp_path / ".regtrain" / "registry.db", who=EVIL)
    for run_id, change in (("r", 1), ("s", 2)):
        registry.start_run(RunStart(run_id, EVIL, f"/{EVIL}", config={EVIL: f"{EVIL}{change}"}))
        registry.finish_run(run_id, "failed", metrics={EVIL: 1.0}, error=EVIL, data={EVIL: EVIL})
        recipe = Recipe(config={EVIL: f"{EVIL}{change}"}, data={EVIL: f"{EVIL}{change}"}, state={EVIL: [EVIL, change]})
        registry.register(
            Registration("evil", (), recipe, run_id, metrics={EVIL: 1.0}, config=recipe.config, summary=EVIL)
        )
    registry.tag("evil", "t", EVIL)
    registry.describe("evil", EVIL)
    registry.deprecate("evil/2", EVIL)
    registry.set_policy("evil", {"keep_best": 1, "monitor": EVIL, "mode": "max"})
    return Project(tmp_path)


def is_obeyed(character: str) -> bool:
    """Whether it is of those that a terminal shows in no place of its own; lines and tabs do no harm."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(character) in (
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
    )


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line[:2]).encode("unicode_escape").decode())
def test_nothing_is_sent_to_the_terminal_that_it_obeys(project: Project, line: tuple[str, ...]) -> None:
    """Neither by lists, nor by trees, cards and errors."""
    said = project(*line)
    text = said.out + said.err
    assert [character for character in text if is_obeyed(character) and character not in "\n\t"] == []
    assert "fault of regtrain" not in text


def test_it_is_shown_as_it_is_written(project: Project) -> None:
    """In tables and in errors; a row of a table stays one line."""
    assert SHOWN in project("models", "history", "evil").out
    assert SHOWN in project("run", EVIL).err
    project("models", "deprecate", "evil/2", "--reason", "two\nlines\tand a tab")
    assert len(project("models", "history", "evil", "--limit", "1").out.splitlines()) == 2
    assert r"two\nlines\tand a tab" in project("models", "history", "evil", "--limit", "1").out


def test_json_has_the_text_itself(project: Project) -> None:
    """What programs read is not changed."""
    shown = project("models", "show", "evil/2", "--json").json()
    assert (shown["status_reason"], shown["tags"], shown["summary"]) == (EVIL, {"t": EVIL}, EVIL)


@given(st.text())
def test_other_text_is_left_as_it_is(text: str) -> None:
    """Character by character: either itself, or an escape that says which it was."""
    for character in text:
        shown = plain(character)
        kept = character in "\n\t" or not is_obeyed(character)
        marks = ("\u061c", "\u200e", "\u200f")
        assert (
            shown == character
            if kept and character not in marks
            else shown.encode().decode("unicode_escape") == character
        )
        assert shown == character or shown.isprintable()


def test_every_command_prints_through_the_one_place() -> None:
    """No `click.echo`, `click.secho` or `print` in the command line beside cli/output.py, except for JSON."""
    found = []
    for file in Path(str(regtrain.cli.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "click.secho", "print"):
                found.append((file.name, ast.unparse(node)))
    assert len([one for one in found if one[0] == "output.py"]) == 2
    others = [call for name, call in found if name != "output.py"]
    assert [call for call in others if not call.startswith("print(json.dumps(")] == []


def test_whatever_is_escaped_is_not_printable() -> None:
    """So that printable text need not be looked at character by character."""
    assert [code for code in ESCAPES if chr(code).isprintable()] == []
