"""Plugins that listen: one that objects refuses a run, one that fails while it is told stops nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from regtrain.errors import PluginError
from regtrain.host import Host
from regtrain.host.survey import survey
from regtrain.types import Alert, CheckpointEvent, Plan, RunEvent, VersionEvent
from regtrain.types.config import Config, Optimizer
from support.host.packages import OFFERS_MODEL, Package, regtrain

PLANNED = Config(optimizer=Optimizer(name="SGD"))
VERSION = VersionEvent("model", "1.0.0", 1, "sha256:0", "run-1")
RUN = RunEvent("run-1", "run", Path("run-1"), "finished", {"val/loss": 0.5})
ALERT = Alert("run-1", "not_finite", "error", "loss is NaN")
CHECKPOINT = CheckpointEvent("run-1", Path("step-1"), 1, 1, {})

REFUSES = Package("refuser", "@hookimpl\ndef regtrain_run_planned(plan):\n    raise ValueError('not on a Friday')")
TELLS: dict[str, Callable[[Host], list[str]]] = {
    "regtrain_version_registered(version)": lambda host: host.version_registered(VERSION),
    "regtrain_run_finished(run)": lambda host: host.run_finished(RUN),
    "regtrain_checkpoint_saved(checkpoint)": lambda host: host.checkpoint_saved(CHECKPOINT),
    "regtrain_alert(alert)": lambda host: host.alert(ALERT),
    "regtrain_run_started(run)": lambda host: host.run_started(RUN),
}
CONFIG = """
model: {name: mlp, in_features: 64, out_features: 10, hidden: [8]}
data: {name: digits}
training: {epochs: 1, batch_size: 256}
optimizer: {name: SGD, lr: 0.1}
"""


def listener(name: str, signature: str, body: str) -> Package:
    return Package(name, f"heard = []\n@hookimpl\ndef {signature}:\n    {body}")


@pytest.mark.parametrize("raised", ["ValueError('no')", "SystemExit('no')", "GeneratorExit('no')"])
def test_a_plugin_can_refuse_a_run(raised: str, host_with: Callable[..., Host]) -> None:
    """What a plugin raises when a run is planned becomes an error that names it."""
    host = host_with(listener("refuser", "regtrain_run_planned()", f"raise {raised}"))
    plan = Plan("run-1", "run", "model", PLANNED, PLANNED, Path())
    with pytest.raises(PluginError, match="plugin 'refuser' of refuser refused the run: no"):
        host.run_planned(plan)


@pytest.mark.parametrize("signature", TELLS)
@pytest.mark.parametrize("raised", ["RuntimeError('wire cut')", "SystemExit('wire cut')", "GeneratorExit('wire cut')"])
def test_who_fails_is_named_and_stops_nobody(signature: str, raised: str, host_with: Callable[..., Host]) -> None:
    """A listener that raises gives one line with plugin and hook; the listeners before and after it are told."""
    hears = "heard.append(1)"
    host = host_with(
        listener("a-hears", signature, hears),
        listener("b-fails", signature, f"raise {raised}"),
        listener("c-hears", signature, hears),
    )
    lines = TELLS[signature](host)
    assert len(lines) == 1
    hook = signature.partition("(")[0]
    assert lines[0].startswith(f"plugin 'b-fails' of b-fails failed in {hook}: ")
    assert "wire cut" in lines[0]
    for name in ("a-hears", "c-hears"):
        assert host._plugins.get_plugin(name).heard == [1]  # type: ignore[union-attr]


def test_the_right_distribution_is_blamed(host_with: Callable[..., Host]) -> None:
    """Where a second plugin of the same name was left out, a fault of the first is not put down to it."""
    first, second = (
        Package(name, "@hookimpl\ndef regtrain_run_finished():\n    raise ValueError('no')", plugin="watch")
        for name in ("one-first", "two-second")
    )
    lines = host_with(first, second).run_finished(RUN)
    assert [line.partition(" failed")[0] for line in lines] == ["plugin 'watch' of one-first"]


def test_a_listener_takes_what_it_asks_for(host_with: Callable[..., Host]) -> None:
    """A hook with two arguments may be implemented with either, both or none of them."""
    signatures = (
        "regtrain_version_promoted()",
        "regtrain_version_promoted(stage)",
        "regtrain_version_promoted(stage, version)",
    )
    packages = [
        listener(f"takes-{n}", signature, "heard.append(locals().copy())") for n, signature in enumerate(signatures)
    ]
    host = host_with(*packages)
    assert len(host.version_promoted(VERSION, "production")) == 3
    heard = [host._plugins.get_plugin(package.name).heard[0] for package in packages]  # type: ignore[union-attr]
    assert heard == [{}, {"stage": "production"}, {"stage": "production", "version": VERSION}]


def test_a_listener_may_be_a_method(host_with: Callable[..., Host]) -> None:
    """An entry point may name an object; its methods are its hooks."""
    code = "class Journal:\n    heard = []\n    @hookimpl\n    def regtrain_run_finished(self, run):\n        self.heard.append(run)\n"
    host = host_with(Package("methods", code + "journal = Journal()\n", value="methods:journal"))
    assert host.run_finished(RUN) == []
    assert host._plugins.get_plugin("methods").heard == [RUN]  # type: ignore[union-attr]
    assert next(info.listens for info in host.plugins if info.name == "methods") == ("regtrain_run_finished",)


@pytest.mark.slow
def test_a_refused_run_leaves_nothing(site: Path, tmp_path: Path) -> None:
    """`regtrain run` exits with 2, names the plugin and what it said, and creates no run folder."""
    REFUSES.install(site)
    (tmp_path / "run.yaml").write_text(CONFIG)
    done = regtrain(site, "run", "run.yaml", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "plugin 'refuser' of refuser refused the run: not on a Friday" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.yaml", "site"]
    allowed = regtrain(site, "run", "run.yaml", "--json", cwd=tmp_path)
    assert json.loads(allowed.stderr)["error"]["code"] == "plugin"


@pytest.mark.slow
def test_failing_listeners_spoil_no_run(site: Path, tmp_path: Path) -> None:
    """A run whose every event makes a plugin fail is trained and registered; each failure is a warning."""
    hooks = [signature.partition("(")[0] for signature in TELLS if "alert" not in signature]
    code = "".join(f"@hookimpl\ndef {hook}():\n    raise RuntimeError('wire cut')\n" for hook in hooks)
    Package("all-thumbs", code).install(site)
    (tmp_path / "run.yaml").write_text(CONFIG)
    done = regtrain(site, "run", "run.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == "1.0.0"
    for hook in hooks:
        assert f"plugin 'all-thumbs' of all-thumbs failed in {hook}: RuntimeError('wire cut')" in done.stderr


def test_calls_can_be_traced(
    host_with: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """REGTRAIN_TRACE_PLUGINS prints import and hook calls of each plugin with their times on standard error."""
    code = listener("hears", "regtrain_run_finished(run)", "heard.append(1)").code + OFFERS_MODEL
    hears = Package("hears", code)
    monkeypatch.setenv("REGTRAIN_TRACE_PLUGINS", "0")
    assert host_with(hears).run_finished(RUN) == []
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("REGTRAIN_TRACE_PLUGINS", "1")
    assert Host().run_finished(RUN) == []
    captured = capsys.readouterr()
    assert captured.out == ""
    for call in (r"import hears\(\)", r"regtrain_register_models\(register\)", r"regtrain_run_finished\(run\)"):
        assert re.search(rf"^plugin hears: {call} [0-9.]+ ms$", captured.err, re.MULTILINE), captured.err


# What a signal does not stop: an import that catches everything, one in C that keeps the interpreter, one that crashes.
STUBBORN = {
    "catches": ("while True:\n    try:\n        threading.Event().wait()\n    except BaseException:\n        pass\n", "had to be killed"),
    "in-c": ("import ctypes, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\nctypes.PyDLL(None).poll(None, 0, -1)\n", "had to be killed"),
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "ended the process (signal SIGSEGV)"),
    "leaves": ("import os\nos._exit(7)\n", "ended the process (exit code 7)"),
}  # fmt: skip


@pytest.mark.slow
def test_a_plugin_that_no_signal_stops_is_named(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is made of all plugins, whatever the import of one does; the others are in it as ever."""
    monkeypatch.setenv("REGTRAIN_PLUGIN_SECONDS", "0.5")
    for name, (code, _) in STUBBORN.items():
        Package(name, "import threading\n" + code + OFFERS_MODEL).install(site)
    Package("good-package", OFFERS_MODEL).install(site)
    found = {info.name: info for info in survey() if info.distribution != "regtrain"}
    assert set(found) == {*STUBBORN, "good-package"}
    for name, (_, word) in STUBBORN.items():
        assert word in found[name].error, found[name].error
    assert found["good-package"].provides == {"models": ("from-good-package",)}


@pytest.mark.slow
def test_a_plugin_that_does_not_come_back_is_named(site: Path, tmp_path: Path) -> None:
    """An import that never ends stops neither help nor lists: it is left out after a limit."""
    Package("sleeps", "import threading\nthreading.Event().wait()\n" + REFUSES.code).install(site)
    environment = {"REGTRAIN_PLUGIN_SECONDS": "0.5"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGTRAIN_PLUGIN_SECONDS", environment["REGTRAIN_PLUGIN_SECONDS"])
        listed = regtrain(site, "plugins", "list", "--json", cwd=tmp_path)
        helped = regtrain(site, "--help", cwd=tmp_path)
    assert (listed.returncode, helped.returncode) == (0, 0), listed.stderr + helped.stderr
    (found,) = [one for one in json.loads(listed.stdout) if one["distribution"] == "sleeps"]
    assert "was not imported within 0.5 seconds" in found["error"]
    assert "Commands" in helped.stdout
    assert "plugin 'sleeps' of sleeps is left out" in helped.stderr
    unset = regtrain(site, "--help", cwd=tmp_path)  # help waits for less than the 30 seconds of a run
    assert (unset.returncode, "was not imported within 2 seconds" in unset.stderr) == (0, True)
