"""`regtrain plugins show`: what a plugin offers, with signatures and documentation, and what an offered name is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli.projects import Project
from support.host.packages import Package

CODE = '''
class Notes:
    """Notes in a file.

    More about it.
    """
    def __init__(self, path: str = "notes.txt", *, size: "int" = 3) -> None: ...

class Lazy:
    def __call__(self): ...
    @property
    def __wrapped__(self):
        return Notes

class Broken:
    def __call__(self): ...
    @property
    def __signature__(self):
        raise SystemExit("licence expired")

@hookimpl
def regtrain_register_trackers(register):
    register("Notes", Notes, requires="not-there-at-all>=2", traits={"remote": True})
    register("lazy", Lazy())
    register("broken", Broken())
    register("lines", print)

@hookimpl
def regtrain_register_commands(register):
    register("notes", lambda: None)
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    Package("note-taker", CODE, plugin="notebook").install(site)
    yield Project(tmp_path)
    sys.modules.pop("note_taker", None)


def test_a_plugin_is_shown_with_what_it_offers(project: Project) -> None:
    """Signature, first paragraph, requirement with what is missing, and traits; a factory that cannot be asked is no error."""
    shown = project("plugins", "show", "notebook", "--json").json()
    assert (shown["name"], shown["distribution"], shown["version"]) == ("notebook", "note-taker", "1.2.3")
    assert shown["clashes"] == ["tracker 'lines' is also offered by plugin 'trackers-lines' of regtrain"]
    offers = {offer["name"]: offer for offer in shown["offers"]}
    assert list(offers) == ["broken", "lazy", "note-taker:lines", "Notes", "notes"]
    notes = offers["Notes"]
    assert notes["signature"] == "(path: str = 'notes.txt', *, size: int = 3)"
    assert notes["doc"] == "Notes in a file.\n\nMore about it."
    assert notes["missing"] == "needs the package 'not-there-at-all', which is not installed"
    assert (notes["traits"], notes["source"]) == ({"remote": True}, "note_taker:Notes")
    assert offers["lazy"]["signature"] == notes["signature"]
    assert offers["broken"]["signature"] is None
    text = project("plugins", "show", "notebook").out
    for line in (
        "tracker Notes(path: str = 'notes.txt', *, size: int = 3)",
        "    Notes in a file.",
        "    requires not-there-at-all>=2 (MISSING)",
        "    traits remote: True",
        "tracker broken(…)",
    ):
        assert line in text.splitlines()


def test_an_offered_name_is_shown(project: Project) -> None:
    """A name in any letter case shows every offer of it, of all kinds and plugins; a distribution before it chooses."""
    both = project("plugins", "show", "NOTES", "--json").json()["offers"]
    assert [(offer["kind"], offer["name"]) for offer in both] == [("trackers", "Notes"), ("commands", "notes")]
    rivals = project("plugins", "show", "lines", "--json").json()["offers"]
    assert [offer["name"] for offer in rivals] == ["note-taker:lines", "regtrain:lines"]
    (ours,) = project("plugins", "show", "regtrain:lines", "--json").json()["offers"]
    assert ours["doc"].startswith("Appends")
    wide = project("plugins", "show", "AdamW").out.splitlines()
    assert wide[0] == "optimizer AdamW("
    assert "        betas: tuple[float | torch.Tensor, float | torch.Tensor] = (0.9, 0.999)," in wide


def test_a_name_that_nobody_offers(project: Project) -> None:
    """The error names the nearest plugins and offers."""
    for asked, near in (("notebok", "notebook"), ("AdamWW", "AdamW"), ("regtrain:Adm", "Adam")):
        wrong = project("plugins", "show", asked)
        assert (wrong.code, near in wrong.err) == (2, True), wrong.err
