"""What every plugin owes, whatever it offers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from importlib.metadata import EntryPoint
from typing import ClassVar

from regtrain.host import Host, PluginInfo, installed
from regtrain.testing.offered import plugin_points
from regtrain.types import Kind

__all__ = ["PluginConformance"]


class PluginConformance:
    """The plugin loads, offers what it says, takes no name of another, and listens to hooks that exist.

    ```python
    class TestPlugin(PluginConformance):
        module = "regtrain_signum.optimizer"
        provides = {"optimizers": ["Signum"]}
    ```

    `without_torch = True` holds the plugin to more: importing it must not load torch, so that `regtrain plugins list`
    and `--help` stay quick for everyone who has it installed.
    """

    module: ClassVar[str]
    provides: ClassVar[Mapping[Kind, Collection[str]]] = {}
    listens: ClassVar[Collection[str]] = ()
    without_torch: ClassVar[bool] = False

    def _points(self) -> list[EntryPoint]:
        return plugin_points({"under-test": self.module})

    def _info(self, host: Host) -> PluginInfo:
        return next(info for info in host.plugins if info.name == "under-test")

    def test_it_loads(self) -> None:
        """A host takes the plugin whole."""
        assert self._info(Host(self._points())).error == ""

    def test_it_provides_what_it_says(self) -> None:
        """The plugin offers the names in `provides` and no others, and listens to `listens`."""
        info = self._info(Host(self._points()))
        assert {kind: sorted(names) for kind, names in info.provides.items()} == {
            kind: sorted(names) for kind, names in self.provides.items()
        }
        assert sorted(info.listens) == sorted(self.listens)

    def test_its_names_are_free(self) -> None:
        """No other installed plugin offers a name that this one offers."""
        others = [point for point in installed({}) if point.value != self.module]
        info = self._info(Host([*others, *self._points()]))
        assert (info.error, info.clashes) == ("", ())

    def test_importing_it_loads_no_torch(self) -> None:
        """Importing the plugin, and asking it what it offers, leaves torch alone (checked with `without_torch`)."""
        if not self.without_torch:
            return
        code = (
            "import sys; from importlib.metadata import EntryPoint; from regtrain.host import GROUP, Host\n"
            f"info = Host([EntryPoint('under-test', {self.module!r}, GROUP)]).plugins[0]\n"
            "sys.exit(info.error or ('importing it loads torch' if 'torch' in sys.modules else 0))"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
