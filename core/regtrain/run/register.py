"""A finished run folder → a version in the registry."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.bounded import is_hollow
from regtrain.checkpoint.manifest import MANIFEST, Manifest, check_files, read_manifest
from regtrain.config.keys import not_learned
from regtrain.errors import ConfigValueError, NotFiniteError, RunNotFoundError, nearest
from regtrain.redact import redact
from regtrain.run.record import record_missing
from regtrain.run_dir import Outcome, RunDir, finite
from regtrain.run_dir.codec import write_json
from regtrain.types import Plan

if TYPE_CHECKING:
    from regtrain_registry import FileToStore, Registry, VersionInfo

__all__ = ["check_version_free", "check_version_keys", "parents_of", "register_run"]


def check_version_keys(plan: Plan) -> None:
    """Refuse a model name, a bump or a version that the registry would refuse, before anything is trained."""
    from regtrain_registry import check_name
    from regtrain_registry.semver import parse_version

    keys = plan.config.registry
    check_name(plan.model_name)
    if keys.version:
        parse_version(keys.version)
    if keys.version and keys.bump:
        raise ConfigValueError("registry.version and registry.bump are both given", "keep one of them")


def check_version_free(registry: Registry | None, plan: Plan) -> None:
    """Refuse a version that is taken before anything is trained; registering still decides.

    Raises:
        VersionTakenError: it is.
    """
    wanted = plan.config.registry.version
    if registry is None or wanted is None or plan.config.training.debug:
        return
    from regtrain_registry.errors import ModelNotFoundError, VersionNotFoundError, VersionTakenError

    try:
        taken = registry.show(f"{plan.model_name}@{wanted}")
    except (ModelNotFoundError, VersionNotFoundError):
        return
    raise VersionTakenError(
        f"registry.version: {taken.ref} exists (number {taken.number}); nothing was trained",
        "leave registry.version out, and it is computed; or give a free one",
    )


def register_run(
    registry: Registry,
    run_dir: RunDir,
    *,
    checkpoint: Path | None = None,
    model: str | None = None,
    bump: str | None = None,
    version: str | None = None,
    parents: tuple[tuple[str, str], ...] = (),
    force: bool = False,
    allow_nonfinite: bool = False,
) -> VersionInfo:
    """Register what a run trained: its best checkpoint, or the one that is named. The same run again is the same
    version, unless a model, checkpoint, bump or version is given.

    Weights that are not finite are registered only when that is allowed, and as archived: `latest` is another version.

    Raises:
        RunNotFoundError: the run has left no checkpoint.
        NotFiniteError: weights or losses of the checkpoint are not finite.
        CheckpointDamagedError: a file of the checkpoint is missing, no regular file, or of another size.
        RegistryError: the version is taken, a file cannot be stored, the database cannot be reached.
    """
    from regtrain_registry import Bump, ParentLink, Recipe, Registration, Relation, Source, VersionStatus

    plan, outcome = run_dir.read_plan(), run_dir.read_outcome()
    place = checkpoint
    if place is None and outcome and outcome.checkpoint:  # by its name: the folder may have been moved
        place = run_dir.checkpoints(plan.config) / Path(outcome.checkpoint).name
    if outcome is None or place is None:
        raise RunNotFoundError(f"{run_dir.path} holds nothing to register", "wait for the run to end, or resume it")
    record_missing(registry, plan, run_dir)
    keys = plan.config.registry
    code = run_dir.read_metadata()["code"]
    links = [*plan.parents, *parents]
    config = redact(run_dir.read_settled(plan).model_dump(mode="json"))
    given = bump or (None if version else keys.bump)
    manifest = read_manifest(place)
    if not manifest.finite and not (allow_nonfinite or keys.allow_nonfinite):
        raise NotFiniteError(
            f"{place.name} has weights or losses that are not finite; nothing is registered",
            "name another checkpoint, or say --allow-nonfinite",
        )
    check_files(place, manifest)
    made = registry.register(
        Registration(
            model=model or plan.model_name,
            files=tuple(_own_files(run_dir, _files(run_dir, plan, place, outcome, manifest))),
            recipe=Recipe(config=config, **outcome.recipe, not_learned=not_learned()),
            run_id=plan.run_id,
            metrics=_metrics(outcome, manifest),
            config=config,
            source=Source(code["git_commit"], code["dirty"]),
            parents=tuple(ParentLink(ref, Relation(relation)) for ref, relation in links),
            bump=Bump(given) if given else None,
            version=version or (None if bump else keys.version),
            force=force or keys.force,
            idempotency_key=_same(plan.run_id, model or plan.model_name, place.name, bump, version, *_spelled(parents)),
            summary=config["experiment"]["description"],
        )
    )
    if manifest.finite or made.status is VersionStatus.ARCHIVED:
        return made
    return registry.archive(made.ref, "weights or losses are not finite")


def parents_of(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`REF` or `RELATION=REF` → ref and relation, resumed_from when it is left out.

    Raises:
        ConfigValueError: there is no such relation.
    """
    from regtrain_registry import Relation

    found = []
    for word in words:
        relation, equals, ref = word.partition("=")
        if not equals or not relation.replace("_", "").isalpha():  # a range has signs of its own: digits@>=1
            relation, ref = Relation.RESUMED_FROM.value, word
        if relation not in list(Relation):
            near = nearest(relation, list(Relation))
            names = ", ".join([*near, *(other for other in Relation if other not in near)])
            raise ConfigValueError(f"--parent {word}: no relation is called {relation!r}", f"there is {names}")
        found.append((ref, relation))
    return tuple(found)


def _spelled(parents: Iterable[tuple[str, str]]) -> list[str]:
    """As they are typed; what is resumed from without its relation."""
    return [ref if relation == "resumed_from" else f"{relation}={ref}" for ref, relation in parents]


def _same(*facts: object) -> str:
    """One key for one registration, however long its facts are."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _metrics(outcome: Outcome, manifest: Manifest) -> dict[str, Any]:
    """Metrics of the registered weights, which need not be those of the run's end."""
    metrics = dict(manifest.metrics)
    return {**{k: v for k, v in outcome.metrics.items() if k.startswith("train/")}, **metrics}


def _own_files(run_dir: RunDir, files: Iterable[FileToStore]) -> Iterator[FileToStore]:
    """The files, each of which lies in the run folder itself.

    Raises:
        RunNotFoundError: one is a link, or lies behind one: it would bring a foreign file into the registry; or it is
            nothing but a hole.
    """
    inside = os.path.realpath(run_dir.path)
    for file in files:
        path = Path(file.path)
        place = Path(os.path.realpath(path))  # unlike resolve(), it takes a link to itself
        if path.is_symlink() or not place.is_relative_to(inside):
            raise RunNotFoundError(
                f"{path} is a link to {place}, and a run folder holds its own files",
                "put the file itself in its place, or remove the link",
            )
        if path.is_file() and is_hollow(path):
            raise RunNotFoundError(f"{path} is a large file without content", "it was cut, or made up")
        yield file


def _files(run_dir: RunDir, plan: Plan, place: Path, outcome: Outcome, manifest: Manifest) -> Iterator[FileToStore]:
    """Weights, the rest of the training state (so that a version can be resumed), logs, config and code."""
    from regtrain_registry import ArtifactKind, FileToStore

    digests = {name: entry.digest for name, entry in manifest.files.items()}
    # Linked: these files are never written to again.
    weights = "model.safetensors"
    yield FileToStore(place / weights, weights, ArtifactKind.WEIGHTS, digests[weights], link=True)
    for name in ("state.safetensors", "state.json"):
        yield FileToStore(place / name, f"checkpoint/{name}", ArtifactKind.OTHER, digests[name], link=True)
    yield FileToStore(place / MANIFEST, f"checkpoint/{MANIFEST}", ArtifactKind.METADATA)
    metrics = run_dir.path / "metrics.json"
    write_json(metrics, finite(_metrics(outcome, manifest)))  # beside it and renamed: a link in its place is replaced
    yield FileToStore(metrics, "metrics.json", ArtifactKind.METRICS)
    yield FileToStore(run_dir.public_config, "config.yaml", ArtifactKind.CONFIG)
    yield FileToStore(run_dir.metadata, "metadata.json", ArtifactKind.METADATA)
    yield FileToStore(run_dir.requirements, "requirements.txt", ArtifactKind.METADATA)
    logs = run_dir.logs(plan.config)
    for path, kind in ((logs / "train.log", ArtifactKind.LOG), (logs / "metrics.jsonl", ArtifactKind.METRICS)):
        if path.is_file():
            yield FileToStore(path, f"logs/{path.name}", kind)
    if run_dir.code.is_dir():
        for path in sorted(path for path in run_dir.code.rglob("*") if path.is_file()):
            yield FileToStore(path, f"code/{path.relative_to(run_dir.code).as_posix()}", ArtifactKind.CODE)
