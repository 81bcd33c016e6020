"""The one door: everything that reads or writes the database goes through `Registry`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain_registry import artifacts
from regtrain_registry.location import check_url, default_store, file_system_type, locate
from regtrain_registry.records import (
    ArtifactKind,
    ModelInfo,
    ParentLink,
    Registration,
    RunDetail,
    RunInfo,
    RunStart,
    RunStatus,
    VersionDetail,
    VersionInfo,
)
from regtrain_registry.refs import check_alias, check_name, parse_ref
from regtrain_registry.registry import runs, versions
from regtrain_registry.registry.aliases import set_alias
from regtrain_registry.registry.database import Database, shown
from regtrain_registry.registry.finding import find, lock_model, model_id
from regtrain_registry.remote_blobs import open_store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.differences import Differences
    from regtrain_registry.lineage import Lineage

__all__ = ["Registry"]


class Registry:
    """Models, versions, lineage and runs in a SQL database, and their files in a content-addressed store.

    Objects may be shared by threads and survive a fork: no connection is held between calls.
    """

    def __init__(
        self,
        uri: str | None = None,
        store: str | Path | None = None,
        *,
        create: bool = True,
        force_network_fs: bool = False,
        lock_timeout: float = 30.0,
        read_file_system: Callable[[Path], int | None] = file_system_type,
    ) -> None:
        """Open the registry, creating what is missing unless `create` is off (then `NoRegistryError`).

        uri: database URL; the one that `locate` finds when left out. store: folder or URL of the blobs;
        beside a SQLite file when left out. lock_timeout: seconds to wait for other writers.
        Errors: `RegistryUrlError` for the URL; exit code 5 for a database that cannot be used.
        """
        here = locate(Path.cwd(), os.environ)
        url = check_url(uri or here.uri)
        if store is None:
            store = here.store if uri is None or "REGTRAIN_STORE_URI" in os.environ else default_store(url, here.store)
        self.store_place = str(store)
        self._database = Database(
            url,
            create=create,
            lock_timeout=lock_timeout,
            read_file_system=None if force_network_fs else read_file_system,
        )
        self.uri = shown(self._database.url)
        self._store = open_store(self.store_place)

    def __repr__(self) -> str:
        return f"Registry({self.uri!r}, {self.store_place!r})"

    def schema_version(self) -> str | None:
        """The number of the database's schema."""
        return self._database.version()

    def upgrade(self) -> None:
        """Bring the schema to the newest that this release knows."""
        self._database.upgrade()

    def start_run(self, run: RunStart) -> None:
        """Record a run as running; `RunExistsError` when its id is taken."""
        now = datetime.now(UTC)
        self._database.write(lambda connection: runs.start(connection, run, now))

    def update_run(
        self,
        run_id: str,
        *,
        pid: int | None = None,
        pid_started: float | None = None,
        host: str | None = None,
        boot_id: str | None = None,
    ) -> None:
        """Record which process works on the run; what is left out stays."""
        given = {"pid": pid, "pid_started": pid_started, "host": host, "boot_id": boot_id}
        values = {name: value for name, value in given.items() if value is not None}
        if values:
            self._database.write(lambda connection: runs.change(connection, run_id, values))

    def finish_run(
        self,
        run_id: str,
        status: runs.FinalStatus,
        *,
        metrics: Mapping[str, Any] | None = None,
        steps: int | None = None,
        epochs: int | None = None,
        best: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        error: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record how a run ended; `RunNotFoundError` when it was never started."""
        values = runs.outcome(
            status,
            metrics=metrics or {},
            steps=steps,
            epochs=epochs,
            best=best,
            data=data or {},
            error=error,
            seconds=seconds,
            now=datetime.now(UTC),
        )
        self._database.write(lambda connection: runs.change(connection, run_id, values))

    def runs(self, limit: int | None = None, status: RunStatus | str | None = None) -> list[RunInfo]:
        """Runs, newest first."""
        wanted = None if status is None else RunStatus(status)
        return self._database.read(lambda connection: runs.runs(connection, limit, wanted))

    def run(self, ref: str) -> RunDetail:
        """The run by id, unique beginning of an id, name (the newest) or folder; else `RunNotFoundError`."""
        return self._database.read(lambda connection: runs.get(connection, ref))

    def register(self, registration: Registration) -> VersionInfo:
        """Store the files, then make the version in one transaction; on any error nothing is registered.

        Errors: `VersionTakenError`, `NameNotAllowedError`, `FileToStoreError`, `StoreUnavailableError`, and
        those of refs for the parents.
        """
        from regtrain_registry.registry import registering  # who only reads does not need its statements

        request = registering.check(registration)
        sources = [(file.path, file.digest) for file in registration.files]
        blobs = self._store.put(sources) if sources else []
        now = datetime.now(UTC)
        return self._database.write(
            lambda connection: registering.register(connection, request, blobs, self._store, now)
        )

    def models(self) -> list[ModelInfo]:
        """Every model, by name."""
        return self._database.read(versions.models)

    def versions(self, model: str) -> list[VersionInfo]:
        """The versions of a model, highest first; `ModelNotFoundError`."""

        name = check_name(model)
        return self._database.read(lambda connection: versions.all_of(connection, model_id(connection, name)))

    def resolve(self, ref: str) -> VersionInfo:
        """The version that a ref names; `RefSyntaxError`, `ModelNotFoundError` or `VersionNotFoundError`."""
        return self.show(ref)

    def show(self, ref: str) -> VersionDetail:
        """The version that a ref names, with its config."""
        parsed = parse_ref(ref)
        return self._database.read(lambda connection: versions.detail(connection, find(connection, parsed)))

    def parents(self, ref: str) -> list[ParentLink]:
        """The versions that a version came from, each as `NAME@VERSION`."""
        return self.show(ref).parents

    def lineage(self, ref: str, down: bool = False) -> Lineage:
        """The version that a ref names with all its ancestors, or with all its descendants (`down`)."""
        from regtrain_registry.registry import relating  # lists do not need its statements

        parsed = parse_ref(ref)
        return self._database.read(lambda connection: relating.lineage(connection, find(connection, parsed), down))

    def diff(self, old: str, new: str) -> Differences:
        """What differs between the versions that two refs name, of one model or of two."""
        from regtrain_registry.registry import relating

        parsed = parse_ref(old), parse_ref(new)

        def work(connection: Connection) -> Differences:
            before, after = (find(connection, ref) for ref in parsed)
            return relating.compare(connection, before, after)

        return self._database.read(work)

    def set_alias(self, ref: str, name: str) -> VersionInfo:
        """Let an alias name this version; where it named another one of the model, it moves."""
        parsed, alias = parse_ref(ref), check_alias(name)
        now = datetime.now(UTC)

        def work(connection: Connection) -> VersionInfo:
            owner = lock_model(connection, parsed.model)
            version_id = find(connection, parsed)
            set_alias(connection, owner, alias, version_id, now)
            return versions.detail(connection, version_id)

        return self._database.write(work)

    def checkout(self, ref: str, folder: str | Path) -> list[Path]:
        """Copy a version's files to a new or empty folder, each verified; the copies' paths."""
        return artifacts.unpack(self.show(ref), self._store, Path(folder))

    def open_artifact(self, ref: str, kind_or_name: str = ArtifactKind.WEIGHTS) -> Path:
        """A verified local path of one file of a version, by its name or kind; not to be written to."""
        return artifacts.verified_path(self.show(ref), self._store, str(kind_or_name))
