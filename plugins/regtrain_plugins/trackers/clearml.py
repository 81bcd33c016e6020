"""ClearML: a task of its server, or an offline session that `Task.import_offline_session` takes later."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain_plugins.run_facts import facts_of, flatten, link_to, numbers_of

if TYPE_CHECKING:
    from clearml import Task

    from regtrain.types import Artifact, RecordBatch, Register, TrackedRun, VersionEvent

GROUPS = frozenset({"train", "val", "test", "system"})
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif"})
HOST = ("CLEARML_API_HOST", "TRAINS_API_HOST")
KEYS = ("CLEARML_API_ACCESS_KEY", "TRAINS_API_ACCESS_KEY", "CLEARML_AUTH_TOKEN")
FILES = ("CLEARML_CONFIG_FILE", "TRAINS_CONFIG_FILE")
TASKS = ("CLEARML_TASK_ID", "TRAINS_TASK_ID")
REMEDY = "run `clearml-init`, set CLEARML_API_HOST and its keys, or set trackers.clearml.offline: true"


class ClearML:
    """Sends a run to ClearML.

    A task that the user has opened is used and left open: the one of `task_id`, of CLEARML_TASK_ID, or of the process
    that started the run. Otherwise a task is opened, and closed at the end of the run.

    Args:
        project: `experiment.name` when left out.
        task: name of the task; the run's own name when left out.
        tags: of a task that is opened here.
        task_id: a task that is there already.
        offline: keep the run in `clearml/` of the run folder; CLEARML_OFFLINE_MODE when left out.
    """

    def __init__(
        self,
        project: str | None = None,
        task: str | None = None,
        tags: Sequence[str] = (),
        task_id: str | None = None,
        offline: bool | None = None,
    ) -> None:
        self._project, self._name, self._tags = project, task, list(tags)
        named = os.environ.get("CLEARML_OFFLINE_MODE") or os.environ.get("TRAINS_OFFLINE_MODE") or "0"
        self._offline = named.lower() not in ("0", "false", "no") if offline is None else offline
        self._given = task_id or (None if self._offline else _task_of_user())
        self._task: Task | None = None
        self._seen: set[int] = set()

    def open(self, run: TrackedRun, remote_id: str | None) -> str | None:
        if not self._offline:
            _check_credentials()
        self._config = run.config
        if self._offline:
            folder = Path(os.environ.setdefault("CLEARML_CACHE_DIR", str(run.run_dir / "clearml")))
            self._seen = set(_points(folder / "offline"))
        self._task = self._opened(run, remote_id)
        _hurry(self._task)
        self._send_facts(run)
        self._own_id = str(self._task.id)
        return remote_id if self._offline and remote_id else self._own_id

    def send(self, batch: RecordBatch) -> None:
        task = self._active()
        if batch.stream == "events":
            events = {
                f"events/{record.get('event')}": json.dumps(dict(record), default=str) for record in batch.records
            }
            task.update_parameters(events)
            return
        logger = task.get_logger()
        for record in batch.records:
            step, epoch = int(record.get("step", 0)), record.get("epoch")
            numbers = [*numbers_of(record), *([("epoch", float(epoch))] if isinstance(epoch, int | float) else [])]
            for name, value in numbers:
                title, series = title_and_series(name)
                # ClearML shows what is no number as 0: such a point is better left out
                if math.isfinite(value) and hash((title, series, step)) not in self._seen:
                    logger.report_scalar(title, series, value, step)
        task.flush(wait_for_uploads=True)

    def artifact(self, artifact: Artifact) -> None:
        task = self._active()
        name = artifact.name if artifact.step is None else f"{artifact.name} (step {artifact.step})"
        if not task.upload_artifact(name, str(artifact.path), {"kind": artifact.kind}, wait_on_upload=True):
            raise RuntimeError(f"ClearML did not take {artifact.path}")
        if artifact.path.suffix.lower() in PICTURES:
            title, series = title_and_series(artifact.name)
            task.get_logger().report_image(title, series, artifact.step or 0, local_path=str(artifact.path))

    def version(self, version: VersionEvent) -> None:
        ref = f"{version.model}@{version.version}"
        facts = {"version": ref, "number": version.number, "digest": version.digest}
        self._set({**facts, "link": link_to(self._config, ref)})

    def close(self, status: str | None) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        if status is not None:
            task.update_parameters({"regtrain/status": status})
        if self._given:
            task.flush(wait_for_uploads=True)
            return
        if status in ("interrupted", "pruned"):
            task.mark_stopped(force=True, status_message=status)
        elif status not in (None, "finished"):
            task.mark_failed(force=True, status_reason=status)
        task.close()

    def check(self) -> str:
        """One line that says whether there are credentials and the server answers; nothing is sent."""
        if self._offline:
            return "ClearML offline: nothing leaves this machine"
        _check_credentials()
        from clearml.backend_api import Session

        host = str(Session.get_api_server_host())
        import requests

        try:
            requests.get(f"{host}/debug.ping", timeout=5)
        except requests.RequestException as problem:
            raise RuntimeError(f"ClearML at {host} cannot be reached: {type(problem).__name__}; {REMEDY}") from None
        return f"ClearML at {host} reachable, with credentials"

    def _opened(self, run: TrackedRun, remote_id: str | None) -> Task:
        from clearml import Task

        if self._given:
            return Task.get_task(task_id=self._given)
        if hasattr(Task, "_report_subprocess_enabled"):
            # a thread: the forked process waits for five seconds at each flush, and twice at the end
            setattr(Task, "_report_subprocess_enabled", False)  # noqa: B010 - private, and not in every release
        if self._offline:
            Task.set_offline(True)
        Task.force_requirements_env_freeze(False, requirements_file=str(_requirements(run)))
        own = run.config.get("experiment")
        named = own.get("name") if isinstance(own, Mapping) else None
        task: Task = Task.init(
            project_name=self._project or str(named or "regtrain"),
            task_name=self._name or run.run_name,
            tags=self._tags or None,
            reuse_last_task_id=False,
            continue_last_task=remote_id if remote_id and not self._offline else False,
            auto_connect_frameworks=False,
            auto_connect_arg_parser=False,
            auto_connect_streams=False,
            auto_resource_monitoring=False,
        )
        if remote_id and not self._offline:
            task.set_initial_iteration(0)  # steps are ours, and are not added to those of before
        return task

    def _send_facts(self, run: TrackedRun) -> None:
        task = self._active()
        task.connect_configuration(json.loads(json.dumps(run.config, default=str)), name="config")
        code = facts_of(run).get("code")
        commit = code.get("git_commit") if isinstance(code, Mapping) else None
        parameters = {f"General/{key.replace('.', '/')}": value for key, value in flatten(run.config)}
        task.update_parameters(parameters)
        self._set({"run_id": run.run_id, "run_dir": str(run.run_dir), **({"git_commit": commit} if commit else {})})

    def _set(self, facts: Mapping[str, Any]) -> None:
        self._active().update_parameters({f"regtrain/{key}": value for key, value in facts.items()})

    def _active(self) -> Task:
        if self._task is None:
            raise RuntimeError("the ClearML task is closed")
        return self._task


def title_and_series(name: str) -> tuple[str, str]:
    """`train/loss` and `val/loss` are two series of one plot, `loss`; other groups are a plot of their own."""
    group, slash, rest = name.partition("/")
    if not slash:
        return name, name
    return (rest, group) if group in GROUPS else (group, rest)


def _task_of_user() -> str | None:
    """The task as which ClearML runs this, or that of the process from which the run was started (`PID:TASK`)."""
    for name in TASKS:
        if os.environ.get(name):
            return os.environ[name]
    owner = os.environ.get("CLEARML_PROC_MASTER_ID") or os.environ.get("TRAINS_PROC_MASTER_ID") or ""
    return owner.partition(":")[2] or None


def _check_credentials() -> None:
    """ClearML's own search for them takes seconds, and its import half of one."""
    if any(os.environ.get(name) for name in HOST) and any(os.environ.get(name) for name in KEYS):
        return
    files = [os.environ[name] for name in FILES if os.environ.get(name)] or ["~/clearml.conf", "~/trains.conf"]
    if not any(Path(file).expanduser().is_file() for file in files):
        raise RuntimeError(f"ClearML has no credentials: {REMEDY}")


def _requirements(run: TrackedRun) -> Path:
    """The packages of the run, by their file: otherwise ClearML looks for them for minutes, in all modules."""
    path = run.run_dir / "requirements.txt"
    if not path.exists():
        path = run.run_dir / "clearml" / "requirements.txt"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return path


def _hurry(task: Task) -> None:
    """ClearML's reporter sleeps for five seconds between looking, at the end of a task, too."""
    service = getattr(getattr(task, "_Task__reporter", None), "_report_service", None)
    if service is not None and hasattr(service, "_wait_timeout"):
        service._wait_timeout = 0.1


def _points(folder: Path) -> Iterator[int]:
    """The points of earlier offline sessions of the run."""
    for path in folder.glob("*/metrics.jsonl"):
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                events = json.loads(line)
            except ValueError:
                continue  # torn, as after a loss of power
            for event in events:
                if event.get("type") == "training_stats_scalar":
                    yield hash((event.get("metric"), event.get("variant"), event.get("iter")))


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("clearml", ClearML, requires="clearml>=2.0")
