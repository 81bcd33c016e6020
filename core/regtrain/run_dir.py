"""Paths and JSON of one run: the only wire between the side that plans and the side that trains."""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from regtrain.errors import EnvironmentFault, RunNotFoundError
from regtrain.types import Choice, Plan

__all__ = ["NO_CODE", "Outcome", "RunDir", "environment", "finite"]

NO_CODE: Mapping[str, Any] = {"git_commit": None, "dirty": None, "diff": None}


@dataclass(frozen=True)
class Outcome:
    """How the job ended. `status`: finished, interrupted or failed; `checkpoint` is the one to register.

    `recipe` holds what decides the version besides the config: data, code, signature, state.
    `error` has code, message, hint and exit_code. A metric that was not finite is read back as None.
    """

    status: str
    steps: int = 0
    epochs: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunDir:
    """One run's folder. Making the value touches nothing; `create` does."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def outcome(self) -> Path:
        return self.path / "outcome.json"

    @property
    def metadata(self) -> Path:
        return self.path / "metadata.json"

    @property
    def requirements(self) -> Path:
        return self.path / "requirements.txt"

    @property
    def code(self) -> Path:
        return self.path / "code"

    def logs(self, config: Mapping[str, Any]) -> Path:
        return self.path / str(config["logging"]["log_dir"])

    def checkpoints(self, config: Mapping[str, Any]) -> Path:
        return self.path / str(config["checkpoint"]["save_dir"])

    @property
    def uncommitted(self) -> Path:
        return self.code / "uncommitted.diff"

    def create(
        self,
        plan: Plan,
        config_yaml: str,
        hardware: Mapping[str, Any],
        argv: Sequence[str] = (),
        code: Mapping[str, Any] = NO_CODE,
    ) -> None:
        """The folder with config, plan, requirements and metadata. `argv`: what was typed; `code`: the state of the
        user's repository, its diff as text; both without their secrets.

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
            self.config.write_text(config_yaml, encoding="utf-8")
            self.requirements.write_text(_requirements(), encoding="utf-8")
            facts = {
                "run_id": plan.run_id,
                "code": code,
                **environment(argv),
                "hardware": hardware,
            }
            times = {"started_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}
            if code["diff"] is not None:
                self.code.mkdir()
                self.uncommitted.write_text(code["diff"], encoding="utf-8")
            _write(self.metadata, {**facts, "seed": plan.choice("experiment.seed"), **times})
            _write(self.plan, _plan_to_json(plan))
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
        value = self._read(self.plan)
        try:
            return _plan_from_json(value)
        except (KeyError, TypeError, ValueError) as problem:
            raise RunNotFoundError(f"{self.path} is no run folder: plan.json is none of a run") from problem

    def write_outcome(self, outcome: Outcome) -> None:
        _write(self.outcome, finite(asdict(outcome)))

    def read_outcome(self) -> Outcome | None:
        """None when the job left none: it was killed, or is still running."""
        return Outcome(**self._read(self.outcome)) if self.outcome.is_file() else None

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as problem:
            raise RunNotFoundError(f"{self.path} is no run folder: {path.name} cannot be read ({problem})") from problem
        return value


def finite(value: Any) -> Any:
    """The value with null for every number that JSON does not have: NaN and the infinities."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, value: Any) -> None:
    """Whole or absent: a reader never sees half a file."""
    making = path.with_name(f".{path.name}")
    try:
        with making.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1, default=str)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            making.unlink()
        raise


def _plan_to_json(plan: Plan) -> dict[str, Any]:
    value = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    return {
        **value,
        "base_dir": str(plan.base_dir),
        "config_path": str(plan.config_path) if plan.config_path else None,
        "choices": [asdict(choice) for choice in plan.choices],
    }


def _plan_from_json(value: Mapping[str, Any]) -> Plan:
    return Plan(
        **{
            **value,
            "choices": [Choice(**choice) for choice in value["choices"]],
            "base_dir": Path(value["base_dir"]),
            "config_path": Path(value["config_path"]) if value["config_path"] else None,
            "allow_imports": tuple(value["allow_imports"]),
            "parents": tuple((ref, relation) for ref, relation in value["parents"]),
        }
    )


def _requirements() -> str:
    """Installed distributions, one `name==version` a line."""
    # `metadata` is read and parsed each time that it is asked for.
    known = (dist.metadata for dist in distributions())
    found = {one["Name"]: one["Version"] for one in known if one["Name"]}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def environment(argv: Sequence[str]) -> dict[str, Any]:
    """Where the run happens. Environment variables are left out: they hold secrets."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "argv": list(argv),
    }
