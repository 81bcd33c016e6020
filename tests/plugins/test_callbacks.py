"""The callback that ships: the progress of a run."""

from __future__ import annotations

from typing import ClassVar

import pytest

from regtrain.testing import CallbackConformance, PluginConformance

PROGRESS = "regtrain_plugins.callbacks.progress"


class TestProgressPlugin(PluginConformance):
    module = PROGRESS
    provides: ClassVar = {"callbacks": ["progress"]}
    without_torch = True


class TestLines(CallbackConformance):
    module = PROGRESS
    offers = "progress"
    shows = "all"


class TestBar(CallbackConformance):
    module = PROGRESS
    offers = "progress"
    interactive = True
    shows = "newest"

    @pytest.fixture(autouse=True)
    def wide_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("FORCE_COLOR", "1")  # so that every refresh is drawn, as in a terminal
