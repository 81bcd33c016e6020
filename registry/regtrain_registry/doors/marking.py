"""The face of the registry that says things about versions: aliases, stages, tags, status."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain_registry.domain.records import VersionDetail, VersionInfo
from regtrain_registry.doors.opened import Opened
from regtrain_registry.ops import read
from regtrain_registry.ops.resolve import find, model_id
from regtrain_registry.refs import check_alias, check_name, check_tag, parse_ref
from regtrain_registry.validation import check_limit, check_table, check_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.domain.events import Event
    from regtrain_registry.domain.promotion import Evidence
    from regtrain_registry.ops.history import Work
    from regtrain_registry.ops.lifecycle import Held

__all__ = ["Marking"]


class Marking(Opened):
    """Everything that is said of a version is an event in its model's history."""

    def set_alias(self, ref: str, name: str) -> VersionInfo:
        """Let an alias name this version; where it named another one of the model, it moves.

        Errors: `StageGuardedError` when a stage has the name.
        """
        from regtrain_registry.ops.aliases import set_alias

        alias = check_alias(name)
        return self._mark(ref, lambda held, work: set_alias(held, alias, work))

    def remove_alias(self, model: str, name: str) -> None:
        """Take an alias away, or leave a stage empty; `AliasNotFoundError`."""
        from regtrain_registry.ops.aliases import remove_alias
        from regtrain_registry.ops.history import Work, lock_line

        owner, alias, by = check_name(model), check_alias(name), Work(self.who, datetime.now(UTC))
        self._database.write(lambda connection: remove_alias(lock_line(connection, owner), alias, by))

    def tag(self, ref: str, name: str, value: str) -> VersionInfo:
        """Give a version a tag, or another value to it; `NameNotAllowedError`, `TextTooLongError`."""
        from regtrain_registry.ops import lifecycle

        name, value = check_tag(name, value)
        return self._mark(ref, lambda held, work: lifecycle.tag(held, name, value, work))

    def set_tags(self, ref: str, tags: Mapping[str, str], remove: Collection[str] = ()) -> VersionInfo:
        """Give a version tags, then take some away: all of it or nothing.

        Errors: `NameNotAllowedError`, `TextTooLongError`, `TagNotFoundError`.
        """
        from regtrain_registry.ops import lifecycle

        given = [check_tag(name, value) for name, value in check_table("table of tags", tags).items()]
        taken = [check_tag(name, "")[0] for name in ([remove] if isinstance(remove, str) else remove)]

        def work(held: Held, by: Work) -> None:
            lifecycle.set_tags(held, given, taken, by)

        return self._mark(ref, work)

    def untag(self, ref: str, name: str) -> VersionInfo:
        """Take a tag away; `TagNotFoundError`."""
        from regtrain_registry.ops import lifecycle

        return self._mark(ref, lambda held, work: lifecycle.untag(held, check_tag(name, "")[0], work))

    def describe(self, ref: str, text: str) -> VersionInfo:
        """Write a version's description."""
        from regtrain_registry.json_values import as_text
        from regtrain_registry.ops import lifecycle

        said = as_text(check_text("description", text))
        return self._mark(ref, lambda held, work: lifecycle.describe(held, said, work))

    def pin(self, ref: str, pinned: bool = True) -> VersionInfo:
        """Keep a version whatever a policy says; off: leave it to the policy."""
        from regtrain_registry.ops import lifecycle

        return self._mark(ref, lambda held, work: lifecycle.pin(held, bool(pinned), work))

    def deprecate(self, ref: str, reason: str = "", successor: str | None = None) -> VersionInfo:
        """Advise against a version, and name the one to take instead; it stays where it is."""
        from regtrain_registry.json_values import as_text
        from regtrain_registry.ops import lifecycle

        why, instead = as_text(check_text("reason", reason)), None if successor is None else parse_ref(successor)

        def work(held: Held, by: Work) -> None:
            after = None if instead is None else lifecycle.successor_of(held, instead)
            lifecycle.deprecate(held, why, after, by)

        return self._mark(ref, work)

    def archive(self, ref: str, reason: str | None = None) -> VersionInfo:
        """Take a version out of `latest` and ranges; `restore` brings it back."""
        from regtrain_registry.json_values import as_text
        from regtrain_registry.ops import lifecycle

        why = None if reason is None else as_text(check_text("reason", reason))
        return self._mark(ref, lambda held, work: lifecycle.archive(held, why, work))

    def promote(
        self,
        ref: str,
        stage: str,
        gates: Mapping[str, Any] | None = None,
        veto: Callable[[VersionDetail, str], Sequence[str]] = lambda version, stage: (),
    ) -> tuple[VersionInfo, list[Evidence]]:
        """Let a version hold a stage, and store what its gates found.

        gates: as in a policy; the model's own when left out. veto: asked before anything is locked, raises to refuse;
        else the names of those who had no objection, which become evidence. What a moving ref such as `NAME@latest`
        names is settled before: the version that was asked about is the one that is promoted.
        Errors: `PromotionRefusedError` naming the gates that do not hold.
        """
        from regtrain_registry.ops import promotion
        from regtrain_registry.ops.history import Work

        parsed, name, by = parse_ref(ref), check_alias(stage), Work(self.who, datetime.now(UTC))
        return promotion.promote(self._database, lambda: self._store, parsed, name, gates, veto, by)

    def record_export(
        self, ref: str, format: str, file: str | Path | None, *, passed: bool, report: Mapping[str, Any] | None = None
    ) -> VersionInfo:
        """Keep a version's export to a format, and whether it was found to compute the same (`passed`, `report`).

        file: what was exported, stored like a version's own files; None where it is kept elsewhere. What was known of
        that format before is replaced. Errors: `NameNotAllowedError` for the format, `FileToStoreError`, and
        `StatusError` or `VersionCollectedError` for a version that is gone.
        """
        from regtrain_registry.errors import BlobMissingError
        from regtrain_registry.ops import exports
        from regtrain_registry.ops.blobs import share_store
        from regtrain_registry.store.content import Offered

        name, parsed = check_alias(format), parse_ref(ref)
        # Before anything is stored, and which version it is: `latest` may be another one when it is recorded.
        version = self._database.read(lambda connection: read.detail(connection, find(connection, parsed)))
        read.check_there(version)
        offered = [] if file is None else [Offered(Path(file))]
        stored = self._own_store.put(offered) if offered else []

        def work(held: Held, by: Work) -> None:
            read.check_there(read.detail(held.connection, held.id))
            try:
                exports.record_export(held, name, stored, self._store, passed, report or {}, by)
            except BlobMissingError:
                # Collected since it was stored. Now that the registry's row is locked, nobody collects.
                again = self._store.put(offered)
                exports.record_export(held, name, again, self._store, passed, report or {}, by)

        return self._mark(version.ref, work, before=share_store)

    def history(self, ref: str, limit: int | None = None) -> list[Event]:
        """What was done to a model (`NAME`) or to one of its versions (`NAME@…`), newest first."""
        from regtrain_registry.ops.history import events

        check_limit(limit)
        parsed, whole = parse_ref(ref), not set("@/") & set(ref.removeprefix("models:/"))

        def work(connection: Connection) -> list[Event]:
            owner = model_id(connection, parsed.model)
            version = None if whole else read.detail(connection, find(connection, parsed)).version
            return events(connection, owner, version, limit)

        return self._database.read(work)

    def _mark(
        self,
        ref: str,
        work: Callable[[Held, Work], Any],
        before: Callable[[Connection], None] = lambda connection: None,
    ) -> VersionDetail:
        from regtrain_registry.ops.history import Work
        from regtrain_registry.ops.lifecycle import hold

        parsed, by = parse_ref(ref), Work(self.who, datetime.now(UTC))

        def change(connection: Connection) -> VersionDetail:
            before(connection)
            held = hold(connection, parsed)
            work(held, by)
            return read.detail(connection, held.id)

        return self._database.write(change)
