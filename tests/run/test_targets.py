"""Targets of a config: which file and function they name, found without running anything."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.errors import ConfigValueError, RegtrainError
from regtrain.targets import accepted_arguments, find_target

BINDINGS = [
    "def build(): ...",
    "class build: ...",
    "build = print",
    "build: object = print",
    "a, (build, *b) = 1, (2, 3)",
    "from os import getcwd as build",
    "import os as build",
    "from os import *",
    "if True:\n    def build(): ...",
    "if False: pass\nelse:\n    build = 1",
    "try:\n    import nothing\nexcept ImportError:\n    def build(): ...",
    "try: pass\nfinally:\n    build = 1",
    "with open('x') as build: pass",
    "for build in (): pass",
    "if (build := print): pass",
]
NOT_BINDINGS = [
    "",
    "def other():\n    build = 1",
    "class Other:\n    def build(self): ...",
    "print('build')",
    "build()",
]


@pytest.mark.parametrize("code", BINDINGS)
def test_what_a_file_binds_can_be_named(code: str, tmp_path: Path) -> None:
    """Every way to bind a name at the top level of a file makes it a factory that a config may name."""
    (tmp_path / "model.py").write_text(code)
    found = find_target("model.target", "./model.py:build", tmp_path, ())
    assert found.file == (tmp_path / "model.py").resolve()


@pytest.mark.parametrize("code", NOT_BINDINGS)
def test_what_a_file_does_not_bind_is_refused(code: str, tmp_path: Path) -> None:
    """A name that is bound inside a function or class only, or not at all, is refused with what there is."""
    (tmp_path / "model.py").write_text(code)
    with pytest.raises(ConfigValueError, match="defines no 'build'"):
        find_target("model.target", "./model.py:build", tmp_path, ())


def test_looking_runs_nothing(tmp_path: Path) -> None:
    """A file is read, not run, until the job imports it."""
    (tmp_path / "model.py").write_text("open('was-run', 'w')\ndef build(): ...\n")
    find_target("model.target", "./model.py:build", tmp_path, ())
    assert not list(tmp_path.glob("**/was-run"))


@given(text=st.text(max_size=40))
def test_any_text_is_a_target_or_an_error(text: str) -> None:
    """No text makes anything but a target inside the folder or an error of a user."""
    base = Path(__file__).parent
    try:
        found = find_target("model.target", text, base, ("os",))
    except RegtrainError:
        return
    assert found.module.partition(".")[0] == "os" or (found.file and found.file.is_relative_to(base))


@given(parts=st.lists(st.sampled_from(["..", ".", "run", "conftest.py", "/", "~", "\0", ""]), max_size=6))
def test_no_path_leaves_the_folder(parts: list[str]) -> None:
    """Whatever a path is made of, a file that is found lies inside the config's folder."""
    base = Path(__file__).parent
    try:
        found = find_target("model.target", "/".join(parts) + ".py:project", base, ())
    except RegtrainError:
        return
    assert found.file
    assert found.file.is_relative_to(base)


SPLIT = {
    "model.py": "import json\nimport layers.blocks\n\ndef build():\n    from shapes import WIDTH\n    return WIDTH\n",
    "shapes.py": "from layers import *\nimport model\nWIDTH = 3\n",
    "layers/__init__.py": "",
    "layers/blocks.py": "from . import norms\nfrom .heads import head\n",
    "layers/norms.py": "from ... import nothing\n",
    "layers/heads.py": "head = 1\n",
    "layers/unused.py": "",
    "json/unused.txt": "",
    "other.py": "",
}


def test_files_that_a_target_imports_are_its_own(tmp_path: Path) -> None:
    """What a file imports from its own folder, and so on, belongs to it; what lies there besides does not."""
    for name, text in SPLIT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    target = find_target("model.target", "model.py:build", tmp_path, ())
    names = {file.relative_to(tmp_path.resolve()).as_posix() for file in target.files}
    assert names == set(SPLIT) - {"layers/unused.py", "json/unused.txt", "other.py"}
    before = target.digest
    (tmp_path / "other.py").write_text("changed = 1")
    assert target.digest == before
    (tmp_path / "layers/heads.py").write_text("head = 2\n")
    assert target.digest != before


def _any(**rest: Any) -> None: ...


def _few(first: int, *, second: int = 1) -> None: ...


def test_which_arguments_a_factory_takes() -> None:
    """Named arguments are found; a factory that takes any, or cannot be asked, says None."""
    assert accepted_arguments(_few) == {"first", "second"}
    assert accepted_arguments(functools.partial(_few, 1)) == {"second"}
    assert accepted_arguments(_any) is None
    assert accepted_arguments(type) is None
