"""constraints.txt pins all that development needs, and holds nothing of the machine where it was made."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))


def wanted() -> list[Requirement]:
    """What pyproject.toml names: for the package, its extras, development and the build."""
    parts = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        PROJECT["dependency-groups"]["dev"],
        PROJECT["build-system"]["requires"],
    ]
    return [Requirement(line) for part in parts for line in part]


def required_by(requirement: Requirement) -> Iterator[Requirement]:
    """What an installed package needs here, if it is the version of the lock."""
    try:
        installed = distribution(requirement.name)
    except PackageNotFoundError:
        return
    if installed.version != PINS.get(canonicalize_name(requirement.name)):
        return  # another version may need other packages
    for line in installed.requires or ():
        needed = Requirement(line)
        extras = requirement.extras or {""}
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            yield needed


def test_every_line_is_a_name_and_a_version() -> None:
    """In order, none twice; no URL, no path, no option, no build of one machine (`+cpu`)."""
    pins = [line for line in LINES if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", line)] == []
    assert pins == sorted(set(pins), key=lambda line: line.split("==")[0])
    assert len(PINS) == len(pins)


def test_every_package_is_pinned_within_its_range() -> None:
    """What pyproject.toml names, and what that needs in turn, each at a version that its ranges allow."""
    pending, seen, faults = wanted(), set(), []
    while pending:
        requirement = pending.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        pin = PINS.get(canonicalize_name(requirement.name))
        if pin is None:
            faults.append(f"{requirement} is not pinned")
        elif not requirement.specifier.contains(pin, prereleases=True):
            faults.append(f"{requirement} does not allow {pin}")
        pending.extend(required_by(requirement))
    assert sorted(faults) == []
    assert len(seen) > 100


def test_development_has_every_extra() -> None:
    """`make setup` installs the group dev and the extra `datasets`: no other extra needs a package that is in neither."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [line for name, part in extras.items() if name != "datasets" for line in part]
    assert sorted(set(lines) - set(PROJECT["dependency-groups"]["dev"])) == []
