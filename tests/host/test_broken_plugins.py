"""A broken plugin is named with its distribution, left out whole, and stops only who asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regtrain.errors import PluginError, UnknownNameError
from regtrain.host import Host, Offer, PluginInfo, not_installed
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


def test_a_name_that_two_plugins_offer(host_with: Callable[..., Host]) -> None:
    """A run says which it takes; what ships with regtrain is no exception, and neither package loses its other names."""
    rival = Package(
        "aaa",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_optimizers(register):\n    register('sgd', print)",
    )
    host = host_with(rival, GOOD)
    with pytest.raises(PluginError) as caught:
        host.offer("optimizers", "SGD")
    assert "plugin 'optimizers-torch' of regtrain and plugin 'aaa' of aaa" in caught.value.message
    assert caught.value.hint == "say which one: aaa:sgd or regtrain:SGD"
    for asked, distribution, name in (("regtrain:sgd", "regtrain", "regtrain:SGD"), ("AAA:SGD", "aaa", "aaa:sgd")):
        found = host.offer("optimizers", asked)
        assert (found.distribution, found.name) == (distribution, name)
    assert {"regtrain:SGD", "aaa:sgd", "Adam"} < set(host.names("optimizers"))
    assert host.offer("models", rival.model).distribution == "aaa"
    assert [info.error for info in host.plugins if info.error] == []
    assert info_of(host, rival).clashes == ("optimizer 'SGD' is also offered by plugin 'optimizers-torch' of regtrain",)
    ours = next(info for info in host.plugins if info.name == "optimizers-torch")
    assert ours.clashes == ("optimizer 'sgd' is also offered by plugin 'aaa' of aaa",)


def test_a_distribution_that_offers_a_name_twice(host_with: Callable[..., Host]) -> None:
    """There is no word for one of two plugins of the same distribution: both are named, with what can be done."""
    host = host_with(Package("twin", OFFERS_MODEL))
    for number in (1, 2):
        offer = Offer("models", "same", print, f"twin-{number}", "twin")
        host._offers.setdefault(("models", "same"), []).append(offer)
    for asked in ("same", "twin:same"):
        with pytest.raises(PluginError, match="plugin 'twin-1' of twin and plugin 'twin-2' of twin") as caught:
            host.offer("models", asked)
        assert "REGTRAIN_LOAD_PLUGINS" in caught.value.hint


def test_a_qualified_name_of_another_distribution_is_unknown(host_with: Callable[..., Host]) -> None:
    """Naming the wrong distribution finds nothing, and offers what there is."""
    with pytest.raises(UnknownNameError, match="no optimizer is called 'good-package:SGD'; nearest: "):
        host_with(GOOD).offer("optimizers", "good-package:SGD")


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
    """REGTRAIN_LOAD_PLUGINS names plugins or distributions; those of others are not imported, regtrain's own always."""
    ours = {info.name for info in Host().plugins}
    host_with(GOOD, BROKEN[0], Package("two-words", OFFERS_MODEL, plugin="its_plugin"))
    found = {}
    for wanted in ("good-package, nowhere", "Two_Words", "its.plugin", "", " , "):
        monkeypatch.setenv("REGTRAIN_LOAD_PLUGINS", wanted)
        found[wanted] = {info.name for info in Host().plugins} - ours
        assert ours <= {info.name for info in Host().plugins}
    assert found == {
        "good-package, nowhere": {"good-package"},
        "Two_Words": {"its_plugin"},
        "its.plugin": {"its_plugin"},
        "": set(),
        " , ": set(),
    }
    monkeypatch.setenv("REGTRAIN_LOAD_PLUGINS", "good-package, nowhere")
    assert not_installed() == ["nowhere"]


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
    assert "LEFT OUT: offers the optimizer 'regtrain:adamw'" in " ".join(table.stdout.split())
    helped = regtrain(site, "--help")
    assert helped.returncode == 0, helped.stderr
    assert "Plugins: list" in helped.stdout
