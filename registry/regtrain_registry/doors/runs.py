"""The face of the registry that records runs and what comes out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from regtrain_registry.doors.opened import Opened
from regtrain_registry.errors import BlobMissingError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.domain.records import Registration, VersionInfo
    from regtrain_registry.domain.run_records import RunDetail, RunInfo, RunStart, RunStatus
    from regtrain_registry.ops import runs
    from regtrain_registry.store.blob import Range

__all__ = ["Runs"]


class Runs(Opened):
    """Runs, from their start to the version that they leave."""

    def start_run(self, run: RunStart) -> None:
        """Record a run as running, and what it starts from; `RunExistsError` when its id is taken."""
        from regtrain_registry.ops import runs

        now = datetime.now(UTC)
        if not run.inputs:
            self._database.write(lambda connection: runs.start(connection, run, now))
            return
        from regtrain_registry.ops import run_inputs  # who only reads does not need its statements

        links = run_inputs.check(run.inputs)

        def work(connection: Connection) -> None:
            runs.start(connection, run, now)
            run_inputs.record(connection, run.run_id, links)

        self._database.write(work)

    def update_run(
        self,
        run_id: str,
        *,
        status: str | None = None,
        pid: int | None = None,
        pid_started: float | None = None,
        host: str | None = None,
        boot_id: str | None = None,
    ) -> None:
        """Record that a submitted run waits or runs, or which process works on it; what is left out stays."""
        from regtrain_registry.domain.run_records import OpenStatus
        from regtrain_registry.ops import runs
        from regtrain_registry.validation import chosen

        given = {"pid": pid, "pid_started": pid_started, "host": host, "boot_id": boot_id}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if status is not None:
            # Its launcher follows it from here on: the process that submitted it may end, and the run is not lost.
            values = {"status": chosen("status", status, OpenStatus).value, "pid": None, "pid_started": None} | values
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
        from regtrain_registry.ops import runs

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

    def runs(
        self,
        limit: int | None = None,
        status: RunStatus | str | None = None,
        *,
        filter: str | None = None,
        order_by: str | None = None,
    ) -> list[RunInfo]:
        """Runs, newest first or in the order asked for; `FilterSyntaxError`, `ArgumentError`."""
        from regtrain_registry.domain.run_records import RunStatus
        from regtrain_registry.ops import runs
        from regtrain_registry.validation import check_limit, chosen

        check_limit(limit)
        wished = None if status is None else chosen("status", status, RunStatus)
        if filter is None and order_by is None:
            return self._database.read(lambda connection: runs.runs(connection, limit, wished))
        from regtrain_registry.ops import listing  # a plain list needs none of it
        from regtrain_registry.query import And, columns, parse_filter, parse_order

        wanted = None if filter is None else parse_filter(filter, columns.RUNS)
        if wished is not None:
            only = parse_filter(f"status = {wished.value}", columns.RUNS)
            wanted = only if wanted is None else And((only, wanted))
        order = () if order_by is None else parse_order(order_by, columns.RUNS)

        def work(connection: Connection) -> list[RunInfo]:
            return runs.of_ids(connection, listing.run_ids(connection, wanted, order, limit))

        return self._database.read(work)

    def run(self, ref: str) -> RunDetail:
        """The run by id, unique beginning of an id, name (the newest) or folder; else `RunNotFoundError`."""
        from regtrain_registry.ops import runs
        from regtrain_registry.validation import check_text

        name = check_text("name of the run", ref)
        return self._database.read(lambda connection: runs.get(connection, name))

    def register(self, registration: Registration) -> VersionInfo:
        """Store the files, then make the version in one transaction; on any error nothing is registered.

        Errors: `VersionTakenError`, `NameNotAllowedError`, `FileToStoreError`, `StoreUnavailableError`, and
        those of refs for the parents.
        """
        # Who only reads needs neither its statements nor the store.
        from regtrain_registry.ops import register
        from regtrain_registry.ops.blobs import source_file
        from regtrain_registry.ops.history import Work

        request = register.check(registration)
        files = [source_file(file) for file in registration.files]
        stored = self._own_store.put(files, self._tensors) if files else []
        by = Work(self.who, datetime.now(UTC))

        def work(connection: Connection) -> VersionInfo:
            try:
                return register.register(connection, request, stored, self._store, by)
            except BlobMissingError:
                # Collected since it was stored. Now that the registry's row is locked, nobody collects.
                again = self._store.put(files)
                return register.register(connection, request, again, self._store, by)

        return self._database.write(work)

    def _tensors(self, digests: Sequence[str]) -> Mapping[str, Range]:
        from regtrain_registry.ops.chunks import find_tensors

        return self._database.read(lambda connection: find_tensors(connection, digests))
