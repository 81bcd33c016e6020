"""The façade `Registry`: every use of the database and the store is one of its methods, and each calls an operation."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from regtrain_registry import ops
from regtrain_registry.db.engine import Database, shown
from regtrain_registry.domain.records import ArtifactKind, ModelInfo, ParentLink, VersionDetail, VersionInfo
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.json_values import as_text
from regtrain_registry.location import check_url, default_store, file_system_type, is_forced, locate
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.refs import check_alias, check_name, check_tag, parse_ref
from regtrain_registry.validation import check_limit, check_table, check_text, parse_enum

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.domain.clock import ClockReading
    from regtrain_registry.domain.collection import Collection as GcCollection
    from regtrain_registry.domain.differences import Differences
    from regtrain_registry.domain.events import Event
    from regtrain_registry.domain.lineage import DataLineage, Lineage
    from regtrain_registry.domain.promotion import Evidence
    from regtrain_registry.domain.records import Registration
    from regtrain_registry.domain.retention import PruneDecision
    from regtrain_registry.domain.run_records import RunDetail, RunInfo, RunStart
    from regtrain_registry.domain.verification import Report, Verification
    from regtrain_registry.ops.archive_files import Exported
    from regtrain_registry.ops.archive_import import Imported
    from regtrain_registry.ops.runs import FinalStatus
    from regtrain_registry.ops.usage import Usage
    from regtrain_registry.store.store import Store

__all__ = ["Registry"]

GRACE = timedelta(days=7)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Registry:
    """Models, versions, lineage and runs in a SQL database, and their files in a content-addressed store.

    Objects may be shared by threads and survive a fork. Between calls no lock is held, and of a server no connection.
    """

    def __init__(
        self,
        uri: str | None = None,
        store: str | Path | Store | None = None,
        *,
        create: bool = True,
        force_network_fs: bool = False,
        lock_timeout: float = 30.0,
        read_file_system: Callable[[Path], int | None] = file_system_type,
        who: str | None = None,
    ) -> None:
        """Open the registry, creating what is missing unless `create` is off (then `NoRegistryError`).

        uri: database URL; the one that `locate` finds when left out. store: folder or URL of the blobs, or a `Store`;
        beside a SQLite file when left out. force_network_fs: keep SQLite on a network file system, as
        REGTRAIN_FORCE_NETWORK_FS=1 does too. lock_timeout: seconds to wait for other writers. who: the actor in every
        event; REGTRAIN_USER, or the user of the system, when left out.
        Errors: `RegistryUrlError` for the URL; exit code 5 for a database that cannot be used.
        """
        here = locate(Path.cwd(), os.environ)
        url = check_url(uri or here.uri)
        if store is None:
            store = here.store if uri is None or "REGTRAIN_STORE_URI" in os.environ else default_store(url, here.store)
        self._given_store = None if isinstance(store, str | os.PathLike) else store
        self.store_place = str(store) if self._given_store is None else self._given_store.location
        if ":/" in self.store_place:
            self._store  # noqa: B018 - a URL of no store is refused at once, before anything is created
        self._database = Database(
            url,
            create=create,
            lock_timeout=lock_timeout,
            read_file_system=None if force_network_fs or is_forced(os.environ) else read_file_system,
        )
        self.uri = shown(self._database.url)
        self._who = who

    def __repr__(self) -> str:
        return f"Registry({self.uri!r}, {self.store_place!r})"

    @property
    def who(self) -> str:
        """The actor in every event."""
        return as_text(self._who or os.environ.get("REGTRAIN_USER") or _user())[:255]

    def schema_version(self) -> str | None:
        """The number of the database's schema."""
        return self._database.version()

    def upgrade(self) -> None:
        """Bring the schema to the newest that this release knows."""
        self._database.upgrade()

    def models(
        self, filter: str | None = None, order_by: str | None = None, limit: int | None = None
    ) -> list[ModelInfo]:
        """Models that a filter chooses, by name or in the order asked for; `FilterSyntaxError`.

        limit: the highest number of them, from 1; `ArgumentError`. It is the same wherever there is one.
        """
        check_limit(limit)
        if filter is None and order_by is None:
            return self._database.read(ops.read_models.models)[:limit]
        return ops.filtered.models(self._database, filter, order_by, limit)

    def versions(
        self, model: str, limit: int | None = None, *, filter: str | None = None, order_by: str | None = None
    ) -> list[VersionInfo]:
        """The versions of a model, highest first; `ModelNotFoundError`, `FilterSyntaxError`."""
        if filter is not None or order_by is not None:
            return self.search(filter, order_by, limit, model)
        return self._read(ops.read.versions, check_name(model), check_limit(limit))

    def search(
        self, filter: str | None = None, order_by: str | None = None, limit: int | None = None, model: str | None = None
    ) -> list[VersionInfo]:
        """The versions that a filter chooses, of every model or of one.

        Without an order the newest come first, of one model the highest. What has no value to order by comes last,
        ties go by number, the highest first. `FilterSyntaxError`, `ModelNotFoundError`.
        """
        name = None if model is None else check_name(model)
        return ops.filtered.versions(self._database, filter, order_by, check_limit(limit), name)

    def resolve(self, ref: str) -> VersionInfo:
        """The version that a ref names; `RefSyntaxError`, `ModelNotFoundError` or `VersionNotFoundError`."""
        return self.show(ref)

    def show(self, ref: str) -> VersionDetail:
        """The version that a ref names, with its config."""
        return self._read(ops.read.show, parse_ref(ref))

    def parents(self, ref: str) -> list[ParentLink]:
        """The parents of a version, each as `NAME@VERSION`."""
        return self.show(ref).parents

    def lineage(self, ref: str, down: bool = False) -> Lineage:
        """The version that a ref names with all its ancestors, or with all its descendants (`down`)."""
        return self._read(ops.lineage_queries.lineage, parse_ref(ref), down)

    def trained_on(self, digest: str) -> DataLineage:
        """Every version that was trained on the data with this digest, itself or through its parents.

        digest: as it is recorded (`sha256:…`), or its first digits, at least 8, without a prefix those of a SHA-256.
        Errors: `DigestSyntaxError`.
        """
        return self._read(ops.lineage_queries.versions_trained_on, ops.lineage_queries.check_digest(digest))

    def diff(self, old: str, new: str) -> Differences:
        """The differences between the versions that two refs name, of one model or of two."""
        return self._read(ops.lineage_queries.compare, parse_ref(old), parse_ref(new))

    def history(self, ref: str, limit: int | None = None) -> list[Event]:
        """The events of a model (`NAME`) or of one of its versions (`NAME@…`), newest first."""
        check_limit(limit)
        whole = not set("@/") & set(check_text("name of a version", ref).removeprefix("models:/"))
        return self._read(ops.event_log.history, parse_ref(ref), whole, limit)

    def rename(self, old: str, new: str) -> ModelInfo:
        """Give a model another name; the former name goes on answering. `ModelTakenError`."""
        return self._write(ops.rename.rename, check_name(old), check_name(new))

    def copy(self, ref: str, model: str) -> VersionDetail:
        """Make a version of another model with the files and the record of this one; nothing is copied in the store.

        In a new model it keeps its semantic version; in one that exists the version is decided as for a registration.
        Errors: `VersionCollectedError`, `StatusError`.
        """
        return self._write(ops.copy.copy, parse_ref(ref), check_name(model))

    def register(self, registration: Registration) -> VersionInfo:
        """Store the files, then insert the version in one transaction; on any error nothing is registered.

        Errors: `VersionTakenError`, `NameNotAllowedError`, `FileToStoreError`, `StoreUnavailableError`, and
        those of refs for the parents.
        """
        return ops.register.register(self._database, self._open_own_store, self._actor(), registration)

    def start_run(self, run: RunStart) -> None:
        """Record a run as running, and the versions that it starts from; `RunExistsError` when its id is taken."""
        self._write(ops.runs.start, run)

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
        values = ops.runs.changes(status, pid=pid, pid_started=pid_started, host=host, boot_id=boot_id)
        if values:
            self._write(ops.runs.change, run_id, values)

    def finish_run(
        self,
        run_id: str,
        status: FinalStatus,
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
        values = ops.runs.outcome(
            status,
            metrics=metrics or {},
            steps=steps,
            epochs=epochs,
            best=best,
            data=data or {},
            error=error,
            seconds=seconds,
        )
        self._write(ops.runs.finish, run_id, values)

    def runs(
        self,
        limit: int | None = None,
        status: RunStatus | str | None = None,
        *,
        filter: str | None = None,
        order_by: str | None = None,
    ) -> list[RunInfo]:
        """Runs, newest first or in the order asked for; `FilterSyntaxError`, `ArgumentError`."""
        check_limit(limit)
        only = None if status is None else parse_enum("status", status, RunStatus)
        if filter is None and order_by is None:
            return self._read(ops.runs.runs, limit, only)
        return ops.filtered.runs(self._database, filter, order_by, limit, only)

    def run(self, ref: str) -> RunDetail:
        """The run by id, unique beginning of an id, name (the newest) or folder; else `RunNotFoundError`."""
        return self._read(ops.runs.get, check_text("name of the run", ref))

    def set_alias(self, ref: str, name: str) -> VersionInfo:
        """Let an alias name this version; where it named another one of the model, it moves.

        Errors: `StageGuardedError` when a stage has the name.
        """
        return self._write(ops.aliases.set_alias, parse_ref(ref), check_alias(name))

    def remove_alias(self, model: str, name: str) -> None:
        """Remove an alias, or empty a stage; `AliasNotFoundError`."""
        self._write(ops.aliases.remove_alias, check_name(model), check_alias(name))

    def tag(self, ref: str, name: str, value: str) -> VersionInfo:
        """Set a tag of a version; `NameNotAllowedError`, `TextTooLongError`."""
        return self._write(ops.lifecycle.set_tags, parse_ref(ref), [check_tag(name, value)], ())

    def set_tags(self, ref: str, tags: Mapping[str, str], remove: Collection[str] = ()) -> VersionInfo:
        """Set tags of a version, then remove some: all of it or nothing.

        Errors: `NameNotAllowedError`, `TextTooLongError`, `TagNotFoundError`.
        """
        given = [check_tag(name, value) for name, value in check_table("table of tags", tags).items()]
        removed = [check_tag(name, "")[0] for name in ([remove] if isinstance(remove, str) else remove)]
        return self._write(ops.lifecycle.set_tags, parse_ref(ref), given, removed)

    def untag(self, ref: str, name: str) -> VersionInfo:
        """Remove a tag; `TagNotFoundError`."""
        return self._write(ops.lifecycle.set_tags, parse_ref(ref), (), [check_tag(name, "")[0]])

    def describe(self, ref: str, text: str) -> VersionInfo:
        """Write a version's description."""
        return self._write(ops.lifecycle.describe, parse_ref(ref), as_text(check_text("description", text)))

    def pin(self, ref: str, pinned: bool = True) -> VersionInfo:
        """Keep a version whatever a policy decides; off: leave it to the policy."""
        return self._write(ops.lifecycle.pin, parse_ref(ref), bool(pinned))

    def deprecate(self, ref: str, reason: str = "", successor: str | None = None) -> VersionInfo:
        """Advise against a version, and name the one to use instead; refs to it go on working."""
        instead = None if successor is None else parse_ref(successor)
        return self._write(ops.lifecycle.deprecate, parse_ref(ref), as_text(check_text("reason", reason)), instead)

    def archive(self, ref: str, reason: str | None = None) -> VersionInfo:
        """Hide a version from `latest` and ranges; `restore` brings it back."""
        why = None if reason is None else as_text(check_text("reason", reason))
        return self._write(ops.lifecycle.archive, parse_ref(ref), why)

    def promote(
        self,
        ref: str,
        stage: str,
        gates: Mapping[str, Any] | None = None,
        veto: Callable[[VersionDetail, str], Sequence[str]] = lambda version, stage: (),
    ) -> tuple[VersionInfo, list[Evidence]]:
        """Move a stage to a version whose gates hold, and store the evidence of each gate.

        gates: as in a policy; the model's own when left out. veto: called before anything is locked, raises to refuse;
        else the names of those without objection, which become evidence. A moving ref such as `NAME@latest` is resolved
        before: the version that the veto was called with is the one that is promoted.
        Errors: `PromotionRefusedError` naming the gates that do not hold; `SigningKeyError` for a key of a gate.
        """
        parsed, name = parse_ref(ref), check_alias(stage)
        return ops.promotion.promote(self._database, self._open_store, self._actor(), parsed, name, gates, veto)

    def record_export(
        self, ref: str, format: str, file: str | Path | None, *, passed: bool, report: Mapping[str, Any] | None = None
    ) -> VersionInfo:
        """Keep a version's export to a format, and whether it was found to compute the same (`passed`, `report`).

        file: the exported file, stored like a version's own files; None where it is kept elsewhere. An earlier export
        to that format is replaced. Errors: `NameNotAllowedError` for the format, `FileToStoreError`; `StatusError` or
        `VersionCollectedError` for an expired or collected version.
        """
        exported, path = check_alias(format), None if file is None else Path(file)
        return ops.exports.record_export(
            self._database, self._open_own_store, self._actor(), parse_ref(ref), exported, path, passed, report or {}
        )

    def checkout(self, ref: str, folder: str | Path, *, bare: bool = False) -> list[Path]:
        """Copy a version's files to a new or empty folder, each verified; the paths of all files there.

        With the card, plots where matplotlib is installed, and signatures; `bare`: the version's files alone.
        """
        return ops.version_files.checkout(self._database, self._store, parse_ref(ref), Path(folder), bare)

    def card(self, ref: str) -> str:
        """The model card of a version: Markdown with a head as Hugging Face reads it. Without plots."""
        return self._read(ops.card_facts.card, parse_ref(ref))

    def open_artifact(self, ref: str, kind_or_name: str = ArtifactKind.WEIGHTS) -> Path:
        """A verified local path of one file of a version, by its name or kind; not to be written to."""
        return ops.version_files.open_artifact(self._database, self._store, parse_ref(ref), str(kind_or_name))

    def verify(self, ref: str, key: str | Path | None = None) -> Verification:
        """Read every file of a version and compare it with its digest; the result for each.

        key: a public key in a PEM file, whose signature must cover all of it. Errors: `NotSignedError`,
        `SignatureBrokenError`; `VersionCollectedError` where the files were collected.
        """
        path = None if key is None else Path(key)
        return ops.verify.verify(self._database, self._store, self._actor(), parse_ref(ref), path)

    def sign(self, ref: str, key: str | Path, password: str | None = None) -> VersionInfo:
        """Sign files, config, data and parents of a version with a private key in a PEM file; another signature by the
        same key is replaced.

        Errors: `SigningKeyError`, `SigningUnavailableError`; `BlobDamagedError` for a file that has changed.
        """
        return ops.verify.sign(self._database, self._store, self._actor(), parse_ref(ref), Path(key), password)

    def fsck(self, *, read_data: bool = False, repair: bool = False) -> Report:
        """Check rows and store. read_data: every byte is read. repair: damaged files are moved to the store's
        `quarantine/`; rows are never changed."""
        return ops.fsck.check_registry(self._database, self._store, read=read_data, repair=repair)

    def policy(self, model: str) -> dict[str, Any] | None:
        """The model's policy, `retention` and `stages`; None: it has none."""
        return self._read(ops.policies.policy, check_name(model))

    def set_policy(self, model: str, policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Set the policy of a model, or remove it (None); the policy as it is stored.

        policy: the parts `retention` and `stages`, or the rules of retention alone. Errors: `PolicyError`;
        `StageGuardedError` where a stage has the name of an alias; `SigningKeyError` for a key of a gate.
        """
        rules = None if policy is None else ops.policies.rules_of(policy)
        return self._write(ops.policies.write_policy, check_name(model), rules)

    def prune(
        self,
        model: str,
        policy: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        *,
        now: ClockReading | None = None,
    ) -> list[PruneDecision]:
        """Let versions expire that no rule keeps; the decision about each version with its reason, the newest first.

        policy: as for `set_policy`; the model's own when left out. dry_run: only decide. Errors: `PolicyError`.
        """
        name, rules = check_name(model), None if policy is None else ops.policies.rules_of(policy)
        if dry_run:
            return self._read(ops.prune.dry_run, name, rules, now or ops.clock.read_clocks())
        return self._write(ops.prune.prune, name, rules, now or ops.clock.read_clocks())

    def delete(self, ref: str, *, now: ClockReading | None = None) -> VersionDetail:
        """Let one version expire by hand; `VersionHeldError` names what keeps it."""
        return self._write(ops.prune.delete, parse_ref(ref), now or ops.clock.read_clocks())

    def restore(self, ref: str) -> VersionDetail:
        """Bring back a version that expired or was archived; `VersionCollectedError` where its files were collected."""
        return self._write(ops.restore.restore, parse_ref(ref))

    def gc(
        self,
        grace: timedelta = GRACE,
        *,
        dry_run: bool = False,
        confirmed: bool = False,
        now: ClockReading | None = None,
    ) -> GcCollection:
        """Collect what expired more than `grace` ago, and files that no version refers to, by way of the store's trash.

        dry_run: only decide. Errors: `PolicyError` for a grace below zero; `CollectionTooLargeError` where more than
        half of the store would go and that is not `confirmed`; `StoreSharedError` where files of another registry are
        in the store.
        """
        store, reading = self._open_store if dry_run else self._open_own_store, now or ops.clock.read_clocks()
        return ops.gc.gc(self._database, store, self._actor(), grace, reading, dry_run=dry_run, confirmed=confirmed)

    def du(self) -> Usage:
        """The bytes of each model, what sharing spares, and what waits to be collected."""
        return ops.usage.usage(self._database, self._store)

    def export_archive(self, refs: Sequence[str] | None, file: str | Path, *, named_files: bool = False) -> Exported:
        """Write versions with all their ancestors to a new file; None: every version.

        named_files: of ancestors only the rows, not their files. The same versions give the same bytes.
        Errors: `TargetExistsError`; `BlobDamagedError` or `BlobMissingError`, and nothing is written.
        """
        return ops.archive_export.export_archive(self._database, self._store, refs, Path(file), named_files=named_files)

    def import_archive(self, file: str | Path) -> list[Imported]:
        """Import the versions of an archive, each in a transaction of its own; the outcome of each.

        A version is identified by its home registry and its name there, so that it comes in once, however often and by
        whatever way. Where another version has its name, it is called `X.Y.Z-from-HOME`. One that is here stays as it
        is, and gets its files back if they were collected.
        Errors: `ArchiveError`, `ArchiveDamagedError`, `ParentMissingError`, `WeightsFormatError`; `ConflictError`, also
        where a collection without grace takes the files meanwhile.
        """
        return ops.archive_import.import_archive(self._database, self._open_own_store, self._actor(), Path(file))

    def backup(self, file: str | Path) -> Path:
        """Write one state of the database to a new file, while others go on writing. The store is not in it.

        Errors: `TargetExistsError`; `BackupNotOfferedError` for a database on a server.
        """
        return ops.backup.backup(self._database, Path(file))

    @cached_property
    def _store(self) -> Store:
        from regtrain_registry.store.uris import open_store  # lists do without

        return self._given_store or open_store(self.store_place)

    @cached_property
    def _own_store(self) -> Store:
        """The store, which records that files of this registry are in it: for operations that add or collect files."""
        return ops.store_owners.claim(self._database, self._store)

    def _open_store(self) -> Store:
        return self._store

    def _open_own_store(self) -> Store:
        return self._own_store

    def _actor(self) -> Actor:
        return Actor(self.who, datetime.now(UTC))

    def _read(
        self,
        operation: Callable[Concatenate[Connection, Arguments], Result],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """The result of an operation in one transaction that only reads."""
        return self._database.read(lambda connection: operation(connection, *arguments, **options))

    def _write(
        self,
        operation: Callable[Concatenate[Context, Arguments], Result],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """The result of an operation in one write transaction, which may be tried several times."""
        actor = self._actor()
        return self._database.write(
            lambda connection: operation(Context(connection, self._open_store, actor), *arguments, **options)
        )


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return str(os.getuid())
