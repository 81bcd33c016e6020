"""Names and versions of installed packages, read without parsing all of their metadata."""

from __future__ import annotations

from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path

import pytest

from regtrain.packages import identity_of, installed_versions


def test_they_are_what_the_metadata_say() -> None:
    """Of every package that is installed here."""
    known = (one.metadata for one in distributions())
    assert installed_versions() == {one["Name"]: one["Version"] for one in known if one["Name"]}


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("Metadata-Version: 2.1\nName: a-b\nVersion: 1.0\n\nName: in the text\n", ("a-b", "1.0")),
        ("Name: a\r\nVersion: 1\r\n\r\nVersion: 2\r\n", ("a", "1")),
        ("version: 3\nNAME:\tb \n", ("b", "3")),
        ("Summary: half\n\nName: c\n", ("", "")),
        ("", ("", "")),
    ],
)
def test_only_the_head_counts(text: str, identity: tuple[str, str], tmp_path: Path) -> None:
    """A description may hold anything; an interrupted install leaves nothing."""
    folder = tmp_path / "x-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(text.encode())
    found: Distribution = PathDistribution(folder)
    assert identity_of(found) == identity
