"""Search over configs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from regtrain.types.config.section import Metric, NotNegative, Positive, Section

__all__ = ["Parallel", "Pruning", "SearchRange", "Tuning"]


class SearchRange(Section):
    type: Literal["uniform", "loguniform", "int", "categorical"] = Field(description="How values are drawn.")
    low: int | float | None = Field(None, description="Lowest value.")
    high: int | float | None = Field(None, description="Highest value.")
    choices: list[Any] | None = Field(None, description="Values of a categorical.")


class Pruning(Section):
    enabled: bool = Field(True, description="Stop trials that fall behind.")
    patience: NotNegative | None = Field(None, description="Reports without improvement before a trial stops.")
    min_epochs: NotNegative | None = Field(None, description="Epochs that every trial gets.")
    intermediate_metric: Metric | None = Field(None, description="Metric that pruning watches.")


class Parallel(Section):
    n_jobs: Positive = Field(1, description="Trials at once.")
    gpu_per_trial: Annotated[int | float, Field(ge=0)] | None = Field(None, description="GPUs per trial.")


class Tuning(Section):
    backend: str | None = Field(None, description="optuna on one machine, ray on several.")
    search_space: dict[str, SearchRange | list[Any]] = Field(
        {}, description="Key → range, or [low, high], or a list of choices."
    )
    method: Literal["grid", "random", "bayesian"] | None = Field(None, description="How trials are chosen.")
    metric: Metric | None = Field(None, description="Metric to optimise.")
    direction: Literal["minimize", "maximize"] | None = Field(None, description="Whether less or more is better.")
    n_trials: Positive | None = Field(None, description="Trials in all.")
    timeout_per_trial: Annotated[int | float, Field(gt=0)] | None = Field(None, description="Seconds a trial may take.")
    n_startup_trials: NotNegative | None = Field(None, description="Random trials before the search learns.")
    pruning: Pruning | None = Field(None, description="Stopping hopeless trials early.")
    parallel: Parallel | None = Field(None, description="Trials side by side.")
