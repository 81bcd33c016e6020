"""Weights & Biases: online, or as a folder that `wandb sync` sends later."""

from __future__ import annotations

import netrc
import os
import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from regtrain.hookspecs import hookimpl
from regtrain_plugins.run_facts import facts_of, link_to, numbers_of
from regtrain_plugins.wandb_files import last_step

if TYPE_CHECKING:
    from wandb import Run

    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent

BASE_URL = "https://api.wandb.ai"
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif"})


class WandB:
    """Sends a run to W&B.

    W&B counts steps of its own, which may not go back: they are the lines of the run's file of metrics, so that what is
    sent again is known. Charts have our `step` as their axis.

    Args:
        project: `experiment.name`, or WANDB_PROJECT, when left out.
        entity: user or team; WANDB_ENTITY when left out.
        mode: `online` or `offline`; WANDB_MODE when left out, and otherwise `online` where there is an API key.
        api_key: WANDB_API_KEY, or the key of `wandb login`, when left out.
        base_url: of a server of one's own; WANDB_BASE_URL when left out.
        name, group, notes, tags, job_type: as `wandb.init` takes them.
        dir: where files of the run are kept; the run folder when left out.
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        mode: Literal["online", "offline"] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        name: str | None = None,
        group: str | None = None,
        notes: str | None = None,
        tags: Sequence[str] = (),
        job_type: str | None = None,
        dir: str | None = None,
    ) -> None:
        if mode not in (None, "online", "offline"):
            raise ValueError(f"trackers.wandb.mode: {mode!r} is not one of online, offline")
        self._url = base_url or os.environ.get("WANDB_BASE_URL") or BASE_URL
        self._key = api_key
        self._mode = mode or os.environ.get("WANDB_MODE") or ("online" if self._has_key() else "offline")
        self._project = project or os.environ.get("WANDB_PROJECT")
        self._options: dict[str, Any] = {"entity": entity, "group": group, "notes": notes, "job_type": job_type}
        self._name, self._tags, self._dir = name, list(tags), dir
        self._last = -1

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        folder = Path(self._dir).expanduser() if self._dir else run.run_dir
        folder.mkdir(parents=True, exist_ok=True)
        identity = remote_id or run.run_id
        own = run.config.get("experiment")
        named = own.get("name") if isinstance(own, Mapping) else None
        self._last = last_step(folder, identity) if self._mode == "offline" else -1
        self._config = run.config
        self._run: Run | None = wandb.init(
            project=self._project or (str(named) if named else None),
            id=identity,
            name=self._name or run.run_name,
            dir=str(folder),
            config=_config(run),
            tags=self._tags or None,
            mode="offline" if self._mode == "offline" else "online",
            resume="allow",
            settings=self._settings(),
            **self._options,
        )
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        return identity

    def send(self, batch: RecordBatch) -> None:
        if batch.stream == "events":
            events = {f"event/{record.get('event')}": _facts(record) for record in batch.records}
            self._opened().summary.update(events)
            return
        run = self._opened()
        for line, record in enumerate(batch.records, batch.first):
            if line <= self._last:
                continue
            row: dict[str, Any] = {"step": record.get("step", 0), **dict(numbers_of(record))}
            if "epoch" in record:
                row["epoch"] = record["epoch"]
            if isinstance(record.get("time"), int | float):
                row["_timestamp"] = float(record["time"])
            run.log(row, step=line, commit=True)
            self._last = line

    def artifact(self, artifact: Artifact) -> None:
        """Content that W&B has already under this name makes no new version of its artifact."""
        import wandb

        run, name = self._opened(), re.sub(r"[^\w.-]", "_", artifact.name)
        kept = wandb.Artifact(f"{name}-{run.id}", type=artifact.kind, metadata={"step": artifact.step})
        if artifact.path.is_dir():
            kept.add_dir(str(artifact.path))
        else:
            kept.add_file(str(artifact.path))
        run.log_artifact(kept)
        if artifact.path.suffix.lower() in PICTURES:
            run.summary[artifact.name] = wandb.Image(str(artifact.path))

    def version(self, version: VersionEvent) -> None:
        ref = f"{version.model}@{version.version}"
        facts = {"name": ref, "number": version.number, "digest": version.digest, "link": link_to(self._config, ref)}
        self._opened().summary.update({"regtrain_version": facts})

    def close(self, status: str | None) -> None:
        """A run that goes on is shown as finished until it is opened again: W&B knows no pause."""
        run, self._run = getattr(self, "_run", None), None
        if run is None:
            return
        import wandb

        if status is not None:
            run.summary["status"] = status
        run.finish(exit_code=0 if status in (None, "finished") else 1)
        wandb.teardown()  # its own process writes the rest of the file when it ends

    def check(self) -> str:
        """One line that says whether there is an API key and the server answers; nothing is sent."""
        if self._mode != "online":
            return f"W&B {self._mode}: nothing leaves this machine before `wandb sync`"
        if not self._has_key():
            raise RuntimeError("W&B has no API key: `wandb login`, WANDB_API_KEY, or trackers.wandb.mode: offline")
        try:
            urllib.request.urlopen(f"{self._url}/healthz", timeout=5).close()
        except OSError as problem:
            if getattr(problem, "code", 0) == 0:
                raise RuntimeError(
                    f"W&B at {self._url} cannot be reached: {problem}; trackers.wandb.mode: offline needs no network"
                ) from None
        return f"W&B at {self._url} reachable, with an API key"

    def _has_key(self) -> bool:
        if self._key or os.environ.get("WANDB_API_KEY"):
            return True
        try:
            return netrc.netrc(os.environ.get("NETRC")).authenticators(urlsplit(self._url).hostname or "") is not None
        except (OSError, netrc.NetrcParseError):
            return False

    def _settings(self) -> Any:
        import wandb

        return wandb.Settings(
            api_key=self._key,
            base_url=self._url,
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            init_timeout=20,
            x_disable_stats=True,
            x_disable_meta=True,
        )

    def _opened(self) -> Run:
        if self._run is None:
            raise RuntimeError("the W&B run is closed")
        return self._run


def _config(run: TrackedRun) -> dict[str, Any]:
    code = facts_of(run).get("code")
    commit = code.get("git_commit") if isinstance(code, Mapping) else None
    return {**run.config, "regtrain": {"run_id": run.run_id, "run_dir": str(run.run_dir), "git_commit": commit}}


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "event"}


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("wandb", WandB, requires="wandb>=0.19")
