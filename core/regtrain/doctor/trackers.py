"""Trackers: whether they can be made from the config, and what they say of credentials and server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regtrain.doctor.rows import Row
from regtrain.host import Host, installed

__all__ = ["find", "installed_rows"]


def find(request: Mapping[str, Any]) -> Sequence[Row]:
    """The row of one tracker of a config: its `name`, and `args` as the config gives them.

    Plugins in `left_out` are not imported: one that hangs is not the fault of this tracker.
    """
    host = Host(point for point in installed() if point.name not in request["left_out"])
    tracker = host.offer("trackers", request["tracker"]).factory(**request["args"])
    check = getattr(tracker, "check", None)
    if check is None:
        return [Row(request["name"], "ok", "can be made; it has no check of its own")]
    return [Row(request["name"], "ok", str(check()))]


def installed_rows(host: Host) -> Sequence[Row]:
    """Without a config nothing is asked of a tracker: it may be for a server that nobody has named."""
    rows = []
    for offer in host.offers("trackers"):
        missing = offer.missing()
        message = (
            f"not configured, and {missing}" if missing else "not configured; a CONFIG that names it has it checked"
        )
        rows.append(Row(f"tracker {offer.name}", "ok", message, f"pip install '{offer.requires}'" if missing else ""))
    return rows
