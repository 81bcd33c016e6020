"""The folder of a run, with everything that the job needs in it, and the record of its start."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.config import Config, to_yaml
from regtrain.hardware import detect
from regtrain.plan import config_to_keep
from regtrain.redact import redact_word
from regtrain.run.code import code_state
from regtrain.run.inputs import bring_inputs
from regtrain.run.planning import Planned
from regtrain.run.record import record_start
from regtrain.run.register import check_version_free
from regtrain.run_dir import RunDir

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["prepare"]


def prepare(planned: Planned) -> tuple[RunDir, Registry | None, list[str]]:
    """Make the run folder and record the run; on an error neither is left behind. The last part are warnings.

    Raises:
        RegtrainError, RegistryError: the version is taken, the folder cannot be written, the registry not reached.
    """
    plan, config = planned.plan, planned.plan.config
    registry = planned.registry(create=True) if config.registry.enabled else None
    check_version_free(registry, plan)
    run_dir = RunDir(Path(config.experiment.output_dir) / plan.run_id)
    code = code_state(plan.base_dir)
    kept: Config = config_to_keep(planned.resolved, planned.cwd)
    run_dir.create(
        plan,
        to_yaml(kept),
        to_yaml(kept, with_secrets=False),
        detect().to_json(),
        command_line(),
        code,
    )
    try:
        bring_inputs(run_dir, planned.sources, lambda: registry or planned.registry())
        record_start(registry, plan, run_dir)
    except BaseException:
        shutil.rmtree(run_dir.path, ignore_errors=True)  # a run that is not recorded leaves no folder behind
        raise
    problem = code.get("problem")
    return run_dir, registry, [f"the state of the code is not recorded: {problem}"] if problem else []


def command_line() -> list[str]:
    """The command line of this process, without its secrets."""
    program, *words = sys.argv or [""]
    return [Path(program).name, *map(redact_word, words)] if program else []
