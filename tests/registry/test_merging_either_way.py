"""Whatever two registries do, afterwards they merge the same either way."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from regtrain_registry import ParentLink, Recipe, Registration, Relation, RunStart
from regtrain_registry.errors import RegistryError
from support.registry.archive_files import refs_of, said, sign, sound, standing
from support.registry.places import Place, make_place

# Where something is done, and what; which version it is done to is a number among those that there are.
WHICH = st.integers(0, 9)
REGISTER = st.tuples(
    st.just("register"), st.sampled_from(("digits", "letters")), st.integers(0, 3), st.lists(WHICH, max_size=2)
)
ACTIONS = st.one_of(
    REGISTER,
    REGISTER,
    st.tuples(st.just("tag"), WHICH, st.sampled_from("ab"), st.sampled_from("123")),
    st.tuples(st.just("untag"), WHICH, st.sampled_from("ab")),
    st.tuples(st.just("describe"), WHICH, st.sampled_from("xyz")),
    st.tuples(st.just("deprecate"), WHICH, st.sampled_from("pq"), st.none() | WHICH),
    st.tuples(st.just("archive"), WHICH, st.sampled_from((None, "full", "tidy"))),
    st.tuples(st.just("restore"), WHICH),
    st.tuples(st.just("delete"), WHICH),
    st.tuples(st.just("collect")),
    st.tuples(st.just("export"), WHICH, st.sampled_from(("onnx", "torchscript")), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("sign"), WHICH, st.sampled_from(("aa", "bb"))),
    st.tuples(st.just("take"), st.booleans()),
)
STEPS = st.lists(st.tuples(st.sampled_from(("both", "left", "right")), ACTIONS), min_size=1, max_size=16)
EXAMPLE: list[tuple[str, tuple[Any, ...]]] = [
    ("both", ("register", "digits", 0, [])),
    ("both", ("tag", 0, "a", "1")),
    ("left", ("register", "digits", 1, [0])),
    ("right", ("register", "digits", 1, [0])),
    ("right", ("register", "letters", 2, [1, 0])),
    ("left", ("deprecate", 0, "p", 1)),
    ("right", ("untag", 0, "a")),
    ("right", ("describe", 1, "x")),
    ("right", ("export", 0, "onnx", 1, True)),
    ("left", ("take", False)),
    ("left", ("sign", 1, "aa")),
    ("left", ("export", 0, "onnx", 2, False)),
    ("left", ("tag", 0, "a", "2")),
    ("right", ("archive", 0, "full")),
    ("right", ("delete", 1)),
    ("left", ("deprecate", 0, "q", 2)),
]


class Registries:
    """Registries that were made one like the other, each with a uid of its own."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder, self.count = folder, 0
        template = make_place(folder / "template")
        template.open().models()
        self.places: dict[str, Place] = {}
        for number, name in enumerate(names, start=1):
            place = self.places[name] = make_place(folder / name)
            shutil.copy(folder / "template" / "registry.db", place.folder / "registry.db")
            place.execute(f"UPDATE rt_registry SET uid = '{str(number) * 8}-0000-0000-0000-000000000000'")
        self.open = {name: place.open(who=name) for name, place in self.places.items()}

    def archive(self, name: str, newest: bool = False) -> Path:
        """All that a registry has, or of each model the newest version and no files of what that comes from."""
        self.count += 1
        registry, file = self.open[name], self.folder / f"{self.count}.tar"
        refs = [f"{model.name}/{model.versions}" for model in registry.models()]
        registry.export_archive(refs if newest else None, file, named_files=newest)
        return file

    def do(self, name: str, action: str, *arguments: Any) -> None:
        """One thing; what may not be done is not done."""
        self.count += 1
        registry = self.open[name]
        if action == "take":
            source = {"left": "right", "right": "left"}.get(name)
            if source:
                registry.import_archive(self.archive(source, newest=arguments[0]))
            return
        refs = sorted(refs_of(registry).values())
        try:
            if action == "register":
                self._register(name, refs, *arguments)
            elif action == "collect":
                registry.gc(timedelta(), confirmed=True)
            elif refs:
                self._say(name, action, refs, refs[arguments[0] % len(refs)], *arguments[1:])
        except RegistryError:
            return

    def _register(self, name: str, refs: list[str], model: str, content: int, parents: list[int]) -> None:
        registry, run = self.open[name], f"run-{self.count}"
        links = {ParentLink(refs[one % len(refs)], Relation.FINE_TUNED_FROM) for one in parents if refs}
        registry.start_run(RunStart(run, name, f"/{name}/{self.count}"))
        registry.register(
            Registration(
                model,
                (self.places[name].weights(bytes([content])),),
                recipe=Recipe(config={"width": content}),
                metrics={"val/loss": self.count},
                run_id=run,
                parents=tuple(sorted(links, key=lambda link: link.ref)),
            )
        )

    def _say(self, name: str, action: str, refs: list[str], ref: str, *arguments: Any) -> None:
        registry = self.open[name]
        if action == "deprecate":
            reason, successor = arguments
            registry.deprecate(ref, reason, None if successor is None else refs[successor % len(refs)])
        elif action == "export":
            format_, content, passed = arguments
            file = self.places[name].weights(bytes([content, 0])).path
            registry.record_export(ref, format_, file, passed=passed, report={"content": content})
        elif action == "sign":
            sign(registry, ref, arguments[0])
        else:
            getattr(registry, action)(ref, *arguments)

    def said(self, name: str) -> list[dict[str, Any]]:
        return said(self.open[name], self.folder / "said.tar")


def merge_either_way(folder: Path, steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    """Steps of both together, then each on its own with what they take of each other; then everything both ways."""
    world = Registries(folder, ("both", "left", "right", "one", "two"))
    for _, action in (step for step in steps if step[0] == "both"):
        world.do("both", *action)
    shared = world.archive("both")
    for side in ("left", "right"):
        world.open[side].import_archive(shared)
    for side, action in (step for step in steps if step[0] != "both"):
        world.do(side, *action)
    # Twice, because files that come back are an event too.
    archives = {}
    for _ in range(2):
        archives["left"] = world.archive("left")
        world.open["right"].import_archive(archives["left"])
        archives["right"] = world.archive("right")
        world.open["left"].import_archive(archives["right"])
    for name, order in (("one", ("left", "right", "left")), ("two", ("right", "left"))):
        for side in order:
            world.open[name].import_archive(archives[side])
    merged = {name: world.said(name) for name in ("left", "right", "one", "two")}
    assert merged["left"] == merged["right"] == merged["one"] == merged["two"]
    left, right, one, two = (standing(world.open[name]) for name in ("left", "right", "one", "two"))
    assert left == right == one == two
    sound(*world.open.values())


def test_two_registries_say_the_same_either_way(tmp_path: Path) -> None:
    """A with B, B with A, and both in a third in any order: the same versions, and the same said of them."""
    merge_either_way(tmp_path, EXAMPLE)


@pytest.mark.slow
@settings(max_examples=4, phases=[Phase.generate])  # to shrink takes minutes
@given(STEPS)
def test_any_two_registries_say_the_same_either_way(tmp_path_factory: pytest.TempPathFactory, steps: Any) -> None:
    """The same for any that they do, before and after they met for the first time."""
    merge_either_way(tmp_path_factory.mktemp("merge"), steps)


@pytest.mark.campaign
@settings(max_examples=60, phases=[Phase.generate])
@given(STEPS)
def test_any_two_registries_say_the_same_either_way_at_length(
    tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    """The same, many times."""
    merge_either_way(tmp_path_factory.mktemp("merge"), steps)
