"""Optimizers of other packages: schedule-free ones and Lion."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import Any, ClassVar

import pytest

from regtrain.errors import EnvironmentFault
from regtrain.hookspecs import hookimpl
from regtrain.host import Host, PluginInfo, offers
from regtrain.host.loading import try_out
from regtrain.testing import OptimizerConformance, PluginConformance, plugin_points

SCHEDULE_FREE = "regtrain_plugins.optimizers.schedule_free"
LION = "regtrain_plugins.optimizers.lion"


class TestScheduleFreePlugin(PluginConformance):
    module = SCHEDULE_FREE
    provides: ClassVar = {"optimizers": ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree"]}
    without_torch = True


class TestLionPlugin(PluginConformance):
    module = LION
    provides: ClassVar = {"optimizers": ["Lion"]}
    without_torch = True


@pytest.mark.parametrize("optimizer", ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree"])
class TestScheduleFree(OptimizerConformance):
    module = SCHEDULE_FREE
    args: ClassVar = {"lr": 0.05}

    @pytest.fixture
    def name(self, optimizer: str) -> str:
        return optimizer


class TestLion(OptimizerConformance):
    module = LION
    offers = "Lion"
    args: ClassVar = {"lr": 0.01, "weight_decay": 0.01}


@pytest.mark.parametrize(
    ("found", "words"),
    [(None, "needs the package 'lion-pytorch', which is not installed"), ("0.0.6", "lion-pytorch 0.0.6 is installed")],
)
def test_a_missing_package_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, found: str | None, words: str
) -> None:
    """Before anything is planned: exit code 5, and the command that installs it. The list of plugins still shows it."""

    def version(name: str) -> str:
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr(offers, "version", version)
    host = Host(plugin_points({"lion": LION}))
    with pytest.raises(EnvironmentFault, match=words) as raised:
        host.offer("optimizers", "lion")
    assert raised.value.hint == "pip install 'lion-pytorch>=0.2'"
    assert [offer.name for offer in host.offers("optimizers")] == ["Lion"]


@pytest.mark.parametrize("requires", ["lion pytorch", "lion==1.0", "lion>=", 3])
def test_a_requirement_that_cannot_be_read_is_refused(requires: Any) -> None:
    """A plugin that says what it needs in another form is named and left out."""

    class Offering:
        @hookimpl
        def regtrain_register_optimizers(self, register: Any) -> None:
            register("Odd", dict, requires=requires)

    found, error = try_out(Offering(), PluginInfo("odd", "odd", "1"))
    assert not error
    assert "offers the optimizer 'Odd', which" in offers.fault_of(found)
