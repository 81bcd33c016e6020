"""Writes the stored registry of the present schema: `python tests/registry/write_stored.py > stored/schema_NNNN.sql`.

Run once for each schema that a release brings; a stored file is never written again.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from regtrain_registry import (
    ArtifactKind,
    FileToStore,
    ParentLink,
    Recipe,
    Registration,
    Registry,
    Relation,
    RunStart,
    Source,
)


def fill(registry: Registry, folder: Path) -> None:
    weights = folder / "weights"
    weights.write_bytes(b"weights")
    registry.start_run(RunStart("run-1", "digits", "/runs/digits", {"optimizer": {"lr": 0.1}}))
    registry.finish_run(
        "run-1", "finished", metrics={"val/loss": 0.5}, steps=10, epochs=1, best={"step": 10}, seconds=1.5
    )
    files = (FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS),)
    for number, (lr, version) in enumerate([(0.1, None), (0.01, None), (0.01, "2.0.0-rc.1")]):
        recipe = Recipe(
            config={"optimizer": {"lr": lr}},
            data={"train": "sha256:1"},
            code={"model.py": "sha256:2"},
            signature={"input": {"shape": [None, 64]}},
            state={"fc.weight": [[10, 64], "float32"]},
        )
        parents = (ParentLink("digits/1", Relation.FINE_TUNED_FROM),) if number else ()
        registry.register(
            Registration(
                "digits",
                files,
                recipe,
                "run-1",
                {"val/loss": 0.5},
                {},
                Source("abc", False),
                parents,
                version=version,
                idempotency_key=f"key-{number}",
            )
        )
    registry.set_alias("digits/2", "champion")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(Registry(f"sqlite:///{folder}/registry.db"), folder)
        connection = sqlite3.connect(folder / "registry.db")
        for table in ("rt_models", "rt_versions", "rt_blobs"):
            connection.execute(f"UPDATE {table} SET created_at = printf('2026-11-20 08:00:%02d.000000', rowid)")
        connection.execute("UPDATE rt_aliases SET updated_at = '2026-11-20 08:00:05.000000'")
        connection.execute(
            "UPDATE rt_runs SET started_at = '2026-11-20 07:00:00.000000', finished_at = '2026-11-20 07:30:00.000000'"
        )
        connection.commit()
        sys.stdout.write("\n".join(connection.iterdump()) + "\n")
        connection.close()


if __name__ == "__main__":
    main()
