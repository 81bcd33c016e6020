"""Errors of names that nothing is recorded under."""

from __future__ import annotations

from regtrain_registry.errors.registry_error import RegistryError

__all__ = [
    "AliasNotFoundError",
    "ArtifactNotFoundError",
    "ModelNotFoundError",
    "NoRegistryError",
    "RunNotFoundError",
    "TagNotFoundError",
    "VersionNotFoundError",
]


class ModelNotFoundError(RegistryError):
    """No model by that name."""

    code = "model_not_found"


class VersionNotFoundError(RegistryError):
    """The model has no such version, number or alias."""

    code = "version_not_found"


class AliasNotFoundError(RegistryError):
    """The model has no alias or stage by that name."""

    code = "alias_not_found"


class TagNotFoundError(RegistryError):
    """The version has no tag by that name."""

    code = "tag_not_found"


class ArtifactNotFoundError(RegistryError):
    """The version has no artifact by that name or kind."""

    code = "artifact_not_found"


class RunNotFoundError(RegistryError):
    """No run by that id, name or folder; or several by that prefix."""

    code = "run_not_found"


class NoRegistryError(RegistryError):
    """There is no registry at this URL yet."""

    code = "no_registry"
