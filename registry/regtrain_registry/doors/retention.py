"""The face of the registry that decides what stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.doors.opened import Opened
from regtrain_registry.errors import PolicyError
from regtrain_registry.ops import read
from regtrain_registry.ops.resolve import model_id
from regtrain_registry.refs import check_name, parse_ref

if TYPE_CHECKING:
    from regtrain_registry.domain.clock import Moment
    from regtrain_registry.domain.retention import PruneDecision
    from regtrain_registry.ops.gc import Collection
    from regtrain_registry.ops.history import Work
    from regtrain_registry.ops.usage import Usage

__all__ = ["Retention"]

GRACE = timedelta(days=7)


class Retention(Opened):
    """Policies, expiry, and what is collected. `now` is what the clocks say, read where it is left out."""

    def policy(self, model: str) -> dict[str, Any] | None:
        """The model's policy, `retention` and `stages`; None: it has none."""
        from regtrain_registry.ops import policies

        name = check_name(model)
        return self._database.read(lambda connection: policies.of_model(connection, model_id(connection, name)))

    def set_policy(self, model: str, policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Give a model a policy, or take it away (None); the policy as it is stored.

        policy: the parts `retention` and `stages`, or the rules of retention alone. Errors: `PolicyError`;
        `StageGuardedError` where a stage has the name of an alias.
        """
        from regtrain_registry.ops import policies

        name, work = check_name(model), self._work()
        rules = None if policy is None else policies.rules_of(policy)
        return self._database.write(lambda connection: policies.write_policy(connection, name, rules, work))

    def prune(
        self,
        model: str,
        policy: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        *,
        now: Moment | None = None,
    ) -> list[PruneDecision]:
        """Let versions expire that no rule keeps; what became of each version, and why, the newest first.

        policy: as for `set_policy`; the model's own when left out. dry_run: only say. Errors: `PolicyError`.
        """
        from regtrain_registry.domain import clock
        from regtrain_registry.ops import policies, prune

        name, work, moment = check_name(model), self._work(), now or clock.read()
        rules = None if policy is None else policies.rules_of(policy)
        if dry_run:
            return self._database.read(lambda connection: prune.expiring(connection, name, rules, moment))
        return self._database.write(lambda connection: prune.prune(connection, name, rules, moment, work))

    def delete(self, ref: str, *, now: Moment | None = None) -> VersionDetail:
        """Let one version expire by hand; `VersionHeldError` names what keeps it."""
        from regtrain_registry.domain import clock
        from regtrain_registry.ops import prune

        parsed, work, moment = parse_ref(ref), self._work(), now or clock.read()
        return self._database.write(
            lambda connection: read.detail(connection, prune.delete(connection, parsed, moment, work))
        )

    def restore(self, ref: str) -> VersionDetail:
        """Bring back a version that expired or was archived; `VersionCollectedError` where its files are gone."""
        from regtrain_registry.ops.restore import restore

        parsed, work = parse_ref(ref), self._work()
        return self._database.write(lambda connection: read.detail(connection, restore(connection, parsed, work)))

    def gc(
        self,
        grace: timedelta = GRACE,
        *,
        dry_run: bool = False,
        confirmed: bool = False,
        now: Moment | None = None,
    ) -> Collection:
        """Collect what expired longer than `grace` ago, and what lies in the store for nobody, by way of its trash.

        dry_run: only say. Errors: `PolicyError` for a grace below zero; `CollectionTooLargeError` where more than half
        of the store would go and that is not `confirmed`; `StoreSharedError` where files of another registry are in the
        store.
        """
        from regtrain_registry.domain import clock
        from regtrain_registry.ops.gc import collect
        from regtrain_registry.ops.store_owners import check_alone
        from regtrain_registry.ops.sweeping import sweep_of
        from regtrain_registry.store.sweep import trim_cache

        if not isinstance(grace, timedelta) or grace < timedelta(0):
            raise PolicyError(f"the grace is {grace!r}", "Give a timedelta from 0 up; left out, it is 7 days.")
        store = self._store if dry_run else self._own_store
        sweep = sweep_of(store)
        check_alone(self._database, store, sweep.served())
        moment, work = now or clock.read(), self._work()
        found = collect(
            self._database, sweep, grace.total_seconds(), moment, work, dry_run=dry_run, confirmed=confirmed
        )
        if dry_run:
            return found
        return replace(found, tidied_bytes=found.tidied_bytes + trim_cache(grace.total_seconds()))

    def du(self) -> Usage:
        """How much room the models take, what sharing spares, and what waits to be collected."""
        from regtrain_registry.ops.sweeping import sweep_of
        from regtrain_registry.ops.usage import measure

        sweep = sweep_of(self._store)
        entries, trash = sweep.entries(), sweep.trashed()
        return self._database.read(lambda connection: measure(connection, entries, trash))

    def _work(self) -> Work:
        from regtrain_registry.ops.history import Work

        return Work(self.who, datetime.now(UTC))
