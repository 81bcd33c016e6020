"""Every page tells the truth: what stands in it is done, and what it says is printed is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regtrain.hardware import detect
from support.docs.draw_script import pictures
from support.docs.markdown import read_page
from support.docs.running import config_lies, lies_of
from support.docs.spellings_page import PAGE as SPELLINGS
from support.docs.spellings_page import page as spellings
from support.docs.statics import bad_commands, bad_links, pages
from support.every import for_every

ROOT = Path(__file__).parents[2]
PAGES = pages(ROOT)
RUNNING = [path for path in PAGES if any(b.language in ("python", "console") for b in read_page(path).blocks)]


@pytest.mark.slow
@pytest.mark.skipif(detect().metal, reason="the pages show a machine without GPU")
@pytest.mark.parametrize("path", RUNNING, ids=[str(path.relative_to(ROOT)) for path in RUNNING])
def test_what_a_page_says_is_so(path: Path, tmp_path: Path, warm_programs: Path) -> None:
    """Blocks of a page, in order and in a fresh folder, do and print what the page says."""
    lies = lies_of(read_page(path), tmp_path / "project", None if path.name == "README.md" else warm_programs)
    assert not lies, "\n\n".join(map(str, lies))


@for_every(PAGES)
def test_configs_of_a_page_load(path: Path, tmp_path: Path) -> None:
    """Every YAML block is a config that the loader accepts."""
    lies = config_lies(read_page(path), tmp_path)
    assert not lies, "\n".join(map(str, lies))


@for_every(PAGES)
def test_links_of_a_page_resolve(path: Path) -> None:
    """Files and headings that a page links to exist."""
    assert bad_links(path, ROOT) == []


@for_every(PAGES)
def test_commands_that_a_page_names_exist(path: Path) -> None:
    """Wherever a page writes `regtrain …`, command and options exist."""
    assert bad_commands(read_page(path)) == []


def test_every_page_is_reached_from_readme_and_index() -> None:
    """README and the index link to each page of docs/."""
    wanted = {path.resolve() for path in (ROOT / "docs").glob("*.md")} - {(ROOT / "docs/index.md").resolve()}
    for start in (ROOT / "README.md", ROOT / "docs/index.md"):
        linked = {(start.parent / link.partition("#")[0]).resolve() for link in read_page(start).links()}
        assert wanted <= linked, f"{start.name} does not link to {sorted(p.name for p in wanted - linked)}"


def test_table_of_spellings_is_that_of_the_loader() -> None:
    """docs/spellings.md is what the loader's tables give."""
    assert SPELLINGS.read_text(encoding="utf-8") == spellings(), "run `python tests/support/docs/spellings_page.py`"


@pytest.mark.parametrize("name", ["layers", "run"])
def test_pictures_are_as_drawn(name: str) -> None:
    """The SVG files are what docs/draw.py draws."""
    assert (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8") == pictures(ROOT)[name], "run docs/draw.py"


@pytest.mark.parametrize(
    ("folder", "left_out"),
    [("core/regtrain", {"templates", "testing"}), ("registry/regtrain_registry", {"testing"})],
)
def test_picture_of_the_layers_has_every_module(folder: str, left_out: set[str]) -> None:
    """Each module of core and registry stands in the picture, and nothing that is gone."""
    modules = {
        p.stem
        for p in (ROOT / folder).iterdir()
        if (p.is_dir() or p.suffix == ".py") and not p.name.startswith((".", "_"))
    }
    drawn = set(re.findall(r'class="code"[^>]*>([^<]+)<', (ROOT / "docs/layers.svg").read_text(encoding="utf-8")))
    assert modules - drawn == left_out
    every = {p.stem for top in ("core/regtrain", "registry/regtrain_registry") for p in (ROOT / top).iterdir()}
    assert drawn <= every
