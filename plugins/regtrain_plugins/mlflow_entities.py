"""Models and versions of our registry as MLflow's values, and our errors as MLflow's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelAlias
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    DATA_LOSS,
    FEATURE_DISABLED,
    INVALID_PARAMETER_VALUE,
    INVALID_STATE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from regtrain_registry import RegistryError, VersionStatus

if TYPE_CHECKING:
    from regtrain_registry import ModelInfo, VersionInfo

__all__ = [
    "LEFT",
    "OWN_TAGS",
    "STAGES",
    "as_model",
    "as_version",
    "invalid",
    "newest_of_stages",
    "refused",
    "text_of",
    "translated",
]

STAGES = {"staging": "Staging", "production": "Production"}
OWN_TAGS = ("regtrain.version", "regtrain.digest", "regtrain.status")
LEFT = frozenset({VersionStatus.EXPIRED, VersionStatus.COLLECTED, VersionStatus.DAMAGED})
"""Versions that MLflow's clients do not see: they are expired, or their rows cannot be read."""

_MISSING = ("model_not_found", "version_not_found", "alias_not_found", "tag_not_found", "artifact_not_found")
_CODES = {
    **dict.fromkeys((*_MISSING, "no_registry", "collected"), RESOURCE_DOES_NOT_EXIST),
    **dict.fromkeys(("model_taken", "version_taken"), RESOURCE_ALREADY_EXISTS),
    "promotion_refused": INVALID_STATE,
}
_BY_EXIT = {2: INVALID_PARAMETER_VALUE, 3: INVALID_STATE, 4: DATA_LOSS, 5: TEMPORARILY_UNAVAILABLE}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def translated(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The method with our errors as `MlflowException`, each with the code that MLflow has for it."""

    @wraps(method)
    def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        try:
            return method(*arguments, **options)
        except RegistryError as problem:
            code = _CODES.get(problem.code, _BY_EXIT.get(problem.exit_code, INVALID_STATE))
            raise MlflowException(str(problem), error_code=code) from problem

    return call


def refused(what: str, instead: str) -> MlflowException:
    """What MLflow's own registry does and ours does not."""
    return MlflowException(f"{what}\n{instead}", error_code=FEATURE_DISABLED)


def invalid(message: str) -> MlflowException:
    return MlflowException(message, error_code=INVALID_PARAMETER_VALUE)


def as_version(version: VersionInfo) -> ModelVersion:
    """Our number is MLflow's version; version, digest and status are tags of their own."""
    own = dict(zip(OWN_TAGS, (version.version, version.digest, version.status.value), strict=True))
    moment = _milliseconds(version.created_at)
    numbers = {key: value for key, value in version.metrics.items() if isinstance(value, int | float)}
    return ModelVersion(
        name=version.name,
        version=str(version.number),
        creation_timestamp=moment,
        last_updated_timestamp=_milliseconds(version.marks.since) or moment,
        description=version.summary,
        user_id=version.created_by,
        current_stage=stage_of(version),
        source=f"regtrain:{version.ref}",
        run_id=version.run_id,
        tags=[ModelVersionTag(key, value) for key, value in {**version.tags, **own}.items()],
        aliases=[*version.aliases, *version.stages],
        metrics=[Metric(key, float(value), moment, 0) for key, value in numbers.items()],
    )


def stage_of(version: VersionInfo) -> str:
    """MLflow's stage: of several stages the highest, and Archived for an archived version."""
    if version.status is VersionStatus.ARCHIVED:
        return "Archived"
    return next((STAGES[stage] for stage in ("production", "staging") if stage in version.stages), "None")


def as_model(model: ModelInfo, versions: Iterable[VersionInfo] | None = None) -> RegisteredModel:
    """versions: those of the model; without them aliases and the newest version of each stage are left out."""
    latest = _milliseconds(model.latest.created_at) if model.latest else 0
    if versions is None:
        return RegisteredModel(model.name, latest, latest)
    seen = [version for version in versions if version.status not in LEFT]
    names = {name: str(version.number) for version in seen for name in (*version.aliases, *version.stages)}
    moments = [_milliseconds(version.created_at) for version in seen] or [latest]
    return RegisteredModel(
        model.name,
        creation_timestamp=min(moments),
        last_updated_timestamp=max(moments),
        description="",
        latest_versions=[as_version(version) for version in newest_of_stages(seen).values()],
        aliases=[RegisteredModelAlias(name, number) for name, number in names.items()],
    )


def newest_of_stages(versions: Iterable[VersionInfo]) -> dict[str, VersionInfo]:
    newest: dict[str, VersionInfo] = {}
    for version in sorted(versions, key=lambda version: version.number):
        newest[stage_of(version)] = version
    return newest


def _milliseconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp() * 1000)


def text_of(value: Any) -> str:
    return "" if value is None else str(value)
