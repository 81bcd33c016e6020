"""A job that fails: any exception as one that a user can act on, and as an outcome."""

from __future__ import annotations

import errno
import re
import sysconfig
import traceback
from pathlib import Path

from regtrain.errors import ConfigValueError, DataError, EnvironmentFault, JobFailedError, RegtrainError, brief
from regtrain.job.ranks import first_failure
from regtrain.run_dir import Outcome, RunDir
from regtrain.trainer import Progress
from regtrain.types import Plan

__all__ = ["failed"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
INSTALLED = (
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]),
)


# What torch says of a user's data or config → the same in words of the config, and the remedy.
EXPLAINED: tuple[tuple[str, type[RegtrainError], str, str], ...] = (
    (
        r"Target (-?\d+) is out of bounds",
        DataError,
        "the data have class {0}, and the model has no output for it",
        "number the classes from 0, and give the model as many outputs as there are classes, "
        "e.g. model.num_classes or model.out_features",
    ),
    (
        r"device-side assert triggered",
        DataError,
        "the GPU stopped at a value that an operation does not take; most often it is a class, or an index of an "
        "embedding, that is outside of the model",
        "training.device: cpu says which one",
    ),
    (
        r"Expected more than 1 value per channel when training",
        DataError,
        "a batch of one sample came to a BatchNorm layer, which needs two or more",
        "the last batch of an epoch is that small: set data.drop_last: true, or another training.batch_size",
    ),
    (
        r"weight tensor should be defined either for all (\d+) classes",
        ConfigValueError,
        "loss.weight has another number of weights than the {0} classes",
        "give one weight for each output of the model",
    ),
)


def failed(problem: BaseException, run_dir: RunDir, plan: Plan, progress: Progress | None = None) -> Outcome:
    """The outcome that says what went wrong, and how far the run had come.

    Of several processes each notes its failure in a file; the outcome is that of the first one, which the others
    failed by.
    """
    known = _as_known(problem, run_dir)
    error = {
        "code": known.code,
        "message": known.message,
        "hint": known.hint,
        "exit_code": known.exit_code,
        "trace": "".join(traceback.format_exception(problem)),
    }
    if plan.resources.processes > 1:
        error = first_failure(run_dir, plan, error)
    progress = progress or Progress()
    return Outcome(
        "failed",
        steps=progress.step,
        epochs=progress.epoch,
        metrics=dict(progress.metrics),
        reason=str(error["message"]),
        error=error,
    )


def _as_known(problem: BaseException, run_dir: RunDir) -> RegtrainError:
    if isinstance(problem, RegtrainError):
        return problem
    if isinstance(problem, OSError) and problem.errno in NO_ROOM:
        return EnvironmentFault(f"{run_dir.path}: {problem.strerror}", "make room, or choose another --output-dir")
    for pattern, kind, message, hint in EXPLAINED:
        match = re.search(pattern, str(problem))
        if match:
            return kind(message.format(*match.groups()), hint)
    said = brief(problem)
    return JobFailedError(
        f"training failed: {type(problem).__name__}{': ' if said else ''}{said}",
        f"at {_line(problem)}; the whole trace is in {run_dir.path}/logs/train.log",
    )


def _line(problem: BaseException) -> str:
    """Where the user's own code was; where it has no part in it, the innermost line."""
    frames = [(frame.filename, str(frame.lineno)) for frame in traceback.extract_tb(problem.__traceback__)]
    frames += re.findall(r'^  File "(.+)", line (\d+)', str(problem), re.MULTILINE)  # of a loading process, as text
    own = [frame for frame in frames if not frame[0].startswith((*INSTALLED, "<"))]
    return ":".join((own or frames)[-1])
