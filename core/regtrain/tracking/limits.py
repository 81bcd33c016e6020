"""Time limits of trackers, and the messages to a forwarder."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["END", "LEAVE", "closing_seconds", "idle_seconds"]

END, LEAVE = b"end\n", b"leave\n"  # the run has ended; its job continues elsewhere

CLOSING = 10.0  # seconds for all trackers of a run that has ended
IDLE = 3  # times as long, where trackers are sent what they missed: without a sign of any of them


def closing_seconds(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds that the end of a run waits for its trackers; REGTRAIN_TRACKER_SECONDS changes them."""
    text = environ.get("REGTRAIN_TRACKER_SECONDS", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else CLOSING


def idle_seconds(environ: Mapping[str, str] = os.environ) -> float:
    return IDLE * closing_seconds(environ)
