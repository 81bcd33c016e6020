"""Any order of what users do, with crashes between and clocks that leap, against a model of a few lines."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from regtrain_registry.domain import clock
from regtrain_registry.errors import RegistryError, VersionNotFoundError
from regtrain_registry.semver import parse_version
from support.faults import mutants
from support.faults.campaign import Warm
from support.faults.scenarios import ACTIONS, MODEL, World
from support.faults.shim import Mode

LIVE = ("ready", "deprecated")
ALIASES = ("champion", "candidate", "baseline")
YEAR = timedelta(days=365)
NUMBERS = st.integers(1, 6)


@dataclass(frozen=True)
class Known:
    """What the model knows of a version."""

    version: str
    status: str = "ready"
    before: str = "ready"
    pinned: bool = False
    advised_against: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Model:
    """Versions by number, aliases, and what expects to be collected."""

    versions: dict[int, Known] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Model:
        return Model(dict(self.versions), dict(self.aliases))

    def change(self, number: int, **values: Any) -> None:
        self.versions[number] = replace(self.versions[number], **values)

    def status(self, number: int) -> str:
        return self.versions[number].status

    def latest(self) -> int | None:
        live = [number for number, known in self.versions.items() if known.status in LIVE]
        return max(live, key=lambda number: parse_version(self.versions[number].version), default=None)


def expected(model: Model, action: str, arguments: list[Any]) -> Model | None:
    """The model after an action; None where it is refused. The version of a new one is the registry's to say."""
    after = model.copy()
    if action == "register":
        after.versions[len(after.versions) + 1] = Known("")
        return after
    number = arguments[0]
    if number not in model.versions:
        return None
    status = model.status(number)
    match action:
        case "set_alias" if status not in ("expired", "collected"):
            after.aliases[arguments[1]] = number
        case "tag":
            after.change(number, tags=model.versions[number].tags | {arguments[1]: arguments[2]})
        case "pin" if status != "collected" or not arguments[1]:
            after.change(number, pinned=arguments[1])
        case "deprecate" if status in LIVE:
            after.change(number, status="deprecated", before=status, advised_against=True)
        case "archive" if status in LIVE:
            after.change(number, status="archived", before=status)
        case "restore" if status in ("archived", "expired"):
            before = model.versions[number].before
            back = before if before in (*LIVE, "archived") and before != status else "ready"
            advised = back == "ready" and model.versions[number].advised_against
            after.change(number, status="deprecated" if advised else back, before=status)
        case _:
            return None
    return after


class RegistryMachine(RuleBasedStateMachine):
    """A registry and its model."""

    def __init__(self, bench: Warm) -> None:
        super().__init__()
        self.bench = bench
        self.world = World(bench.folder / "machine")
        shutil.rmtree(self.world.folder, ignore_errors=True)
        self.world.write_files()
        self.registry = self.world.open()
        self.model = Model()

    @initialize(count=st.integers(0, 4))
    def begin(self, count: int) -> None:
        """With versions there, more of what follows does something."""
        for which in range(count):
            self.act("register", which)

    @rule(which=st.integers(0, 7))
    def register(self, which: int) -> None:
        self.act("register", which)

    @rule(number=NUMBERS, alias=st.sampled_from(ALIASES))
    def set_alias(self, number: int, alias: str) -> None:
        self.act("set_alias", number, alias)

    @rule(number=NUMBERS, value=st.sampled_from(("vision", "speech")))
    def tag(self, number: int, value: str) -> None:
        self.act("tag", number, "team", value)

    @rule(number=NUMBERS, pinned=st.booleans())
    def pin(self, number: int, pinned: bool) -> None:
        self.act("pin", number, pinned)

    @rule(number=NUMBERS)
    def deprecate(self, number: int) -> None:
        self.act("deprecate", number)

    @rule(number=NUMBERS)
    def archive(self, number: int) -> None:
        self.act("archive", number)

    @rule(number=NUMBERS)
    def restore(self, number: int) -> None:
        self.act("restore", number)

    def act(self, action: str, *arguments: Any) -> None:
        """Do it, or be refused where the model says so."""
        after = expected(self.model, action, list(arguments))
        try:
            ACTIONS[action](self.world, self.registry, *arguments)
        except RegistryError as error:
            assert after is None, f"{action}{arguments} was refused: {error}"
        else:
            assert after is not None, f"{action}{arguments} was not refused"
            self.adopt(after)

    @precondition(lambda self: self.model.versions)
    @rule(keep=st.integers(1, 3), days=st.sampled_from((0, -365, 365)))
    def prune(self, keep: int, days: int) -> None:
        """Nothing goes that an alias or a pin holds, nor the newest; the clock has no say."""
        decided = self.registry.prune(MODEL, {"keep_newest": keep}, now=self.moment(days))
        by_version = {known.version: number for number, known in self.model.versions.items()}
        gone = {by_version[one.ref.partition("@")[2]] for one in decided if one.action == "expire"}
        files = [number for number in self.model.versions if self.model.status(number) in (*LIVE, "archived")]
        assert not gone & self.held()
        assert gone <= set(files)
        assert not files or max(files) not in gone
        assert len(files) - len(gone) >= min(keep, len(files))
        for number in gone:
            self.model.change(number, status="expired", before=self.model.status(number))

    @rule(days=st.sampled_from((-365, 0, 365)))
    def collect_early(self, days: int) -> None:
        """Within the grace time nothing is collected, wherever the clock has gone."""
        self.registry.gc(now=self.moment(days), confirmed=True)

    @rule()
    def collect(self) -> None:
        """Without grace everything goes that has expired, unless an alias or a pin came to hold it."""
        self.registry.gc(timedelta(0), confirmed=True)
        for number in self.model.versions:
            if self.model.status(number) == "expired" and number not in self.held():
                self.model.change(number, status="collected")

    @rule(
        action=st.sampled_from(("register", "set_alias", "archive", "tag")),
        number=NUMBERS,
        at=st.integers(1, 120),
        mode=st.sampled_from((Mode.BEFORE, Mode.AFTER, Mode.HALF)),
    )
    def crash(self, action: str, number: int, at: int, mode: Mode) -> None:
        """A process is killed in the middle: it was done, or it was not."""
        rest = {"register": [number % 8], "set_alias": [number, "champion"], "archive": [number]}
        arguments = rest.get(action) or [number, "team", "sound"]
        answer = self.bench.act(self.world.folder, action, arguments, at, mode)
        after = expected(self.model, action, arguments)
        assert answer.get("outcome") in ("killed", "done" if after else "refused"), answer
        if after is not None and (answer["outcome"] == "done" or self.seen() != self.shown(self.model)):
            self.adopt(after)

    def held(self) -> set[int]:
        """What an alias or a pin keeps."""
        pinned = {number for number, known in self.model.versions.items() if known.pinned}
        return pinned | set(self.model.aliases.values())

    def moment(self, days: int) -> clock.ClockReading:
        """The clocks after the wall clock was set."""
        now = clock.read()
        return replace(now, wall=now.wall + timedelta(days=days))

    def adopt(self, after: Model) -> None:
        """Take over what was expected, and the names of new versions."""
        self.model = after
        for version in self.registry.versions(MODEL):
            if after.versions.get(version.number, Known("?")).version == "":
                after.change(version.number, version=version.version)

    @invariant()
    def same(self) -> None:
        """The registry says what the model says."""
        assert self.seen() == self.shown(self.model)

    def seen(self) -> dict[str, Any]:
        versions = self.registry.versions(MODEL) if self.model.versions or self.registry.models() else []
        try:
            latest = self.registry.resolve(MODEL).number if versions else None
        except VersionNotFoundError:
            latest = None
        return {
            "versions": {one.number: (one.version, one.status.value, one.tags) for one in versions},
            "aliases": {alias: one.number for one in versions for alias in one.aliases},
            "latest": latest,
        }

    def shown(self, model: Model) -> dict[str, Any]:
        return {
            "versions": {number: (one.version, one.status, one.tags) for number, one in model.versions.items()},
            "aliases": model.aliases,
            "latest": model.latest(),
        }

    def teardown(self) -> None:
        """At the end everything is whole, and every file that is not collected can be read."""
        registry = self.world.open()
        report = registry.fsck(read_data=True)
        assert report.ok, report.problems
        for number in self.model.versions:
            if self.model.status(number) != "collected":
                registry.open_artifact(f"{MODEL}/{number}")


def run(bench: Warm, examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples,
        phases=[Phase.generate],
        stateful_step_count=steps,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: RegistryMachine(bench), settings=limits)  # type: ignore[arg-type,return-value]


@pytest.mark.slow
def test_any_order(bench: Warm) -> None:
    """Thirty runs of thirty steps."""
    run(bench, 30, 30)


@pytest.mark.campaign
def test_many_orders(bench: Warm) -> None:
    """Five hundred runs of fifty steps."""
    run(bench, 500, 50)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [mutants.alias_stays, mutants.archived_is_latest])
def test_the_machine_finds(bench: Warm, mutant: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that shows itself only after several steps."""

    def replace(owner: Any, **names: Any) -> None:
        for name, value in names.items():
            monkeypatch.setattr(owner, name, value)

    monkeypatch.setattr(mutants, "replace", replace)
    mutant()
    # Which runs are made depends on the modules that are loaded: many more than are needed as a rule.
    with pytest.raises(AssertionError):
        run(bench, 300, 30)
