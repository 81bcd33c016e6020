"""Paths of one run's folder: the only wire between the side that plans and the side that trains."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regtrain.errors import EnvironmentFault, RunNotFoundError
from regtrain.packages import installed_versions
from regtrain.run_dir.codec import read_json, read_value, write_json, write_value
from regtrain.run_dir.outcome import Outcome
from regtrain.types import Plan, Settled
from regtrain.types.config import Config

__all__ = ["NO_CODE", "RunDir"]

PUBLIC = "config.public.yaml"
NO_CODE: Mapping[str, Any] = {"git_commit": None, "dirty": None, "diff": None}


@dataclass(frozen=True)
class RunDir:
    """One run's folder. Making the value touches nothing; `create` does."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's config as it was asked for, with its secrets: the run is resumed from it."""
        return self.path / "config.yaml"

    @property
    def public_config(self) -> Path:
        """The same without secrets, which is what leaves the folder: a file of its own where there are any."""
        public = self.path / PUBLIC
        return public if public.exists() else self.config

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def settled(self) -> Path:
        return self.path / "settled.json"

    @property
    def outcome(self) -> Path:
        return self.path / "outcome.json"

    @property
    def submission(self) -> Path:
        """How a job was submitted that outlives its submitter."""
        return self.path / "submission.json"

    @property
    def completed(self) -> Path:
        """What came out of the run; where it is there, plugins have been notified of the end."""
        return self.path / "complete.json"

    @property
    def metadata(self) -> Path:
        return self.path / "metadata.json"

    @property
    def requirements(self) -> Path:
        return self.path / "requirements.txt"

    @property
    def code(self) -> Path:
        return self.path / "code"

    @property
    def uncommitted(self) -> Path:
        return self.code / "uncommitted.diff"

    @property
    def inputs(self) -> Path:
        """What the run needs from elsewhere: checkpoints to resume from, weights to begin with."""
        return self.path / "inputs"

    @property
    def exports(self) -> Path:
        """Files of other formats that the config asks for."""
        return self.path / "exports"

    def logs(self, config: Config) -> Path:
        """Raises RunNotFoundError where a link leads out of the run folder."""
        return self._own(self.path / config.logging.log_dir)

    def checkpoints(self, config: Config) -> Path:
        """Raises RunNotFoundError where a link leads out of the run folder: what is pruned would be another run's."""
        return self._own(self.path / config.checkpoint.save_dir)

    def _own(self, folder: Path) -> Path:
        place = Path(os.path.realpath(folder))  # unlike resolve(), it takes a link to itself
        if not place.is_relative_to(os.path.realpath(self.path)) or (folder.is_symlink() and place == folder):
            raise RunNotFoundError(
                f"{folder} is a link to {place}, and a run folder holds its own files",
                "put the folder itself in its place, or remove the link",
            )
        return folder

    def create(
        self,
        plan: Plan,
        config_yaml: str,
        public_yaml: str,
        hardware: Mapping[str, Any],
        argv: Sequence[str] = (),
        code: Mapping[str, Any] = NO_CODE,
    ) -> None:
        """The folder with config, plan, requirements and metadata.

        Args:
            argv: the command line without its secrets.
            code: the state of the user's repository, its diff as bytes.

        Raises:
            EnvironmentFault: the folder cannot be made or written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o755)
        except OSError as problem:
            raise self._not_writable(problem) from problem
        try:
            self.logs(plan.config).mkdir(parents=True, exist_ok=True)
            _write_private(self.config, config_yaml)
            if public_yaml != config_yaml:
                (self.path / PUBLIC).write_text(public_yaml, encoding="utf-8")
            self.requirements.write_text(_requirements(), encoding="utf-8")
            if code["diff"] is not None:
                self.code.mkdir()
                self.uncommitted.write_bytes(code["diff"])
            shown = {**code, "diff": code["diff"] and code["diff"].decode("utf-8", "replace")}
            facts = {"run_id": plan.run_id, "code": shown, **environment(argv), "hardware": hardware}
            write_json(self.metadata, {**facts, "seed": plan.seed, "started_at": _now()})
            write_value(self.plan, plan, 0o600)  # it holds the config with its secrets
        except BaseException as problem:
            shutil.rmtree(self.path, ignore_errors=True)  # half a run folder would look like a whole one
            if isinstance(problem, OSError):
                raise self._not_writable(problem) from problem
            raise

    def _not_writable(self, problem: OSError) -> EnvironmentFault:
        why = problem.strerror or problem
        return EnvironmentFault(
            f"run folder {self.path} cannot be written: {why}", "choose another place with --output-dir"
        )

    def read_plan(self) -> Plan:
        """The plan, checked again: a folder may come from elsewhere.

        Raises:
            RunNotFoundError: there is none, it is damaged, or of another release.
            ConfigValueError: it names a place outside of the folder.
        """
        if not self.plan.exists():
            raise RunNotFoundError(
                f"{self.path} is no run folder: it has no plan.json", "`regtrain runs list` shows the folders of runs"
            )
        return read_value(self.plan, Plan, newest=2)

    def write_settled(self, settled: Settled) -> None:
        write_value(self.settled, settled)

    def read_settled(self, plan: Plan) -> Config:
        """The plan's config with what the job has settled; the plan's own where no job has begun.

        Raises:
            RunNotFoundError: settled.json is damaged.
            ConfigValueError: it contradicts the plan.
        """
        if not self.settled.exists():
            return plan.config
        return read_value(self.settled, Settled, newest=1).config(plan)

    def write_outcome(self, outcome: Outcome) -> None:
        write_value(self.outcome, outcome)

    def read_outcome(self) -> Outcome | None:
        """None when the job left none: it was killed, or is still running."""
        return read_value(self.outcome, Outcome, newest=1) if self.outcome.exists() else None

    def read_metadata(self) -> dict[str, Any]:
        """Machine, seed, times and state of the code, as they were recorded.

        Raises:
            RunNotFoundError: the file is damaged.
        """
        found = read_json(self.metadata)
        if not isinstance(found.get("code"), dict) or not NO_CODE.keys() <= found["code"].keys():
            raise RunNotFoundError(f"{self.metadata} is no metadata of a run: code is missing", "it was edited, or cut")
        return found


def _write_private(path: Path, text: str) -> None:
    """A config may hold passwords: it is readable for its owner only."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _requirements() -> str:
    """Installed distributions, one `name==version` a line."""
    found = installed_versions()
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def environment(argv: Sequence[str]) -> dict[str, Any]:
    """Where the run happens. Environment variables are left out: they hold secrets."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "argv": list(argv),
    }
