"""A registry in a fresh folder, and a short way to register."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import ArtifactKind, FileToStore, Recipe, Registration, Registry, VersionInfo
from regtrain_registry.testing.tensor_files import weights_file
from support.registry.blank import make_registry

pytest.register_assert_rewrite(
    *(
        f"registry.{name}"
        for name in (
            "care_conformance",
            "conformance",
            "content_conformance",
            "damage_conformance",
            "input_conformance",
            "marking_conformance",
            "migration_conformance",
            "naming_conformance",
            "relation_conformance",
            "retention_conformance",
            "schema_conformance",
            "search_conformance",
            "server_conformance",
            "store_conformance",
        )
    )
)

Register = Callable[..., VersionInfo]


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'registry.db'}"


@pytest.fixture
def registry(uri: str) -> Registry:
    return make_registry(Path(uri.removeprefix("sqlite:///")))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    file.write_bytes(weights_file(b"weights" * 989 + b"the"))
    return file


@pytest.fixture
def register(registry: Registry, weights: Path) -> Register:
    """Register one file of weights; other fields by keyword; the config is the recipe's too."""

    def do(model: str = "digits", config: dict[str, Any] | None = None, **fields: Any) -> VersionInfo:
        files = (FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS),)
        fields = {"files": files, "recipe": Recipe(config=config or {}), "config": config or {}, **fields}
        return registry.register(Registration(model, **fields))

    return do
