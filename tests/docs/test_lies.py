"""The checks of the pages see a lie: each kind is planted in a page, and found."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.docs.markdown import read_page
from support.docs.output import same_output
from support.docs.running import Lie, config_lies, lies_of
from support.docs.statics import bad_commands, bad_links


def planted(folder: Path, *parts: str) -> Path:
    path = folder / "page.md"
    path.write_text("# A page\n\n" + "\n".join(parts), encoding="utf-8")
    return path


def found(folder: Path, *parts: str) -> list[Lie]:
    return lies_of(read_page(planted(folder, *parts)), folder / "project")


def block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


def test_a_page_without_lies_has_none(tmp_path: Path) -> None:
    """Files, scripts and commands that do what the page says leave nothing to say."""
    parts = ["<!-- file: a.txt -->", block("text", "one"), block("yaml", "epochs: 3")]
    parts += [
        block("python", "assert open('a.txt').read() == 'one\\n'"),
        block("console", "$ cat a.txt\none\n$ cat a.txt"),
    ]
    assert found(tmp_path, *parts) == []


def test_a_wrong_key_is_found(tmp_path: Path) -> None:
    """A YAML block with a key that does not exist is a lie, with the line where it stands."""
    path = planted(tmp_path, block("yaml", "training:\n  epoch_count: 3"))
    lies = config_lies(read_page(path), tmp_path)
    assert [lie.line for lie in lies] == [4]
    assert "epoch_count" in lies[0].text


@pytest.mark.parametrize(
    "command", ["false", "regtrain config check nothing.yaml", "regtrain run x.yaml --no-such-option"]
)
def test_a_failing_command_is_found(tmp_path: Path, command: str) -> None:
    """A command that ends with another exit code than 0 is a lie."""
    assert "ends with exit code" in found(tmp_path, block("console", f"$ {command}"))[0].text


def test_a_command_that_should_fail_and_does_not_is_found(tmp_path: Path) -> None:
    """Where the page says exit code 2, 0 is a lie."""
    assert len(found(tmp_path, "<!-- exit: 2 -->", block("console", "$ true"))) == 1
    assert found(tmp_path, "<!-- exit: 2 -->", block("console", "$ exit 2")) == []


def test_another_output_is_found(tmp_path: Path) -> None:
    """What is printed must be what the page says, after the lines that it leaves out."""
    assert len(found(tmp_path, block("console", "$ seq 4\n1\n2\n3"))) == 1
    assert found(tmp_path, block("console", "$ seq 4\n1\n…\n4")) == []
    assert len(found(tmp_path, block("console", "$ seq 4\n1\n…\n5"))) == 1


def test_a_failing_script_is_found(tmp_path: Path) -> None:
    """A Python block that raises is a lie."""
    assert "ZeroDivisionError" in found(tmp_path, block("python", "1 / 0"))[0].text


@pytest.mark.parametrize(
    ("page", "seen", "same"),
    [
        ("run 20260101-101112-a-b-0a1b", "run 20270304-050607-a-b-ffff", True),
        ("run 20260101-101112-a-b-0a1b", "run 20270304-050607-a-c-ffff", False),
        ("run 20260101-101112-a-b-0a1b0a1b0a1b", "run 20270304-050607-a-b-ffffffffffff", True),
        ("made on 2026-11-20", "made on 2027-01-31", True),
        ("val/loss 0.31 0.29 0.5", "val/loss 0.32 0.30 0.55", True),
        ("val/loss 0.31 0.29", "val/loss 0.32 0.90", False),
        ("val/loss 0.31 0.29", "val/loss 0.32", False),
        ("epoch 1 step 63/315 val/loss 0.4411", "epoch 1 step 63/315 val/loss 0.6293", True),
        ("epoch 1 step 63/315 val/loss 0.4411", "epoch 1 step 64/315 val/loss 0.4411", False),
        ("epoch 1 step 63/315 val/loss 0.4411", "epoch 1 step 63/315 val/loss nan", False),
        ("epoch 1 step 63/315 val/loss 0.4411", "epoch 1 step 63/315 train/loss 0.4411", False),
        ("val/accuracy 0.91", "val/accuracy 0.93", True),
        ("val/accuracy 0.91", "val/accuracy 0.31", False),
        ('"val/loss": 2.5,', '"val/loss": 9.5,', False),
        ("a    b", "a b", True),
        ("digest sha256:0011", "digest sha256:ffee", True),
        ("size 10.1 kB", "size 9.8 kB", True),
        ("largest difference 1.2e-06, so", "largest difference 0, so", True),
        ("32 0.446 (0.425 to 0.602)", "32 9.1 (8 to 1e+01)", True),
        ("epochs 3", "epochs 4", False),
        ("one\ntwo", "one", False),
        ("one", "one\ntwo", False),
    ],
)
def test_what_counts_as_the_same_output(page: str, seen: str, same: bool) -> None:
    """Ids, digests, sizes and widths do not count; metrics may be a little off; all else must agree."""
    assert same_output(page, seen) is same


@pytest.mark.parametrize(
    "line",
    [
        "`regtrain modls list`",
        "`regtrain models lst`",
        "`regtrain run CONFIG --epoch 3`",
        block("console", "$ regtrain runs list --jsn"),
        block("text", "cd x && regtrain config chek x"),
    ],
)
def test_an_unknown_command_or_option_is_found(tmp_path: Path, line: str) -> None:
    """Commands and options that do not exist are found in prose and in blocks."""
    assert len(bad_commands(read_page(planted(tmp_path, line)))) == 1


def test_known_commands_and_options_are_not_complained_about(tmp_path: Path) -> None:
    """Real commands in prose pass: with options, overrides and placeholders."""
    path = planted(
        tmp_path, "`regtrain run CONFIG --epochs 3 a.b=1`, `regtrain --help`, `regtrain models show REF --json | head`"
    )
    assert bad_commands(read_page(path)) == []


@pytest.mark.parametrize("link", ["gone.md", "page.md#no-such-heading", "#no-such-heading", "../outside.md"])
def test_a_dead_link_is_found(tmp_path: Path, link: str) -> None:
    """Links to files and headings that do not exist are found."""
    assert bad_links(planted(tmp_path, f"[words]({link})"), tmp_path) == [link]


def test_a_living_link_is_not_complained_about(tmp_path: Path) -> None:
    """A heading of the page itself can be linked to."""
    assert bad_links(planted(tmp_path, "[a](#a-page) [b](page.md#a-page) [c](https://example.org)"), tmp_path) == []
