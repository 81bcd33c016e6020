"""One class per fact. Each message names the culprit, then the choices; the hint names the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar

__all__ = [
    "CheckpointDamagedError",
    "CheckpointMismatchError",
    "CodeChangedError",
    "ConfigFileError",
    "ConfigKeyError",
    "ConfigValueError",
    "DataError",
    "EnvironmentFault",
    "ExportError",
    "Guard",
    "ImportNotAllowedError",
    "JobFailedError",
    "MissingKeyError",
    "NotFiniteError",
    "OutsideOfRunError",
    "PluginError",
    "RegtrainError",
    "RunBusyError",
    "RunNotFoundError",
    "UnknownNameError",
    "UntrustedCodeError",
    "brief",
    "nearest",
    "recreated",
]


class RegtrainError(Exception):
    """Something a user can act on: one line of what is wrong, one line of what to do."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2
    warnings: tuple[str, ...] = ()
    """What else went wrong, a line each."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigFileError(RegtrainError):
    """The file cannot be read as a config at all: missing, a folder, a FIFO, not YAML, too large, too deep."""

    code = "config_file"


class ConfigKeyError(RegtrainError):
    """A key that the config does not have."""

    code = "config_key"


class ConfigValueError(RegtrainError):
    """A value of the wrong type or outside what is allowed."""

    code = "config_value"


class MissingKeyError(RegtrainError):
    """A run needs a key that the config leaves out."""

    code = "missing_key"


class UnknownNameError(RegtrainError):
    """A name that no plugin offers."""

    code = "unknown_name"


class ImportNotAllowedError(RegtrainError):
    """A target names a package that the command line did not allow."""

    code = "import_not_allowed"


class PluginError(RegtrainError):
    """A run asked for what a broken plugin offers, or a plugin refused the run."""

    code = "plugin"


class DataError(RegtrainError):
    """The data are missing, empty, of the wrong shape, or not finite."""

    code = "data"


class CheckpointMismatchError(RegtrainError):
    """A checkpoint of another architecture."""

    code = "checkpoint_mismatch"


class RunNotFoundError(RegtrainError):
    """No run, run folder or checkpoint by that name."""

    code = "run_not_found"


class RunBusyError(RegtrainError):
    """What is asked for would get in the way of a run that is at work."""

    code = "run_busy"
    exit_code = 3


class OutsideOfRunError(RegtrainError):
    """Something was to be logged, and no run is training in this process."""

    code = "outside_of_run"


class CheckpointDamagedError(RegtrainError):
    """No checkpoint of the run passes its digests."""

    code = "checkpoint_damaged"
    exit_code = 4


class CodeChangedError(RegtrainError):
    """The code of a version or run is not what it was when the model was trained, or is missing."""

    code = "code_changed"
    exit_code = 4


class UntrustedCodeError(RegtrainError):
    """A model needs code from another registry, and the user has not allowed it to run."""

    code = "untrusted_code"


class ExportError(RegtrainError):
    """A model cannot be exported to a format, or the exported file does not compute the same."""

    code = "export"
    exit_code = 1


class NotFiniteError(RegtrainError):
    """A model that diverged: no checkpoint has finite weights and losses."""

    code = "not_finite"
    exit_code = 1


class EnvironmentFault(RegtrainError):
    """The machine, not the input: disk full, folder not writable, a part not installed, a device missing."""

    code = "environment"
    exit_code = 5


class JobFailedError(RegtrainError):
    """The launched side ended without an outcome, or with an error of the user's own code."""

    code = "job_failed"
    exit_code = 1


def recreated(base: type[RegtrainError], facts: Mapping[str, Any]) -> RegtrainError:
    """The error of another process, as one of the class `base`. `facts`: its code, exit_code, message and hint."""
    kind = type(base.__name__, (base,), {"code": str(facts["code"]), "exit_code": int(facts["exit_code"])})
    error: RegtrainError = kind(str(facts["message"]), str(facts["hint"]))
    return error


class Guard:
    """Around a call into a plugin: what it raises is kept in `problem`, SystemExit and GeneratorExit included.

    Only KeyboardInterrupt passes: that one is the user's, not the plugin's.
    """

    def __init__(self) -> None:
        self.problem: BaseException | None = None

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.problem = problem
        return problem is not None and not isinstance(problem, KeyboardInterrupt)

    def check(self, what: str) -> None:
        """Raise what was raised; one that is no ordinary exception, and would end the program, as PluginError."""
        if isinstance(self.problem, Exception):
            raise self.problem
        if self.problem is not None:
            fault = f"{type(self.problem).__name__}: {self.problem}".rstrip(": ")
            raise PluginError(f"{what} raised {fault}", "mend the plugin: it may not end the program") from self.problem


def brief(problem: BaseException) -> str:
    """The message of an exception as one line; the trace has all of it.

    An exception of a loading process says which one it was, and holds what was wrong behind its trace as text.
    """
    line, _, rest = str(problem).strip().partition("\n")
    if rest.startswith("Original Traceback"):
        line += " " + next((text for text in rest.splitlines()[1:] if text and not text.startswith(" ")), "")
    return line if len(line) <= 300 else line[:300] + "…"


def nearest(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices spelled most like `word`, best first; letter case does not count."""
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(choice.lower(), choice)
    return [folded[match] for match in difflib.get_close_matches(word.lower(), folded, n=count, cutoff=0.6)]
