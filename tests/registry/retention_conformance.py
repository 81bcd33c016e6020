"""What expires, comes back and is collected, in any database: the part of the conformance class that lets things go."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import ParentLink, Registration, Registry, Relation, RunStart, VersionStatus
from regtrain_registry.domain.clock import ClockReading
from regtrain_registry.domain.events import EventKind
from regtrain_registry.errors import (
    CollectionTooLargeError,
    ModelNotFoundError,
    PolicyError,
    RegistryError,
    StatusError,
    StoreSharedError,
    VersionCollectedError,
    VersionHeldError,
    VersionNotFoundError,
)
from support.programs import program
from support.registry.blank import make_registry
from support.registry.places import Place

NEWEST = {"keep_newest": 1}
GRACE = timedelta(days=7)
YEAR = timedelta(days=365)
HOST = os.uname().nodename


class Clock:
    """The clocks of a host, moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime.now(UTC)
        self.boottime = 1000.0
        self.boot = "boot-1"

    @property
    def now(self) -> ClockReading:
        return ClockReading(self.wall, self.boot, self.boottime)

    def sleep(self, span: timedelta) -> ClockReading:
        """So much later."""
        self.wall += span
        self.boottime += span.total_seconds()
        return self.now

    def set(self, shift: timedelta) -> ClockReading:
        """No later, but somebody has set the wall clock."""
        self.wall += shift
        return self.now

    def reboot(self) -> ClockReading:
        self.boot += "'"
        self.boottime = 5.0
        return self.now


def statuses(registry: Registry, model: str = "digits") -> dict[str, str]:
    return {version.version: version.status.value for version in registry.versions(model)}


def stored(place: Place) -> dict[bytes, Path]:
    """Content → file, of what lies in the store."""
    return {path.read_bytes(): path for path in (place.folder / "blobs" / "sha256").iterdir()}


def uid_in(error: StoreSharedError) -> str:
    """That of the other registry, as the remedy says it."""
    return error.hint.split("registries/")[1].split()[0]


def trash(place: Place) -> list[Path]:
    return sorted((place.folder / "blobs" / "trash").glob("*"))


class RetentionConformance:
    """The same versions go and stay, whatever keeps the rows."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def five(self, place: Place) -> list[str]:
        """Versions 1.1.0 to 1.5.0, each with bytes of its own, and a file that all share."""
        return [self.add(place, number) for number in range(1, 6)]

    def add(self, place: Place, number: int, **fields: Any) -> str:
        shared = place.folder / "shared"
        shared.write_bytes(b"shared")
        files = (place.weights(b"weights %d" % number), place.named(shared, "config.yaml"))
        metrics = {"val/loss": 1 / number, "val/accuracy": 0.5}
        return place.register(version=f"1.{number}.0", files=files, metrics=metrics, **fields).ref

    def test_pruning_does_what_it_said(self, registry: Registry, five: list[str], clock: Clock) -> None:
        """A dry run changes nothing; after it the same versions expire, with their reasons in the history."""
        policy = {"keep_best": 2, "monitor": "val_loss"}
        said = registry.prune("digits", policy, dry_run=True, now=clock.now)
        assert set(statuses(registry).values()) == {"ready"}
        assert registry.prune("digits", policy, now=clock.now) == said
        assert [(d.ref, d.action.value) for d in said] == list(
            zip(five[::-1], ["keep", "keep", "expire", "expire", "expire"], strict=True)
        )
        assert [d.reason for d in said][:3] == [
            "best val/loss 0.2",
            "among the best 2 by val/loss",
            "no rule keeps it",
        ]
        assert statuses(registry)["1.1.0"] == "expired"
        event = registry.history("digits@1.3.0")[0]
        assert (event.kind, event.facts) == (EventKind.EXPIRED, {"reason": "no rule keeps it"})
        assert registry.show("digits@1.1.0").marks.reason == "no rule keeps it"
        again = registry.prune("digits", policy, now=clock.now)
        assert [d.ref for d in again] == five[:2:-1]
        with pytest.raises(VersionNotFoundError):
            registry.resolve("digits@~1.1")

    def test_a_model_has_a_policy(self, registry: Registry, five: list[str]) -> None:
        """Set, shown, used, taken away; its gates stay beside its rules; every change is an event."""
        with pytest.raises(PolicyError, match="no policy"):
            registry.prune("digits")
        with pytest.raises(ModelNotFoundError):
            registry.set_policy("nobody", NEWEST)
        with pytest.raises(PolicyError, match="did you mean keep_newest"):
            registry.set_policy("digits", {"keep_newst": 1})
        with pytest.raises(PolicyError, match="no part 'stage'"):
            registry.set_policy("digits", {"retention": NEWEST, "stage": {}})
        for empty in ({}, {"retention": {}, "stages": {}}):
            with pytest.raises(PolicyError, match="says nothing"):
                registry.set_policy("digits", empty)
        with pytest.raises(PolicyError, match="no mapping of gates"):
            registry.set_policy("digits", {"stages": {"production": []}})
        whole = {"retention": NEWEST, "stages": {"production": {"signed": True}}}
        assert registry.set_policy("digits", whole) == registry.policy("digits") == whole
        assert {d.ref for d in registry.prune("digits", dry_run=True) if d.action == "keep"} == {five[4]}
        assert registry.set_policy("digits", {"keep_last": 2}) == {"retention": {"keep_newest": 2}}
        assert registry.set_policy("digits", None) is None
        assert registry.policy("digits") is None
        changes = [event.facts for event in registry.history("digits") if event.kind is EventKind.POLICY_SET]
        assert changes[::-1][0] == {"before": None, "policy": whole}
        assert changes[0] == {"before": {"retention": {"keep_newest": 2}}, "policy": None}

    def test_what_is_named_stays(self, registry: Registry, five: list[str], place: Place) -> None:
        """Aliases, stages, pins, and what another version is to be taken for."""
        registry.set_alias(five[0], "champion")
        registry.promote(five[1], "production")
        registry.pin(five[2])
        place.register("digits-2", files=())
        registry.deprecate("digits-2", "better", successor=five[3])
        reasons = {d.ref: d.reason for d in registry.prune("digits", NEWEST)}
        assert reasons == {
            five[0]: "alias champion",
            five[1]: "stage production",
            five[2]: "pinned",
            five[3]: "successor of digits-2@1.0.0",
            five[4]: "latest release",
        }
        registry.pin(five[2], False)
        registry.remove_alias("digits", "champion")
        expired = {d.ref for d in registry.prune("digits", NEWEST) if d.action == "expire"}
        assert expired == {five[0], five[2]}

    def test_what_something_came_from_stays(self, registry: Registry, five: list[str], place: Place) -> None:
        """In this model and in others, also by way of a version that has expired."""

        def child(model: str, *parents: str) -> str:
            links = tuple(ParentLink(ref, Relation.FINE_TUNED_FROM) for ref in parents)
            return place.register(model, files=(), parents=links).ref

        self.add(place, 6, parents=(ParentLink(five[1], Relation.RESUMED_FROM),))
        middle = child("middle", five[0])
        child("leaf", middle)
        child("middle")
        place.execute("UPDATE rt_versions SET status = 'expired' WHERE major = 1 AND model_id = 2 AND number = 1")
        reasons = {d.ref: d.reason for d in registry.prune("digits", NEWEST)}
        assert reasons[five[0]] == "parent of leaf@1.0.0"
        assert reasons[five[1]] == "parent of digits@1.6.0"
        assert {ref for ref, reason in reasons.items() if reason == "no rule keeps it"} == set(five[2:])

    def test_what_a_run_began_with_stays(self, registry: Registry, five: list[str], place: Place) -> None:
        """While it runs, and while it could go on: not after it was carried on to its end, nor without its folder."""
        folder, gone = str(place.folder), str(place.folder / "gone")
        runs = {"r1": (folder, None), "r2": (folder, "interrupted"), "r3": (gone, "failed"), "r4": (folder, "failed")}
        ids = dict(place.execute("SELECT patch + minor, id FROM rt_versions"))
        for number, (run, (run_dir, status)) in enumerate(runs.items(), start=1):
            registry.start_run(RunStart(run, run, run_dir, host=HOST))
            place.execute(
                f"INSERT INTO rt_run_inputs (run_id, version_id, relation) VALUES ('{run}', {ids[number]}, 'resumed_from')"
            )
            if status:
                registry.finish_run(run, status)  # type: ignore[arg-type]
        registry.start_run(RunStart("r5", "r5", folder, resumed_from="r4"))
        registry.finish_run("r5", "finished")
        reasons = [d.reason for d in registry.prune("digits", NEWEST)][::-1]
        assert reasons[:2] == ["input of run r1, which is running", "input of run r2, which is interrupted"]
        assert reasons[2:4] == ["no rule keeps it"] * 2

    def test_what_expired_comes_back(self, registry: Registry, five: list[str]) -> None:
        """As what it was; what is ready, or collected, does not."""
        registry.archive(five[1])
        registry.deprecate(five[2], "old")
        registry.prune("digits", NEWEST)
        assert set(list(statuses(registry).values())[1:]) == {"expired"}
        assert [registry.restore(ref).status.value for ref in five[:3]] == ["ready", "archived", "deprecated"]
        assert registry.restore(five[1]).status is VersionStatus.READY
        with pytest.raises(StatusError, match="is ready"):
            registry.restore(five[1])
        assert registry.history(five[2])[0].facts == {"from": "expired", "to": "deprecated"}

    def test_one_version_can_be_told_to_go(self, registry: Registry, five: list[str], place: Place) -> None:
        """Unless something keeps it, which is named: exit code 3."""
        registry.set_alias(five[0], "champion")
        self.add(place, 6, parents=(ParentLink(five[1], Relation.RESUMED_FROM),))
        reasons = {five[0]: "alias champion", five[1]: "parent of digits@1.6.0", "digits": "latest release"}
        for ref, reason in reasons.items():
            with pytest.raises(VersionHeldError, match=reason) as caught:
                registry.delete(ref)
            assert caught.value.exit_code == 3
        assert registry.delete(five[2]).status is VersionStatus.EXPIRED
        assert registry.history(five[2])[0].facts == {"reason": "deleted by hand"}
        with pytest.raises(StatusError, match="expired already"):
            registry.delete(five[2])

    @pytest.mark.parametrize("how", ["registered", "imported"])
    def test_a_store_with_files_of_two_registries_is_left_alone(
        self, registry: Registry, five: list[str], place: Place, tmp_path: Path, clock: Clock, how: str
    ) -> None:
        """Files that the other one needs would look as if nobody did; until it is said to be gone."""
        other = make_registry(tmp_path / "other.db", place.folder / "blobs")
        registry.gc(GRACE, now=clock.now)  # it is not in the way before it has put anything there
        if how == "registered":
            other.register(Registration("letters", (place.weights(b"theirs"),)))
        else:
            made = make_registry(tmp_path / "home.db", tmp_path / "home-blobs")
            made.register(Registration("letters", (place.weights(b"theirs"),)))
            made.export_archive(None, tmp_path / "letters.tar")
            other.import_archive(tmp_path / "letters.tar")
        own = registry.uri if "://" in registry.uri else Path(registry.uri).name
        for one, where in ((registry, "other.db"), (other, own)):
            for dry_run in (True, False):
                with pytest.raises(StoreSharedError, match=re.escape(where)) as caught:
                    one.gc(timedelta(), dry_run=dry_run, confirmed=True, now=clock.now)
        assert {b"theirs", b"weights 5"} < set(stored(place))
        place.folder.joinpath("blobs", "registries", uid_in(caught.value)).unlink()
        assert other.gc(timedelta(), confirmed=True, now=clock.now).count("trash") == 6
        assert list(stored(place)) == [b"theirs"]

    def test_what_expired_is_collected_after_its_grace(
        self, registry: Registry, five: list[str], place: Place, clock: Clock
    ) -> None:
        """By way of the trash, for as long again; the rows stay and say so; what is shared stays."""
        registry.prune("digits", NEWEST, now=clock.now)
        first = registry.gc(GRACE, confirmed=True, now=clock.sleep(GRACE - timedelta(seconds=5)))
        assert (first.count("collect"), first.files, trash(place)) == (0, [], [])
        self.age(place, 8)
        second = registry.gc(GRACE, confirmed=True, now=clock.sleep(timedelta(seconds=10)))
        assert (second.count("collect"), second.count("trash")) == (4, 4)
        assert set(stored(place)) == {b"weights 5", b"shared"}
        assert len(trash(place)) == 4
        third = registry.gc(GRACE, now=clock.sleep(GRACE - timedelta(seconds=5)))
        assert (third.count("purge"), len(trash(place))) == (0, 4)
        fourth = registry.gc(GRACE, now=clock.sleep(timedelta(seconds=10)))
        assert (fourth.count("purge"), fourth.bytes("purge"), trash(place)) == (4, 36, [])
        assert registry.models()[0].size_bytes == registry.show(five[4]).size_bytes
        version = registry.show(five[0])
        assert (version.status, version.metrics["val/loss"]) == (VersionStatus.COLLECTED, 1)
        assert [file.path for file in version.artifacts] == ["config.yaml", "model.bin"]
        assert registry.history(five[0])[0].kind is EventKind.COLLECTED
        for call in (lambda: registry.checkout(five[0], place.folder / "out"), lambda: registry.restore(five[0])):
            with pytest.raises(VersionCollectedError, match="was collected on 20"):
                call()
        assert len(registry.checkout(five[4], place.folder / "out", bare=True)) == 2
        assert place.count("rt_blobs") == 6
        assert registry.fsck(read_data=True).problems == []

    def age(self, place: Place, days: float) -> None:
        """Let the files of the store look so old."""
        for path in stored(place).values():
            then = path.stat().st_mtime - days * 86_400
            os.utime(path, (then, then))

    @pytest.mark.parametrize("shift", [YEAR, -YEAR])
    def test_a_clock_set_wrong_lets_nothing_go_early(
        self, registry: Registry, five: list[str], place: Place, clock: Clock, shift: timedelta
    ) -> None:
        """Neither by age, nor out of its grace, nor out of the trash, within a boot or after another."""
        self.age(place, 400)
        registry.prune("digits", NEWEST, now=clock.now)
        registry.restore(five[0])
        young = {"younger_than": "30d"}
        for moment in (clock.set(shift), clock.sleep(timedelta(hours=1)), clock.reboot(), clock.set(-shift)):
            kept = registry.gc(GRACE, confirmed=True, now=moment)
            assert (kept.count("collect"), kept.count("trash")) == (0, 0)
        clock = Clock()
        registry.prune("digits", young, now=clock.now)
        for moment in (clock.set(shift), clock.sleep(timedelta(hours=1))):
            assert {d.action.value for d in registry.prune("digits", young, now=moment)} == {"keep"}
        assert statuses(registry)["1.1.0"] == "ready"
        clock = Clock()
        assert registry.gc(timedelta(), confirmed=True, now=clock.now).count("trash") == 3
        for moment in (clock.set(shift), clock.sleep(timedelta(hours=1)), clock.reboot(), clock.set(-shift)):
            assert registry.gc(GRACE, now=moment).count("purge") == 0
        assert len(trash(place)) == 3

    def test_what_came_to_be_held_is_not_collected(
        self, registry: Registry, five: list[str], place: Place, clock: Clock
    ) -> None:
        """A pin, a child, and whatever these came from: a version that has expired may get them, and an alias that
        something else wrote counts too."""
        self.add(place, 6, parents=(ParentLink(five[0], Relation.RESUMED_FROM),))
        self.add(place, 7)
        registry.set_alias("digits@1.7.0", "champion")
        registry.prune("digits", NEWEST, now=clock.now)
        registry.pin("digits@1.6.0")
        place.execute("UPDATE rt_aliases SET version_id = (SELECT id FROM rt_versions WHERE minor = 2)")
        place.register("child", files=(), parents=(ParentLink(five[2], Relation.DISTILLED_FROM),))
        done = registry.gc(timedelta(), confirmed=True, now=clock.now)
        assert {fate.name: fate.reason for fate in done.versions if fate.action == "keep"} == {
            five[0]: "parent of digits@1.6.0",
            five[1]: "alias champion",
            five[2]: "parent of child@1.0.0",
            "digits@1.6.0": "pinned",
        }
        assert [v for v, status in statuses(registry).items() if status == "collected"] == ["1.5.0", "1.4.0"]

    def test_half_of_the_store_does_not_go_unasked(self, registry: Registry, five: list[str], place: Place) -> None:
        """Nor does a dry run take anything: it says what would go."""
        registry.prune("digits", NEWEST)
        with pytest.raises(CollectionTooLargeError, match="71 % of the bytes"):
            registry.gc(timedelta())
        plan = registry.gc(timedelta(), dry_run=True)
        assert (plan.dry_run, plan.count("collect"), plan.bytes("trash"), plan.total_bytes) == (True, 4, 36, 51)
        assert len(stored(place)) == 6
        done = registry.gc(timedelta(), confirmed=True)
        assert done.versions == plan.versions
        assert {fate.name for fate in done.files} == {fate.name for fate in plan.files}

    def test_files_of_nobody_are_collected_when_they_are_old(
        self, registry: Registry, five: list[str], place: Place, clock: Clock
    ) -> None:
        """A young one may be about to be registered; what was registered after all comes back out of the trash."""
        for content in (b"old orphan", b"young orphan"):
            registry._store.put([place.offered(content)])
        self.age(place, 8)
        os.utime(stored(place)[b"young orphan"])
        future = stored(place)[b"shared"].stat().st_mtime + 1e9
        plan = registry.gc(GRACE, dry_run=True, now=clock.now)
        assert sorted((fate.action, fate.size_bytes) for fate in plan.files) == [("keep", 12), ("trash", 10)]
        done = registry.gc(GRACE, now=clock.now)
        assert [(fate.action, fate.reason) for fate in done.files] == [("trash", "no version refers to it")]
        os.utime(stored(place)[b"young orphan"], (future, future))
        assert registry.gc(GRACE, now=clock.now).count("trash") == 0
        weights = stored(place)[b"weights 1"]
        weights.rename(place.folder / "blobs" / "trash" / f"{0:012d}-{weights.name}")
        rescued = registry.gc(GRACE, now=clock.now)
        assert (rescued.count("rescue"), weights.read_bytes()) == (1, b"weights 1")
        assert trash(place)[0].read_bytes() == b"old orphan"
        assert registry.fsck(read_data=True).problems == []

    def test_the_same_bytes_registered_again_are_there_again(
        self, registry: Registry, five: list[str], place: Place
    ) -> None:
        """A collected blob is an ordinary one after that."""
        registry.prune("digits", NEWEST)
        registry.gc(timedelta(), confirmed=True)
        place.register(version="2.0.0", files=(place.weights(b"weights 1"),), force=True)
        assert registry.fsck(read_data=True).problems == []
        assert place.execute("SELECT count(*) FROM rt_blobs WHERE collected_at IS NOT NULL") == [(3,)]
        registry.gc(timedelta(), confirmed=True)
        assert b"weights 1" in stored(place)

    def test_what_a_file_is_cut_from_stays(self, registry: Registry, five: list[str], place: Place) -> None:
        """For as long as somebody needs the composed file; then both go."""
        digests = dict(
            place.execute(
                "SELECT v.minor, a.digest FROM rt_artifacts a JOIN rt_versions v ON v.id = a.version_id"
                " WHERE a.path = 'model.bin'"
            )
        )
        place.execute(
            f"UPDATE rt_blobs SET composed = true WHERE digest = '{digests[2]}'",
            "INSERT INTO rt_parts (digest, position, source, start, size_bytes)"
            f" VALUES ('{digests[2]}', 0, '{digests[1]}', 0, 9)",
        )
        registry.set_alias(five[1], "champion")
        registry.prune("digits", NEWEST)
        registry.gc(timedelta(), confirmed=True)
        assert {b"weights 1", b"weights 5"} <= set(stored(place))
        assert b"weights 3" not in stored(place)
        assert registry.du().stored_bytes == 24
        registry.remove_alias("digits", "champion")
        registry.delete(five[1])
        registry.gc(timedelta(), confirmed=True)
        assert set(stored(place)) == {b"weights 5", b"shared"}
        assert place.count("rt_parts") == 0

    def test_a_registry_that_cannot_be_read_loses_nothing(
        self, registry: Registry, five: list[str], place: Place
    ) -> None:
        """What refers to a file is not known, so none is touched."""
        registry.prune("digits", NEWEST)
        place.execute("ALTER TABLE rt_parts RENAME TO elsewhere")
        with pytest.raises(RegistryError):
            registry.gc(timedelta(), confirmed=True)
        assert (len(stored(place)), trash(place)) == (6, [])

    def test_room_is_measured(self, registry: Registry, five: list[str], place: Place) -> None:
        """What versions share counts once; collected ones need none."""
        place.register("other", files=(place.weights(b"weights 1"),))
        usage = registry.du()
        figures = ("name", "versions", "logical_bytes", "stored_bytes", "own_bytes", "saved_bytes")
        assert [model.to_json() for model in usage.models] == [
            dict(zip(figures, ("digits", 5, 75, 51, 42, 24), strict=True)),
            dict(zip(figures, ("other", 1, 9, 9, 0, 0), strict=True)),
        ]
        assert (usage.logical_bytes, usage.stored_bytes, usage.saved_bytes) == (84, 51, 33)
        registry._store.put([place.offered(b"orphan")])
        registry.prune("digits", NEWEST)
        registry.gc(timedelta(), confirmed=True)
        after = registry.du().to_json()
        assert {name: after[name] for name in ("stored_bytes", "saved_bytes", "idle_bytes", "trash_bytes")} == {
            "stored_bytes": 24,
            "saved_bytes": 0,
            "idle_bytes": 0,
            "trash_bytes": 33,
        }
        assert [model.versions for model in registry.du().models] == [1, 1]

    def test_writers_and_collectors_at_once(self, registry: Registry, place: Place) -> None:
        """Nothing dangles, and everybody comes to an end: a sample of what the slow test does."""
        self.race(place, writers=2, collectors=1, count=4)

    @pytest.mark.campaign
    def test_six_writers_and_two_collectors(self, registry: Registry, place: Place) -> None:
        """Without any grace, on files that are stored, collected and stored again."""
        self.race(place, writers=6, collectors=2, count=50)

    def race(self, place: Place, writers: int, collectors: int, count: int) -> None:
        script = str(program("registry/collect_many.py"))
        roles = [("write", f"w{n}") for n in range(writers)] + [("collect", f"c{n}") for n in range(collectors)]
        processes = [
            subprocess.Popen(
                [sys.executable, script, place.uri, str(place.folder), *role, str(count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for role in roles
        ]
        try:
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            said = [process.communicate(timeout=500)[0].split() for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        assert [process.returncode for process in processes] == [0] * len(processes)
        numbers = [int(number) for line in said[:writers] for number in line]
        assert sorted(numbers) == list(range(1, writers * count + 1))
        assert place.open().fsck(read_data=True).problems == []
        moved, rescued = (sum(int(line[place]) for line in said[writers:]) for place in (0, 1))
        assert moved > 0
        assert rescued == 0  # at no time was a file gone that a version needed

    def test_the_size_of_a_model_is_limited(self, registry: Registry, five: list[str]) -> None:
        """By what its versions take in the store together."""
        policy = {"total_size": "33B", "monitor": "val/loss"}
        decisions = registry.prune("digits", policy)
        assert {d.ref: d.reason for d in decisions if d.action == "expire"} == dict.fromkeys(
            five[:2], "beyond total_size 33B"
        )

    def test_an_empty_model_is_pruned(self, registry: Registry) -> None:
        """A model without versions cannot be made, but one without files can."""
        registry.register(Registration("bare", ()))
        assert [d.reason for d in registry.prune("bare", NEWEST)] == ["latest release"]
        assert registry.gc(timedelta()).to_json()["total_bytes"] == 0
