"""A registration whose every name and number is checked before anything is stored. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.domain.records import ArtifactKind, FileToStore, Registration, Relation
from regtrain_registry.json_values import fitting, json_safe
from regtrain_registry.refs import Ref, check_apart, check_artifact_name, check_name, parse_ref
from regtrain_registry.semver import Bump, Version, parse_version
from regtrain_registry.validation import check_table, check_text, parse_enum

__all__ = ["CheckedRegistration", "check_registration", "digest_of"]

LEVELS = 32  # of a config, as in a file; what is stored wraps it once more


@dataclass(frozen=True, slots=True)
class CheckedRegistration:
    """A registration whose every name and number was checked."""

    registration: Registration
    wanted: Version | None
    parents: tuple[tuple[Ref, Relation], ...]
    config: dict[str, Any]
    recipe: Recipe
    metrics: dict[str, Any]


def check_registration(registration: Registration) -> CheckedRegistration:
    """Refuse what cannot be registered, before anything is stored."""
    check_name(registration.model)
    _check_files(registration.files)
    bump = registration.bump
    registration = replace(
        registration,
        bump=parse_enum("bump", bump, Bump) if bump else None,
        run_id=fitting("id of the run", registration.run_id, 64),
        idempotency_key=fitting("idempotency key", registration.idempotency_key, 128),
        source=replace(registration.source, git_commit=fitting("commit", registration.source.git_commit, 64)),
    )
    recipe, shown = registration.recipe, check_table("config", registration.config)
    check_text("summary", registration.summary)
    check_text("name of who made it", registration.created_by)
    config = json_safe(check_table("config", recipe.config), LEVELS)
    return CheckedRegistration(
        registration=registration,
        wanted=None if registration.version is None else parse_version(registration.version),
        parents=tuple(
            (parse_ref(link.ref), parse_enum("relation", link.relation, Relation)) for link in registration.parents
        ),
        config=json_safe(shown, LEVELS) if shown and shown is not recipe.config else config,
        recipe=Recipe(
            config,
            data=json_safe(recipe.data, LEVELS),
            code=json_safe(recipe.code, LEVELS),
            signature=json_safe(recipe.signature, LEVELS),
            state=json_safe(recipe.state, LEVELS),
            not_learned=recipe.not_learned,
        ),
        metrics=json_safe(check_table("table of metrics", registration.metrics), LEVELS),
    )


def _check_files(files: Sequence[FileToStore]) -> None:
    for file in files:
        check_artifact_name(file.name)
        parse_enum("kind of the file", file.kind, ArtifactKind)
    check_apart(file.name for file in files)


def digest_of(files: Iterable[tuple[str, ArtifactKind, str]]) -> str:
    """The digest of the weights; of several, or of none, that of the list of names and digests.

    files: name, kind and digest of each."""
    named = list(files)
    weights = [file for file in named if file[1] == ArtifactKind.WEIGHTS] or named
    if len(weights) == 1:
        return weights[0][2]
    lines = sorted(f"{digest}  {name}\n" for name, _, digest in weights)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
