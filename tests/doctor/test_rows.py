"""What each check says of what it finds: ok, warning or failure, with a remedy."""

from __future__ import annotations

from pathlib import Path

from regtrain.config import Config, from_mapping
from regtrain.doctor import clusters
from regtrain.doctor.devices import gpu_row
from regtrain.doctor.plugins import named_in, plugin_rows
from regtrain.doctor.rows import Row
from regtrain.doctor.storage import GB, clock_row, space_row
from regtrain.doctor.versions import find as find_versions
from regtrain.doctor.versions import python_row, requirement_rows
from regtrain.hardware import Gpu, Hardware
from regtrain.host import PluginInfo


def test_python_against_what_is_supported() -> None:
    """Too old is a failure, newer than what was tried a warning."""
    for running, status in (((3, 10), "failure"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "warning")):
        row = python_row(running, "x", ">=3.11", ["3.11", "3.12", "3.13"])
        assert (row.status, bool(row.remedy)) == (status, status != "ok"), row


def test_packages_against_what_is_needed() -> None:
    """A package that is missing or too old is named with the command that installs it; torch has a row of its own."""
    lines = ["torch>=99.1", "click>=8.1", "not-there-at-all>=2.0", "sqlalchemy>=99", "psycopg[binary]"]
    torch, packages = requirement_rows(lines[:4])
    assert (torch.name, torch.status, torch.remedy) == ("torch", "failure", "pip install 'torch>=99.1'")
    assert packages.remedy == "pip install 'not-there-at-all>=2.0' 'sqlalchemy>=99'"
    assert "not-there-at-all" in packages.message
    assert [row.status for row in requirement_rows(["torch>=2.0", "click>=8.1"])] == ["ok", "ok"]
    found = {row.name: row.status for row in find_versions()}
    assert list(found) == ["regtrain", "python", "torch", "packages"]
    assert "failure" not in found.values()


def test_a_gpu_that_torch_does_not_see() -> None:
    """No GPU is no fault; one that torch cannot use is a warning that says why."""
    machine = Hardware(4, "Linux x86_64")
    assert gpu_row(machine, None).status == "ok"
    with_gpu = Hardware(4, "Linux x86_64", (Gpu("NVIDIA T4", 16000, 7.5),))
    for built_for, word in ((None, "built without CUDA"), ("12.8", "CUDA 12.8 and cannot use it")):
        row = gpu_row(with_gpu, built_for)
        assert (row.status, word in row.message) == ("warning", True)


def test_plugins_with_faults() -> None:
    """One that was left out is a failure, a clash is a warning of who came second."""
    infos = [
        PluginInfo("ours", "regtrain", "1", clashes=("optimizer 'SGD' …",)),
        PluginInfo("hangs", "slow", "2", error="its import did not end within 30 seconds"),
        PluginInfo("rival", "other", "3", clashes=("optimizer 'SGD' is also offered by …",)),
    ]
    rows = list(plugin_rows(infos, ["nowhere"]))
    assert [(row.name, row.status) for row in rows] == [
        ("plugins", "ok"),
        ("plugin hangs", "failure"),
        ("plugin rival", "warning"),
        ("plugins", "warning"),
    ]
    assert "did not end within 30 seconds" in rows[1].message
    assert "slow" in rows[1].remedy


def test_the_names_in_a_config() -> None:
    """Every section that names something of a plugin is asked about; what is switched off is not."""
    config = from_mapping(
        {
            "experiment": {"task": "t"},
            "model": {"name": "m"},
            "data": {"name": "d"},
            "optimizer": {"decoder": {"name": "o"}, "representation": {"name": "p"}},
            "scheduler": {"name": "s"},
            "evaluation": {"evaluator": "e"},
            "distributed": {"strategy": "g"},
            "launcher": {"name": "l"},
            "callbacks": {"c": {}, "off": {"enabled": False}},
            "trackers": {"has-its-own-check": {}},
            "export": ["x"],
        }
    ).config
    assert sorted(name for _, _, name in named_in(config)) == list("cdeglmopstx")
    assert list(named_in(Config())) == []


def test_clock_and_disk() -> None:
    """A clock that is off by more than a minute is a warning, a full disk a failure."""
    for drift, status in ((0.0, "ok"), (59.0, "ok"), (-59.0, "ok"), (61.0, "warning"), (-90_000.0, "warning")):
        assert clock_row(drift).status == status
    assert "25.0 hours behind" in clock_row(-90_000.0).message
    assert "61 seconds ahead" in clock_row(61.0).message
    for free, status in ((100 * GB, "ok"), (GB, "warning"), (GB // 20, "failure")):
        assert space_row(Path("/data"), free).status == status


def script(folder: Path, name: str, code: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{code}\n")
    (folder / name).chmod(0o755)


def test_clusters(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Not there is a fault only for a config that asks for it; there, the controller has to answer."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    assert [(row.name, row.status) for row in clusters.find(None)] == [("slurm", "ok"), ("lsf", "ok")]
    assert [(row.name, row.status) for row in clusters.find("SLURM")] == [("slurm", "failure"), ("lsf", "ok")]
    for name in ("sbatch", "srun", "squeue"):
        script(folder, name, "exit 0")
    assert clusters.find(None)[0] == Row("slurm", "warning", "without scancel", "put all of its commands on PATH")
    script(folder, "scancel", "exit 0")
    assert "cannot be run" in clusters.find(None)[0].message
    script(folder, "scontrol", "echo 'Slurmctld(primary) at head is DOWN' >&2; exit 1")
    row = clusters.find("slurm")[0]
    assert (row.status, "at head is DOWN" in row.message) == ("failure", True)
    script(folder, "scontrol", "exec /bin/sleep 1000")
    monkeypatch.setattr(clusters, "SECONDS", 0.1)
    assert "does not answer" in clusters.find("slurm")[0].message
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(folder))
    script(folder, "scontrol", "exit 0")
    assert clusters.find("slurm")[0].status == "ok"
