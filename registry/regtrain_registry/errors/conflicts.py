"""Errors of requests that collide with what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from regtrain_registry.errors.registry_error import ConflictError, RegistryError

__all__ = [
    "CollectionTooLargeError",
    "IdempotencyError",
    "ModelTakenError",
    "PromotionRefusedError",
    "RunExistsError",
    "StageGuardedError",
    "StatusError",
    "StoreSharedError",
    "VersionCollectedError",
    "VersionHeldError",
    "VersionTakenError",
    "WrongBumpError",
]


class Evidence(Protocol):
    """The evidence of a gate, as far as an error needs it."""

    def to_json(self) -> dict[str, Any]: ...


class StoreSharedError(ConflictError):
    """Files of another registry are in the store, and a collection would take them."""

    code = "store_shared"


class ModelTakenError(ConflictError):
    """Another model has the name, or had it before it was renamed."""

    code = "model_taken"


class VersionTakenError(ConflictError):
    """The version that was asked for exists."""

    code = "version_taken"


class WrongBumpError(ConflictError):
    """The part of the version that was asked for is too small for what changed."""

    code = "wrong_bump"


class StageGuardedError(ConflictError):
    """A stage moves by promotion only."""

    code = "stage_guarded"


class PromotionRefusedError(RegistryError):
    """A gate of the stage does not hold: a check that failed, exit code 1."""

    code = "promotion_refused"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", evidence: Sequence[Evidence] = ()) -> None:
        super().__init__(message, hint)
        self.evidence = tuple(evidence)

    @property
    def details(self) -> dict[str, Any]:
        """What every gate found, also those that hold."""
        return {"evidence": [one.to_json() for one in self.evidence]}


class StatusError(ConflictError):
    """The version's status does not allow what is asked for."""

    code = "status"


class VersionHeldError(ConflictError):
    """The version cannot expire, because something keeps it."""

    code = "held"


class VersionCollectedError(ConflictError):
    """The files of the version were collected."""

    code = "collected"


class CollectionTooLargeError(ConflictError):
    """A collection would take more than half of the store, and is not confirmed."""

    code = "collection_too_large"


class RunExistsError(ConflictError):
    """A run by that id is recorded."""

    code = "run_exists"


class IdempotencyError(ConflictError):
    """The key of this registration was used for another model."""

    code = "idempotency"
