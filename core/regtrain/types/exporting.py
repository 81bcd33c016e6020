"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regtrain.types.config import Config

__all__ = ["ModelSource"]


@dataclass(frozen=True)
class ModelSource:
    """Where the weights, the config and the code of a trained model are.

    `origin` is what it is called in messages. `weights` is None where they are in memory already; `digest` is theirs,
    `blake3:…` or `sha256:…`. `code` is the folder that relative targets start from, `digests` section → digest of the
    user's files as they were when the model was trained. `facts` go into the metadata of an export.
    """

    origin: str
    config: Config
    weights: Path | None
    digest: str
    code: Path
    digests: Mapping[str, str] = field(default_factory=dict)
    allow_imports: tuple[str, ...] = ()
    signature: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    format: int = 1
