"""What `model.init_from` names: a registered version whose weights a run begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.errors import ConfigValueError

if TYPE_CHECKING:
    from regtrain.run.resume import Resume
    from regtrain_registry import Registry

__all__ = ["Initial", "check_going_on", "find_initial"]


@dataclass(frozen=True)
class Initial:
    """An exact version, `NAME@VERSION`, and a file with its weights, verified; not to be written to."""

    ref: str
    weights: Path


def find_initial(ref: str, registry: Registry) -> Initial:
    """The version that `ref` means at this moment, and its weights.

    Raises:
        ConfigValueError: the version has no weights as safetensors.
        RegistryError: no such version, or its weights are damaged.
    """
    version = registry.show(ref)
    weights = [file.path for file in version.artifacts if file.kind == "weights"]
    if len(weights) != 1 or not weights[0].endswith(".safetensors"):
        raise ConfigValueError(
            f"model.init_from: {version.ref} has {', '.join(weights) or 'no file'} as weights",
            "name a version with one file of weights as safetensors",
        )
    return Initial(version.ref, registry.open_artifact(version.ref, weights[0]))


def check_going_on(wanted: str | None, found: Resume) -> None:
    """A run that goes on has the weights of its checkpoint: what it once began with cannot be brought in later.

    Raises:
        ConfigValueError: the config names a version to begin with, and the run that goes on began without one.
    """
    if wanted and not found.init_from:
        raise ConfigValueError(
            f"model.init_from is {wanted}, and {found.origin} began without it: a run that goes on has "
            "the weights of its checkpoint",
            "leave model.init_from out, or begin a run of its own without --resume",
        )
