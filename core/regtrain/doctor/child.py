"""`python -m regtrain.doctor.child TASK FD`: a check that runs code of other packages, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from regtrain.doctor import devices, storage, trackers
from regtrain.doctor.rows import Row, failed
from regtrain.errors import Guard

__all__ = ["TASKS", "main"]

TASKS: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Row]]] = {
    "devices": devices.find,
    "storage": storage.find,
    "tracker": trackers.find,
}


def main(task: str, descriptor: int, request: Mapping[str, Any]) -> None:
    rows: Sequence[Row] = ()
    with redirect_stdout(sys.stderr), Guard() as call:
        rows = TASKS[task](request)
    if call.problem is not None:
        rows = [failed(str(request.get("name", task)), call.problem)]
    with os.fdopen(descriptor, "w") as answer:
        json.dump([row.to_json() for row in rows], answer)
    os._exit(0)  # threads of a package may be waiting for something that never comes


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), json.load(sys.stdin))
