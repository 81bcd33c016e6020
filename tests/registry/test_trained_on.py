"""Which versions saw certain data, held against every way through random graphs; and how the database is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from regtrain_registry import ParentLink, Recipe, Registration, Registry, Relation
from regtrain_registry.ops import lineage_queries

# Digests that begin alike, so that a beginning may stand for several.
DIGESTS = [f"sha256:{start}{'0' * (64 - len(start))}" for start in ("aaaaaaaa", "aaaaaaaab", "bbbbbbbb", "cccccccccc")]
ASKED = [*DIGESTS, "aaaaaaaa", "aaaaaaaab", "sha256:bbbbbbbb", "CCCCCCCCCC", "dddddddd"]


@dataclass(frozen=True)
class Version:
    """What it learned from, and the places of its parents in the list."""

    data: tuple[str, ...]
    parents: frozenset[int]


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    found: list[Version] = []
    for place in range(draw(st.integers(1, 9))):
        parents = draw(st.frozensets(st.integers(0, place - 1), max_size=3)) if place else frozenset()
        found.append(Version(tuple(draw(st.lists(st.sampled_from(DIGESTS), max_size=2))), parents))
    return found


def saw(history: list[Version], place: int, start: str) -> bool:
    """By walking every way upward."""
    version = history[place]
    return any(digest.startswith(start) for digest in version.data) or any(
        saw(history, parent, start) for parent in version.parents
    )


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_it_is_every_version_that_can_be_walked_to(history: list[Version], registry: Registry) -> None:
    """The same set for every digest and beginning, and `through` are exactly those parents that saw the data too."""
    world = len(registry.models())  # each example has models of its own beside those before it
    names = [f"w{world}-{place}" for place in range(len(history))]
    for name, version in zip(names, history, strict=True):
        parents = tuple(ParentLink(names[parent], Relation.FINE_TUNED_FROM) for parent in sorted(version.parents))
        data = {f"part{number}": digest for number, digest in enumerate(version.data)}
        registry.register(Registration(name, (), Recipe(data=data), parents=parents))
    for asked in ASKED:
        start = f"sha256:{asked.removeprefix('sha256:').lower()}"
        found = {one.version.ref.partition("@")[0]: one for one in registry.trained_on(asked).versions}
        mine = {name: found[name] for name in names if name in found}
        assert set(mine) == {names[place] for place in range(len(history)) if saw(history, place, start)}
        for place, version in enumerate(history):
            if names[place] in mine:
                one = mine[names[place]]
                assert set(one.data.values()) == {digest for digest in version.data if digest.startswith(start)}
                ways = {f"{names[parent]}@1.0.0" for parent in version.parents if saw(history, parent, start)}
                assert set(one.through) == ways


def test_the_index_is_asked(registry: Registry, tmp_path: Path) -> None:
    """A whole digest and a beginning are both looked up, not searched for in every row."""
    engine = create_engine(f"sqlite:///{tmp_path / 'home' / 'registry.db'}")
    with engine.connect() as connection:
        for asked in (DIGESTS[0], "aaaaaaaa", "own:words"):
            query = str(lineage_queries._with_data(asked).compile(connection, compile_kwargs={"literal_binds": True}))
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
            assert any("SEARCH rt_data USING INDEX ix_rt_data_digest" in step for step in plan), plan
    engine.dispose()
