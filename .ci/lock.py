"""`make lock` writes constraints.txt: the newest version of every package that development needs, as pip resolves them.

torch stays where constraints.txt has it: a build for one machine (`2.13.0+cpu`) is none for another, and another torch
is a change of its own. To raise it, edit its line and run `make lock`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "constraints.txt"
HEAD = "# Made by `make lock`: every package of the extras and of the group dev. torch is raised by hand.\n"


def resolved(torch: str) -> dict[str, str]:
    """Names → versions that pip would install into an empty environment, with this torch."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), torch, "pip", "--editable", f".[{','.join(extras)}]", "--group", "dev"]
        subprocess.run(command, check=True, cwd=ROOT)
        found = [one["metadata"] for one in json.loads(report.read_text(encoding="utf-8"))["install"]]
    return {re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"] for one in found}


def main() -> None:
    torch = next(line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("torch=="))
    versions = resolved(torch) | {"torch": torch.removeprefix("torch==")}
    del versions["regtrain"]
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    LOCK.write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
