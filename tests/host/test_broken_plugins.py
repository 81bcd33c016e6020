"""A broken plugin is named with its distribution, left out whole, and stops only who asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regtrain.errors import PluginError, UnknownNameError
from regtrain.host import Host, PluginInfo
from support.host.packages import BROKEN, GOOD, OFFERS_MODEL, Package, regtrain

names = pytest.mark.parametrize("package", BROKEN, ids=lambda package: package.name)


def info_of(host: Host, package: Package) -> PluginInfo:
    return next(info for info in host.plugins if info.distribution == package.name)


@names
def test_it_is_named_and_left_out(package: Package, host_with: Callable[..., Host]) -> None:
    """The report has plugin, distribution, version and fault; nothing it offers is on offer; all others are."""
    host = host_with(package, GOOD)
    info = info_of(host, package)
    assert package.word in info.error
    assert "\n" not in info.error
    assert (info.name, info.version, info.provides) == (package.plugin or package.name, "1.2.3", {})
    assert package.model not in host.names("models")
    assert [other.name for other in host.plugins if other.error] == [info.name]
    assert host.offer("models", GOOD.model).distribution == "good-package"
    assert host.offer("optimizers", "SGD").distribution == "regtrain"


@names
def test_who_asks_for_it_is_told(package: Package, host_with: Callable[..., Host]) -> None:
    """Asking for what it offers is an error that names plugin, distribution and fault.

    What a plugin offers that cannot even be imported is not known: its fault is then in the hint.
    """
    host = host_with(package)
    with pytest.raises(PluginError if package.offers else UnknownNameError) as caught:
        host.offer("models", package.model.upper())
    text = str(caught.value)
    assert package.word in text
    assert package.name in text
    assert caught.value.exit_code == 2


@names
def test_others_are_still_told(package: Package, host_with: Callable[..., Host]) -> None:
    """A plugin that was left out hears nothing, and no listener of another is lost with it."""
    before = {info.name: info.listens for info in Host().plugins}
    host = host_with(package)
    after = {info.name: info.listens for info in host.plugins if not info.error}
    assert after == before
    heard = [
        info.name for hook in ("regtrain_run_planned", "regtrain_run_finished") for info, _ in host._listeners(hook)
    ]
    assert sorted(heard) == sorted(name for name, hooks in before.items() if "regtrain_run_planned" in hooks)


def test_an_unknown_name_is_not_blamed_on_a_broken_plugin(host_with: Callable[..., Host]) -> None:
    """A typing error is answered with the nearest name, and the plugin that was left out is only mentioned."""
    host = host_with(BROKEN[0])
    with pytest.raises(UnknownNameError, match="nearest: AdamW") as caught:
        host.offer("optimizers", "AdamWW")
    assert "import-raises" in caught.value.hint


def test_ours_come_first(host_with: Callable[..., Host]) -> None:
    """A package whose name sorts before ours does not take a name that ships with regtrain: the run has to say which."""
    taker = Package("aaa", "@hookimpl\ndef regtrain_register_optimizers(register):\n    register('SGD', print)")
    host = host_with(taker)
    with pytest.raises(
        PluginError, match=r"'SGD' is offered by plugin .* of regtrain and by plugin 'aaa' of aaa"
    ) as caught:
        host.offer("optimizers", "sgd")
    assert "regtrain:SGD" in caught.value.hint
    found = host.offer("optimizers", "regtrain:sgd")
    assert (found.distribution, found.name) == ("regtrain", "regtrain:SGD")
    with pytest.raises(PluginError, match="left out"):
        host.offer("optimizers", "aaa:sgd")
    assert "already taken" in info_of(host, taker).error


def test_two_packages_with_one_name(host_with: Callable[..., Host]) -> None:
    """Of two packages that offer the same name, the one that sorts first is loaded, and a run that asks for it is told."""
    first, second = (Package(name, OFFERS_MODEL.replace("MODEL", "shared")) for name in ("one-first", "two-second"))
    host = host_with(second, first)
    with pytest.raises(PluginError, match=r"one-first and by plugin .* of two-second"):
        host.offer("models", "shared")
    assert host.offer("models", "one-first:shared").distribution == "one-first"
    assert "already taken by plugin 'one-first' of one-first" in info_of(host, second).error


def test_metadata_that_an_interrupted_install_left(site: Path, host_with: Callable[..., Host]) -> None:
    """A distribution without METADATA is shown with question marks, and its plugin works."""
    GOOD.install(site)
    (site / "good_package-1.2.3.dist-info" / "METADATA").unlink()
    host = host_with()
    offer = host.offer("models", GOOD.model)
    assert offer.distribution == "?"
    assert next(info.version for info in host.plugins if info.name == offer.plugin) == "?"


def test_ctrl_c_is_no_broken_plugin(host_with: Callable[..., Host]) -> None:
    """A person who presses Ctrl-C while plugins load is heard."""
    with pytest.raises(KeyboardInterrupt):
        _ = host_with(Package("interrupted", "raise KeyboardInterrupt")).plugins


def test_only_those_that_are_wanted_are_loaded(monkeypatch: pytest.MonkeyPatch, host_with: Callable[..., Host]) -> None:
    """REGTRAIN_LOAD_PLUGINS names the plugins to load; the others are not imported."""
    monkeypatch.setenv("REGTRAIN_LOAD_PLUGINS", "good-package, optimizers-torch")
    host = host_with(GOOD, BROKEN[0])
    assert sorted(info.name for info in host.plugins) == ["good-package", "optimizers-torch"]


@pytest.mark.slow
def test_the_command_line_lives_with_all_of_them(site: Path) -> None:
    """With every broken package installed, help and lists exit 0, and standard output holds one JSON document."""
    for package in (*BROKEN, GOOD, Package("loud", "print('hello from an import')" + OFFERS_MODEL)):
        package.install(site)
    listed = regtrain(site, "plugins", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert "hello from an import" in listed.stderr
    found = json.loads(listed.stdout)
    by_distribution = {one["distribution"]: one for one in found if one["distribution"] != "regtrain"}
    assert len(by_distribution) == len(BROKEN) + 2
    assert [one["error"] for one in found if one["distribution"] == "regtrain" and one["error"]] == []
    for package in BROKEN:
        assert package.word in by_distribution[package.name]["error"]
        assert by_distribution[package.name]["version"] == "1.2.3"
    assert by_distribution["good-package"]["error"] is None
    assert by_distribution["good-package"]["provides"] == {"models": ["from-good-package"]}
    table = regtrain(site, "plugins", "list")
    assert table.returncode == 0
    assert "LEFT OUT: offers the optimizer 'adamw'" in " ".join(table.stdout.split())
    helped = regtrain(site, "--help")
    assert helped.returncode == 0, helped.stderr
    assert "Installed plugins" in helped.stdout
