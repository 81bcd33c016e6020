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
        r"index out of range in self",
        DataError,
        "the data have an index that an embedding of the model has no row for",
        "count indices from 0, and give the embedding one row more than the largest of them",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        ConfigValueError,
        "a linear layer of the model takes {1} numbers for a sample, and gets {0}",
        "give the model as many inputs as the data have, e.g. model.in_features={0} where it is the first layer",
    ),
    (
        r"mat1 and mat2 must have the same dtype, but got (\w+) and (\w+)",
        ConfigValueError,
        "the inputs of a layer are {0} numbers, and its weights are {1}",
        "convert them in the dataset, e.g. inputs.float()",
    ),
    (
        r"expected input\[[\d, ]*\] to have (\d+) channels, but got (\d+) channels",
        ConfigValueError,
        "a convolution of the model takes {0} channels, and gets {1}",
        "give the model as many channels as the data have, e.g. model.in_channels={1} where it is the first layer",
    ),
    (
        r"0D or 1D target tensor expected|expected scalar type Long but found Float|"
        r"expected target dtype to be Long|Expected floating point type for target with class probabilities",
        ConfigValueError,
        "the loss wants one class number for each sample, and the targets are something else",
        "for numbers choose experiment.task: regression; for classes return whole numbers of shape (batch,), "
        "which data.target_type: class does for a CSV file",
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
        return EnvironmentFault(f"{run_dir.path}: {problem.strerror}", "free space, or choose another --output-dir")
    for pattern, kind, message, hint in EXPLAINED:
        match = re.search(pattern, str(problem))
        if match:
            return kind(message.format(*match.groups()), hint.format(*match.groups()))
    text = brief(problem)
    return JobFailedError(
        f"training failed: {type(problem).__name__}{': ' if text else ''}{text}",
        f"at {_line(problem)}; the whole trace is in {run_dir.path}/logs/train.log",
    )


def _line(problem: BaseException) -> str:
    """Where the user's own code was; where it has no part in it, the innermost line."""
    frames = [(frame.filename, str(frame.lineno)) for frame in traceback.extract_tb(problem.__traceback__)]
    frames += re.findall(r'^  File "(.+)", line (\d+)', str(problem), re.MULTILINE)  # of a loading process, as text
    own = [frame for frame in frames if not frame[0].startswith((*INSTALLED, "<"))]
    return ":".join((own or frames)[-1])
