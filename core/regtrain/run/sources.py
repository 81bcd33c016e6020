"""What a user names as a trained model: a version, a checkpoint or a run folder. Loads no torch."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from regtrain.bounded import parse_json
from regtrain.checkpoint.manifest import MANIFEST, check_files, read_manifest
from regtrain.errors import CodeChangedError, ConfigValueError, RunNotFoundError, UntrustedCodeError
from regtrain.plan.paths import expanded
from regtrain.run.resume import PTH_VIEWS, checkpoint_at, run_dir_of
from regtrain.run_dir import RunDir
from regtrain.targets import find_target
from regtrain.types.config import Config
from regtrain.types.exporting import ModelSource

if TYPE_CHECKING:
    from regtrain_registry import Registry
    from regtrain_registry.domain.records import VersionDetail

__all__ = [
    "WEIGHTS",
    "is_path",
    "source_at_path",
    "source_of_path",
    "source_of_version",
    "weights_digest",
    "with_checked_code",
]

WEIGHTS = "model.safetensors"
SECTIONS = ("model", "data", "loss")  # parts of a config that code of the user may make
_UNPACKED: dict[tuple[str, ...], Path] = {}


def is_path(text: str, cwd: Path) -> bool:
    """Whether a text names a checkpoint or a run folder; anything else is a version."""
    path = cwd / expanded("model", text)
    if not os.path.exists(path) and path.name not in PTH_VIEWS:  # noqa: PTH110 - also of a name that is too long
        return False
    return checkpoint_at(path) is not None or run_dir_of(path.resolve()) is not None or "/" in text


def source_at_path(registry: Registry, ref: str, *, trust_code: bool) -> ModelSource:
    """The model of a version, with its weights at a verified path, for another process.

    Raises:
        RegtrainError, RegistryError: as `source_of_version`; the weights are damaged.
    """
    version = registry.show(ref)
    source = source_of_version(registry, version, trust_code=trust_code)
    return replace(source, weights=registry.open_artifact(version.ref, WEIGHTS))


def source_of_path(path: Path, *, rebuilt: bool = True) -> ModelSource:
    """The model of a checkpoint, or the best one of a run folder. `rebuilt`: it is going to be built anew.

    Raises:
        RunNotFoundError: it is neither, or the run has no checkpoint yet.
        CheckpointDamagedError: the manifest cannot be read.
    """
    owner = run_dir_of(path.resolve())
    if owner is None:
        raise RunNotFoundError(
            f"{path} is no run folder and no checkpoint in one",
            "name a run folder, a checkpoint in it, or a version: NAME@1.0.0",
        )
    plan = owner.read_plan()
    if rebuilt and "model" in plan.given:
        raise _no_code(f"the model of {path}")
    place = checkpoint_at(path) or _chosen(owner, plan)
    manifest = read_manifest(place)
    check_files(place, manifest)
    outcome = owner.read_outcome()
    return ModelSource(
        origin=str(path),
        config=owner.read_settled(plan),
        weights=place / WEIGHTS,
        digest=manifest.files[WEIGHTS].digest,
        code=owner.code,
        digests=dict(plan.code),
        allow_imports=plan.allow_imports,
        signature=dict(outcome.recipe.get("signature") or {}) if outcome else {},
        facts={"run": plan.run_id, "model": plan.model_name, "digest": manifest.files[WEIGHTS].digest},
    )


def _chosen(owner: RunDir, plan: Any) -> Path:
    outcome = owner.read_outcome()
    if outcome is None or not outcome.checkpoint:
        raise RunNotFoundError(f"{owner.path} has no checkpoint of a finished run", "wait for the run to end")
    return owner.checkpoints(plan.config) / Path(outcome.checkpoint).name


def source_of_version(registry: Registry, version: VersionDetail, *, trust_code: bool) -> ModelSource:
    """The model of a version, with code in a folder of this process; its weights are left to the caller.

    Raises:
        ConfigValueError: the version has no model that could be built anew, or no weights as safetensors.
        UntrustedCodeError: the code of the model came from another registry, and `trust_code` is off.
        CodeChangedError: the code of the model is missing or not what it was.
        RegistryError: a file is damaged.
    """
    if not any(artifact.path == WEIGHTS for artifact in version.artifacts):
        there = ", ".join(artifact.path for artifact in version.artifacts) or "no file"
        raise ConfigValueError(
            f"{version.ref} has no {WEIGHTS}; it has {there}", "name a version that regtrain has registered"
        )
    config = _config(version)
    code = registry.recipe(version.ref).code
    targets = {name: target for name in SECTIONS if (target := getattr(config, name).target)}
    untrusted = (registry.origin(version.ref) if targets and not trust_code else None) or ""
    if untrusted and "model" in targets:
        raise UntrustedCodeError(
            f"{version.ref} needs its own code ({targets['model']}), which came from elsewhere ({untrusted})",
            "read the code (`regtrain models checkout`), then say trust_code=True or --trust-code",
        )
    digests = {name: code.get(name, "").removeprefix(f"{target} ") for name, target in targets.items()}
    modules = {target.partition(".")[0] for target in targets.values() if not target.partition(":")[0].endswith(".py")}
    source = ModelSource(
        origin=version.ref,
        config=config,
        weights=None,
        digest=weights_digest(registry, version),
        code=_unpacked(registry, version) if targets else Path(),
        digests={name: digest for name, digest in digests.items() if digest},
        allow_imports=tuple(sorted(modules)),
        signature=version.signature,
        facts={
            "model": version.name,
            "version": version.version,
            "number": str(version.number),
            "digest": version.digest,
        },
        untrusted=untrusted,
    )
    return with_checked_code(source, ("model",))


def _config(version: VersionDetail) -> Config:
    try:
        config = Config.model_validate(version.config)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigValueError(
            f"the config of {version.ref} cannot be read: {where}: {first['msg']}",
            "it was written by another release, or by another program",
        ) from problem
    if not config.model.name and not config.model.target:
        raise _no_code(version.ref)
    return config


def _no_code(what: str) -> ConfigValueError:
    return ConfigValueError(
        f"{what} was passed as an object in Python, so that nothing tells how to build it anew",
        "build it and pass it: regtrain.load(REF, model=…); or train with model.target: ./file.py:function",
    )


def weights_digest(registry: Registry, version: VersionDetail) -> str:
    """BLAKE3 of the weights where the checkpoint's manifest, which is verified itself, names one."""
    names = {artifact.path: artifact for artifact in version.artifacts}
    manifest = f"checkpoint/{MANIFEST}"
    if manifest in names and names[manifest].size_bytes < 1 << 20:
        entry = parse_json(bytes(registry.read_artifact(version.ref, manifest)))["files"].get(WEIGHTS, {})
        if str(entry.get("digest", "")).startswith("blake3:"):
            return str(entry["digest"])
    return names[WEIGHTS].digest


def _unpacked(registry: Registry, version: VersionDetail) -> Path:
    """The code of a version in a folder that stays as long as this process: modules may be imported late."""
    files = [artifact for artifact in version.artifacts if artifact.path.startswith("code/")]
    key = tuple(sorted(f"{file.path} {file.digest}" for file in files))
    if key not in _UNPACKED or not _UNPACKED[key].is_dir():
        folder = Path(tempfile.mkdtemp(prefix="regtrain-code-")).resolve()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for file in files:
            place = folder / file.path.removeprefix("code/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(registry.read_artifact(version.ref, file.path))
        _UNPACKED[key] = folder
    return _UNPACKED[key]


def with_checked_code(source: ModelSource, sections: tuple[str, ...]) -> ModelSource:
    """The source, when the code of these sections is what it was when the model was trained.

    Raises:
        CodeChangedError: a file is missing or has changed; names both digests.
    """
    for name in sections:
        target = getattr(source.config, name).target
        expected = source.digests.get(name, "")
        if not target or not target.partition(":")[0].endswith(".py"):
            continue
        file = source.code / target.rpartition(":")[0]
        if not file.is_file():
            raise CodeChangedError(
                f"{source.origin} lacks its code: {name}.target {target}, which had the digest {expected or 'unknown'}",
                "register the run again from its folder, or build the model yourself: regtrain.load(REF, model=…)",
            )
        found = find_target(f"{name}.target", target, source.code, source.allow_imports).digest
        if found != expected:
            raise CodeChangedError(
                f"the code of {source.origin} has changed: {name}.target {target} has the digest {found}, "
                f"and had {expected or 'none'} when the model was trained",
                "put the files of then back into their place",
            )
    return source
