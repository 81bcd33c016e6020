"""What every section of the config is made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from regtrain.types.config.values import as_metric

__all__ = ["NOT_IN_RECIPE", "Args", "Metric", "Mode", "NotNegative", "Positive", "Section"]

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Metric = Annotated[str, BeforeValidator(as_metric)]
Mode = Literal["min", "max"]
Args = dict[str, Any]

NOT_IN_RECIPE: dict[str, Any] = {"x-recipe": False}
"""For `json_schema_extra`: the key says when, where or how long something is learned, or what is written down, but not
what is learned. A change of it moves the patch part of a version only. It holds for everything below the key."""


class Section(BaseModel):
    """Frozen, strict, and closed: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
