"""Versions of Python and of the packages, against what this release asks for."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata, version

from regtrain.doctor.rows import Row
from regtrain.host import Offer

__all__ = ["find", "python_row", "requirement_rows"]

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(>=\s*[0-9.]+)?")
_CLASSIFIER = "Programming Language :: Python :: "


def find() -> Sequence[Row]:
    """Rows `regtrain`, `python`, `torch` and `packages`."""
    ours = metadata("regtrain")
    lines = [line for line in ours.get_all("Requires-Dist") or () if "extra ==" not in line]
    classifiers = [line.removeprefix(_CLASSIFIER) for line in ours.get_all("Classifier") or ()]
    tried = [line for line in classifiers if re.fullmatch(r"3\.[0-9]+", line)]
    return [
        Row("regtrain", "ok", f"regtrain {ours['Version']}"),
        python_row(sys.version_info[:2], platform.python_version(), str(ours["Requires-Python"]), tried),
        *requirement_rows(lines),
    ]


def python_row(running: tuple[int, int], text: str, required: str, tried: Sequence[str]) -> Row:
    """`required`: as metadata write it, `>=3.11`; `tried`: the versions that this release was tested with."""
    least = _numbers(required)
    newest = max(map(_numbers, tried), default=running)
    if running < least:
        remedy = f"install Python {'.'.join(map(str, newest))} and make the environment anew"
        return Row("python", "failure", f"Python {text}, and regtrain needs {required}", remedy)
    if running > newest:
        message = f"Python {text} is newer than what this release was tested with ({', '.join(tried)})"
        return Row("python", "warning", message, f"if something fails, try Python {tried[-1]}")
    return Row("python", "ok", f"Python {text} on {platform.system()} {platform.machine()}")


def requirement_rows(lines: Sequence[str]) -> Iterator[Row]:
    """A row for torch, and one for all other packages."""
    wrong, count = [], 0
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found is None:
            continue
        name, least = found[1], (found[2] or "").replace(" ", "")
        problem = Offer("models", name, print, "", "", name + least).missing()
        if name.lower() == "torch":
            yield _torch_row(problem, name + least)
        else:
            count += 1
            wrong += [(problem, name + least)] if problem else []
    if wrong:
        what = "; ".join(problem for problem, _ in wrong)
        remedy = "pip install " + " ".join(f"'{requirement}'" for _, requirement in wrong)
        yield Row("packages", "failure", f"regtrain {what}", remedy)
    else:
        yield Row("packages", "ok", f"{count} others are installed, each in a version that is supported")


def _torch_row(problem: str, requirement: str) -> Row:
    if problem:
        return Row("torch", "failure", f"regtrain {problem}", f"pip install '{requirement}'")
    try:
        return Row("torch", "ok", f"torch {version('torch')}, at least {requirement.partition('>=')[2]} is needed")
    except PackageNotFoundError:  # removed meanwhile
        return Row("torch", "failure", "torch is not installed", f"pip install '{requirement}'")


def _numbers(text: str) -> tuple[int, int]:
    found = re.search(r"([0-9]+)\.([0-9]+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
