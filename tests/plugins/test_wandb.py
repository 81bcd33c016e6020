"""The W&B tracker, offline: its files are read back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from regtrain.testing import PluginConformance, TrackerConformance
from regtrain.types import Artifact, RecordBatch, TrackedRun, VersionEvent
from regtrain_plugins.trackers.wandb import WandB
from regtrain_plugins.wandb_files import read_offline

MODULE = "regtrain_plugins.trackers.wandb"
REPEATED = ("history", "summary")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb-home"))


def files(run: TrackedRun) -> list[Path]:
    return sorted(run.run_dir.glob("wandb/offline-run-*/*.wandb"))


def recorded(run: TrackedRun) -> Iterator[Any]:
    for path in files(run):
        yield from read_offline(path)


def history(run: TrackedRun) -> list[dict[str, Any]]:
    rows = []
    for record in recorded(run):
        if record.HasField("history"):
            rows.append({(item.key or item.nested_key[0]): json.loads(item.value_json) for item in record.history.item})
    return rows


def others(run: TrackedRun) -> str:
    return "".join(str(record) for record in recorded(run) if not record.HasField("history"))


class TestPlugin(PluginConformance):
    module = MODULE
    provides: ClassVar = {"trackers": ["wandb"]}
    without_torch = True


@pytest.mark.slow
class TestConformance(TrackerConformance):
    module = MODULE
    offers = "wandb"

    def arrived(self, run: TrackedRun) -> str:
        """The rows of the history, and other records but the summaries, which repeat the rows."""
        summaries = [str(record) for record in recorded(run) if record.HasField("summary")]
        kept = [text for text in summaries if "regtrain_version" in text]
        others = [str(record) for record in recorded(run) if record.WhichOneof("record_type") not in REPEATED]
        return json.dumps(history(run)) + "".join(kept + others)


@pytest.mark.slow
def test_an_offline_run(tmp_path: Path) -> None:
    """Config, curves over our step whatever order steps have, version, artifact and exit code are in the file."""
    run = TrackedRun("run-1", "digits-7", tmp_path, {"experiment": {"name": "digits"}, "optimizer": {"lr": 0.125}})
    tracker = WandB(tags=["small"], notes="a note", group="sweep")
    assert tracker.open(run, None) == "run-1"
    steps = [5, 6, 3, 7]  # resumed from an earlier checkpoint
    tracker.send(
        RecordBatch(
            "metrics",
            0,
            [{"step": n, "epoch": 1, "time": 1e9 + n, "train/loss": 1 / n, "val/x": math.nan} for n in steps],
        )
    )
    (tmp_path / "confusion.png").write_bytes(PNG)
    tracker.artifact(Artifact("val/confusion", tmp_path / "confusion.png", "file", 3))
    tracker.version(VersionEvent("digits", "1.2.0", 3, "sha256:abcdef", "run-1"))
    tracker.close("failed")
    rows = history(run)
    assert [(row["step"], row["train/loss"], row["_timestamp"]) for row in rows] == [(n, 1 / n, 1e9 + n) for n in steps]
    assert rows[0]["epoch"] == 1
    assert math.isnan(rows[0]["val/x"])
    text = others(run)
    for part in ("0.125", "small", "a note", "sweep", "sha256:abcdef", "digits@1.2.0", "val_confusion", 'name: "*"'):
        assert part in text, part
    codes = [record.exit.exit_code for record in recorded(run) if record.HasField("exit")]
    assert codes == [1]


@pytest.mark.slow
def test_a_file_that_was_torn(tmp_path: Path) -> None:
    """What is missing at the end of a file is sent again, and what is in it is not."""
    run = TrackedRun("run-1", "run", tmp_path, {})
    batch = RecordBatch("metrics", 0, [{"step": n, "train/loss": n / 8} for n in range(2000)])
    tracker = WandB()
    tracker.open(run, None)
    tracker.send(batch)
    tracker.close(None)
    (path,) = files(run)
    path.write_bytes(path.read_bytes()[:70_000])
    kept = len(history(run))
    assert 0 < kept < 2000
    again = WandB()
    again.open(run, "run-1")
    again.send(batch)
    again.close("finished")
    assert [row["step"] for row in history(run)] == list(range(2000))


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def test_nothing_goes_online_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the run is kept here; a mode that does not exist and a missing key are refused with the remedy."""
    assert "nothing leaves this machine" in WandB().check()
    with pytest.raises(RuntimeError, match="no API key"):
        WandB(mode="online").check()
    with pytest.raises(ValueError, match="not one of online, offline"):
        WandB(mode="on")  # type: ignore[arg-type]
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password 0123\n")
    (tmp_path / "netrc").chmod(0o600)
    with pytest.raises(RuntimeError, match="cannot be reached"):
        WandB(base_url="http://127.0.0.1:9", api_key="0" * 40).check()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert "offline" in WandB(api_key="0" * 40).check()
