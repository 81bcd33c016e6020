"""What happened in a run, as JSON lines: logs/events.jsonl."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

__all__ = ["Events"]


class Events:
    """Appends one object a line: `time` (seconds since the epoch), `event`, and its facts."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self._path = path
        self._writes = writes

    def write(self, event: str, **facts: Any) -> None:
        """Rare, so the file is opened for each: nothing to close, and a reader sees whole lines."""
        if not self._writes:
            return
        line = json.dumps({"time": time.time(), "event": event, **facts}, default=str)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
