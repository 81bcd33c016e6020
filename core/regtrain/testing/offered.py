"""A plugin under test, reached by name through a host that holds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import Distribution, EntryPoint
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.host import GROUP, Host
from regtrain.types import Kind

__all__ = ["Offered", "plugin_points"]


class _InMemory(Distribution):
    """A distribution that is not installed: only its metadata are asked for."""

    def __init__(self, name: str, version: str, plugins: Mapping[str, str]) -> None:
        points = "\n".join(f"{plugin} = {place}" for plugin, place in plugins.items())
        self._texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "entry_points.txt": f"[{GROUP}]\n{points}\n",
        }

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: str | PathLike[str]) -> Path:
        return Path(path)


def plugin_points(
    plugins: Mapping[str, str], distribution: str = "under-test", version: str = "0.0"
) -> list[EntryPoint]:
    """Entry points for a host of its own, as an installed distribution would have them.

    `plugins` maps the plugin's name to its module, or to `module:object`:
    `Host(plugin_points({"signum": "regtrain_signum.optimizer"}))`.
    """
    return list(_InMemory(distribution, version, plugins).entry_points)


class Offered:
    """What all conformance classes of one offer need: the module of the plugin, and the name that it offers."""

    module: ClassVar[str]
    """The plugin as its entry point says it: `package.module` or `package.module:object`."""
    offers: ClassVar[str]
    """The name under test."""
    args: ClassVar[Mapping[str, Any]] = {}
    """Arguments as a config would give them."""
    kind: ClassVar[Kind]

    @pytest.fixture
    def name(self) -> str:
        """The name under test; override it with a parametrized fixture to test several."""
        return self.offers

    @pytest.fixture
    def host(self) -> Host:
        host = Host(plugin_points({"under-test": self.module}))
        broken = [info.error for info in host.plugins if info.error]
        assert not broken, broken[0]
        return host

    @pytest.fixture
    def factory(self, host: Host, name: str) -> Callable[..., Any]:
        factory: Callable[..., Any] = host.offer(self.kind, name).factory
        return factory

    def test_it_is_found_in_any_letter_case(self, host: Host, name: str) -> None:
        """A config may spell the name in lower or upper case."""
        spellings = {host.offer(self.kind, spelling).name for spelling in (name, name.lower(), name.upper())}
        assert len(spellings) == 1
