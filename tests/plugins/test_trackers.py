"""The tracker that ships: lines of text."""

from __future__ import annotations

from typing import ClassVar

from regtrain.testing import PluginConformance, TrackerConformance

LINES = "regtrain_plugins.trackers.lines"


class TestLinesPlugin(PluginConformance):
    module = LINES
    provides: ClassVar = {"trackers": ["lines"]}
    without_torch = True


class TestLines(TrackerConformance):
    module = LINES
    offers = "lines"
