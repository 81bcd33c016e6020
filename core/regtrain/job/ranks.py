"""The processes of a run: which of them this one is, and what each notes when it fails."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regtrain.bounded import parse_json, read_bounded
from regtrain.errors import ConfigValueError
from regtrain.job.making import Job, make
from regtrain.run_dir import RunDir
from regtrain.run_dir.codec import write_json
from regtrain.types import Plan, Strategy

__all__ = ["first_failure", "open_strategy", "rank_of"]

MAX_BYTES = 1 << 20  # of the note of a rank


def rank_of(plan: Plan, environ: Mapping[str, str] = os.environ) -> int:
    """The rank of this process, before the strategy knows it."""
    return int(environ.get("RANK", "0")) if plan.resources.processes > 1 else 0


def open_strategy(job: Job, environ: Mapping[str, str] = os.environ) -> Strategy:
    """The strategy of the plan, in as many processes as were planned.

    Raises:
        ConfigValueError: there are more or fewer processes.
    """
    planned, found = job.plan.resources.processes, int(environ.get("WORLD_SIZE", "1"))
    if found != planned:
        raise ConfigValueError(
            f"the run is planned for {planned} processes, and WORLD_SIZE is {environ.get('WORLD_SIZE', 'not set')}",
            f"start it with `regtrain run CONFIG --nproc {max(found, planned)}`, or unset WORLD_SIZE",
        )
    keys = job.config.distributed
    args = {"backend": keys.backend} if keys.backend else {}
    factory = job.host.offer("strategies", job.plan.strategy).factory
    origin = f"strategy {job.plan.strategy}"
    return make(lambda **a: factory(job.device, **a), args, origin, "distributed")  # type: ignore[no-any-return]


def first_failure(run_dir: RunDir, plan: Plan, error: dict[str, Any]) -> dict[str, Any]:
    """Note the failure of this process as logs/rank-N.failure.json; the earliest of all that are noted so far."""
    rank, folder = rank_of(plan), run_dir.logs(plan.config)
    mine = {**error, "rank": rank, "time": time.time()}
    with contextlib.suppress(OSError):
        write_json(folder / f"rank-{rank}.failure.json", mine)
    noted = [value for path in sorted(folder.glob("rank-*.failure.json")) if (value := _read(path))]
    first = min((mine, *noted), key=lambda value: float(value["time"]))
    if first["rank"] == rank:
        return error
    names = ("code", "hint", "exit_code", "trace")
    return {"message": f"rank {first['rank']}: {first['message']}", **{name: first[name] for name in names}}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = parse_json(read_bounded(path, MAX_BYTES))
        return {**value, "time": float(value["time"]), "rank": int(value["rank"]), "exit_code": int(value["exit_code"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
