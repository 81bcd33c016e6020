"""The commands of SLURM and LSF, and whether they answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence

from regtrain.doctor.rows import Row

__all__ = ["SECONDS", "find"]

# Commands that a launcher needs, and one that asks the controller; the launcher's name in a config.
CLUSTERS = {
    "slurm": (("sbatch", "srun", "squeue", "scancel"), ("scontrol", "ping")),
    "lsf": (("bsub", "bjobs", "bkill"), ("lsid",)),
}
SECONDS = 8.0


def find(launcher: str | None) -> Sequence[Row]:
    """A row for each kind of cluster; `launcher`: what the config asks for."""
    return [row for name in CLUSTERS for row in _rows(name, wanted=(launcher or "").lower() == name)]


def _rows(name: str, *, wanted: bool) -> Iterator[Row]:
    commands, asking = CLUSTERS[name]
    missing = [command for command in commands if shutil.which(command) is None]
    if len(missing) == len(commands):
        remedy = "submit from a login node, or take another launcher" if wanted else ""
        yield Row(name, "failure" if wanted else "ok", f"not on this machine: no {', '.join(missing)}", remedy)
    elif missing:
        yield Row(name, "warning", f"without {', '.join(missing)}", "put all of its commands on PATH")
    else:
        problem = _asked(asking)
        if problem:
            yield Row(
                name,
                "failure" if wanted else "warning",
                f"its commands are here, and {problem}",
                "ask the administrators of the cluster",
            )
        else:
            yield Row(name, "ok", f"{', '.join(commands)} are here, and it answers")


def _asked(argv: Sequence[str]) -> str:
    """What is wrong with the answer; empty where it is right."""
    shown = " ".join(argv)
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"`{shown}` does not answer within {SECONDS:g} seconds"
    except OSError as problem:
        return f"`{shown}` cannot be run: {problem.strerror}"
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return f"`{shown}` says: {lines[-1] if lines else f'exit code {done.returncode}'}"
    return ""
