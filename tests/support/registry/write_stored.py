"""Writes the stored registries of the present schema, one for each kind of database: `python write_stored.py`.

Run once for each schema that a release brings; a stored file is never written again.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

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
from regtrain_registry.db.migrations import HEAD
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file, write_tensors
from support.registry import servers
from support.registry.places import Place, database_on, unmade_place

STORED = Path(__file__).parents[2] / "registry" / "stored"


def fill_first(registry: Registry, folder: Path) -> None:
    """What the first schema has a place for."""
    weights = folder / "weights"
    weights.write_bytes(tensor_file({"w": b"weights"}))
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


def fill_second(registry: Registry, place: Place) -> None:
    """What the second schema has a place for besides, so that every table has rows."""
    shared = noise("shared", 2 * MB)
    for number in range(3):
        file = write_tensors(place.folder / f"large-{number}", {"head": noise(number, 70 * KB), "backbone": shared})
        files = (FileToStore(file, "model.safetensors", ArtifactKind.WEIGHTS),)
        recipe = Recipe(
            {"optimizer": {"lr": 0.1}}, {"train": f"sha256:{number:064x}", "data_dir/a.csv": "sha256:" + "a" * 64}
        )
        registry.register(Registration("large", files, recipe, metrics={"val/loss": 0.5 - number / 10}))
    inputs = (ParentLink("digits@1.1.0", Relation.FINE_TUNED_FROM),)
    registry.start_run(RunStart("run-2", "large", "/runs/large", inputs=inputs))
    registry.finish_run("run-2", "interrupted")
    registry.set_policy(
        "large", {"retention": {"keep_newest": 1}, "stages": {"production": {"require": {"val/loss": "< 1"}}}}
    )
    registry.tag("large@1.1.0", "team", "vision")
    registry.describe("large@1.1.0", "Größer")
    registry.pin("digits@1.0.0")
    registry.promote("large@1.2.0", "production")
    registry.deprecate("digits@2.0.0-rc.1", "overfits", "digits@1.1.0")
    registry.archive("large@1.1.0", "too slow")
    registry.delete("large@1.0.0")
    version = (
        "(SELECT v.id FROM rt_versions v JOIN rt_models m ON m.id = v.model_id WHERE m.name = 'large' AND v.minor = 2)"
    )
    when = "'2026-11-20 08:00:06.000000'"
    columns = "version_id, format, passed, digest, created_at, report"
    place.execute(
        f"INSERT INTO rt_exports ({columns}) VALUES ({version}, 'onnx', TRUE, NULL, {when}, '{{\"opset\": 18}}')",
        "INSERT INTO rt_signatures (version_id, key_id, created_at, statement, bundle) "
        f"VALUES ({version}, 'sha256:key', {when}, '{{}}', '{{}}')",
        "INSERT INTO rt_origins (version_id, registry_uid, model, version, number) "
        f"VALUES ({version}, '00000000-0000-4000-8000-000000000000', 'elsewhere', '3.1.0', 7)",
    )


def in_order_of_time(place: Place) -> None:
    """Times that are the same whenever this is run."""
    for table in ("rt_models", "rt_versions"):
        for (row,) in place.execute(f"SELECT id FROM {table}"):
            place.execute(f"UPDATE {table} SET created_at = '2026-11-20 08:00:{row:02d}.000000' WHERE id = {row}")
    place.execute(
        "UPDATE rt_blobs SET created_at = '2026-11-20 08:00:01.000000'",
        "UPDATE rt_aliases SET updated_at = '2026-11-20 08:00:05.000000'",
        "UPDATE rt_runs SET started_at = '2026-11-20 07:00:00.000000', finished_at = '2026-11-20 07:30:00.000000'",
    )


def dump(place: Place) -> str:
    """The statements that make the database again."""
    url = place.url
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(url.database))
        lines = list(connection.iterdump())
        connection.close()
    elif url.get_backend_name() == "postgresql":
        command = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", f"--host={url.query['host']}"]
        lines = output(*command, f"--username={url.username}", str(url.database), PGPASSWORD=str(url.password))
        lines = [line for line in lines if not line.startswith(("--", "\\"))]  # the latter are psql's
    else:
        command = ["mariadb-dump", "--no-defaults", "--skip-comments", "--skip-extended-insert", "--skip-add-locks"]
        login = (f"--socket={url.query['unix_socket']}", f"--user={url.username}")
        lines = output(*command, *login, str(url.database), MYSQL_PWD=str(url.password))
        lines = [line for line in lines if not line.startswith("/*M!")]  # the client's
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip()) + "\n"


def output(name: str, *arguments: str, **environment: str) -> list[str]:
    command = [servers.program(name), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout.splitlines()


def main() -> None:
    with tempfile.TemporaryDirectory() as name, servers.postgresql() as postgresql, servers.mariadb() as mariadb:
        folder = Path(name)
        file = unmade_place(folder)
        with database_on(postgresql, folder) as on_postgresql, database_on(mariadb, folder) as on_mariadb:
            for place in (file, on_postgresql, on_mariadb):
                registry = place.open(who="ada")
                fill_first(registry, folder)
                in_order_of_time(place)
                fill_second(registry, place)
                target = STORED / f"schema_{HEAD}.{place.url.get_backend_name()}.sql"
                target.write_text(dump(place), encoding="utf-8")


if __name__ == "__main__":
    main()
