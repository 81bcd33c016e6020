"""Ancestors and descendants, and how a graph is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry import ParentLink, Registration, Registry, Relation
from regtrain_registry.domain.lineage import (
    Edge,
    Lineage,
    LineageVersion,
    Link,
    as_dot,
    as_mermaid,
    as_tree,
    graph,
    reach,
)
from regtrain_registry.errors import VersionNotFoundError

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
RESUMED, DISTILLED = Relation.RESUMED_FROM, Relation.DISTILLED_FROM


@st.composite
def dags(draw: st.DrawFn) -> tuple[int, set[Link]]:
    """How many versions, and links from later to earlier ones, numbered from 1."""
    count = draw(st.integers(1, 9))
    pairs = [(child, parent) for child in range(1, count + 1) for parent in range(1, child)]
    chosen = draw(st.sets(st.sampled_from(pairs), max_size=16)) if pairs else set()
    return count, {(*pair, draw(st.sampled_from(Relation)).value) for pair in chosen}


def closure(count: int, links: Iterable[Link]) -> set[tuple[int, int]]:
    """Every pair of a version and an ancestor, by Warshall's triple loop."""
    pairs = {(child, parent) for child, parent, _ in links}
    every = range(1, count + 1)
    for middle in every:
        pairs |= {(a, b) for a in every for b in every if (a, middle) in pairs and (middle, b) in pairs}
    return pairs


def traced(start: int, count: int, links: set[Link], down: bool) -> Lineage:
    """The graph of a version, read from a set."""

    def links_of(ids: Sequence[int]) -> list[Link]:
        return [link for link in links if link[1 if down else 0] in ids]

    found = reach(start, links_of, down)
    ids = {start}.union(*(link[:2] for link in found))
    assert ids <= set(range(1, count + 1))
    return graph(start, {key: LineageVersion(f"v@{key}.0.0", key, WHEN, None, {}) for key in ids}, found, down)


def name(key: int) -> str:
    return f"v@{key}.0.0"


def lineage(*edges: tuple[str, str, Relation], down: bool = False) -> Lineage:
    """A graph of hand-written edges; the first one begins at the version."""
    made = tuple(Edge(*edge) for edge in edges)
    refs = list(dict.fromkeys(ref for e in made for ref in ((e.parent, e.child) if down else (e.child, e.parent))))
    return Lineage(refs[0], down, tuple(LineageVersion(ref, 1, WHEN, None, {}) for ref in refs), made)


@given(dags(), st.data(), st.booleans())
def test_exactly_the_ancestors_or_descendants_are_reached(
    dag: tuple[int, set[Link]], data: st.DataObject, down: bool
) -> None:
    """On any graph without cycles: those of the brute-force reference, and every edge among them."""
    count, links = dag
    start = data.draw(st.integers(1, count))
    pairs = closure(count, links)
    related = {a if down else b for a, b in pairs if (b if down else a) == start}
    found = traced(start, count, links, down)
    assert {node.number for node in found.nodes} == related | {start}
    within = [link for link in links if link[1 if down else 0] in related | {start}]
    assert {(e.child, e.parent, e.relation.value) for e in found.edges} == {(name(c), name(p), r) for c, p, r in within}
    assert len(found.edges) == len(within)


@given(dags(), st.data(), st.booleans())
def test_a_graph_goes_outward_and_its_tree_shows_each_version_once(
    dag: tuple[int, set[Link]], data: st.DataObject, down: bool
) -> None:
    """The version first, nothing before what leads to it; every other time a version is a reference."""
    count, links = dag
    found = traced(data.draw(st.integers(1, count)), count, links, down)
    place = {node.ref: n for n, node in enumerate(found.nodes)}
    assert found.nodes[0].ref == found.ref
    assert all((place[e.child] < place[e.parent]) is not down for e in found.edges)
    lines = as_tree(found).splitlines()
    first = [re.sub(r"^[│ ├└─]*| \(.*", "", line) for line in lines if "see above" not in line]
    assert sorted(first) == sorted(place)
    assert len(lines) == 1 + len({(e.child, e.parent) for e in found.edges})


@given(dags(), st.data())
def test_no_version_is_asked_for_twice(dag: tuple[int, set[Link]], data: st.DataObject) -> None:
    """However many ways lead to a version."""
    count, links = dag
    asked: list[int] = []

    def links_of(ids: Sequence[int]) -> list[Link]:
        asked.extend(ids)
        return [link for link in links if link[0] in ids]

    reach(data.draw(st.integers(1, count)), links_of)
    assert len(asked) == len(set(asked))


def test_the_tree() -> None:
    """Branches, several relations between the same two, and a version that is seen twice."""
    found = lineage(
        ("a@3.0.0", "a@2.0.0", RESUMED),
        ("a@3.0.0", "t@1.0.0", DISTILLED),
        ("a@3.0.0", "t@1.0.0", RESUMED),
        ("a@2.0.0", "a@1.0.0", RESUMED),
        ("t@1.0.0", "a@1.0.0", RESUMED),
        ("a@1.0.0", "z@1.0.0", RESUMED),
    )
    assert as_tree(found).splitlines() == [
        "a@3.0.0",
        "├─ a@2.0.0 (resumed_from)",
        "│  └─ a@1.0.0 (resumed_from)",
        "│     └─ z@1.0.0 (resumed_from)",
        "└─ t@1.0.0 (distilled_from, resumed_from)",
        "   └─ a@1.0.0 (resumed_from), see above",
    ]


def test_the_tree_of_descendants() -> None:
    """The same the other way round."""
    found = lineage(("a@2.0.0", "a@1.0.0", RESUMED), ("a@3.0.0", "a@2.0.0", RESUMED), down=True)
    assert as_tree(found).splitlines() == [
        "a@1.0.0",
        "└─ a@2.0.0 (resumed_from)",
        "   └─ a@3.0.0 (resumed_from)",
    ]


def test_a_line_longer_than_the_stack_is_drawn() -> None:
    """Two thousand runs, each resumed from the one before."""
    links = {(n + 1, n, RESUMED.value) for n in range(1, 2000)}
    parents = {child: (child, parent, relation) for child, parent, relation in links}
    found = reach(2000, lambda ids: [parents[key] for key in ids if key in parents])
    assert found == links
    drawn = as_tree(graph(2000, {n: LineageVersion(name(n), n, WHEN, None, {}) for n in range(1, 2001)}, found))
    assert drawn.splitlines()[-1].endswith("└─ v@1.0.0 (resumed_from)")


def test_a_cycle_ends() -> None:
    """Links that no registry would make are followed once, and drawn."""
    links: list[Link] = [(2, 1, "resumed_from"), (1, 2, "resumed_from")]
    found = reach(2, lambda ids: [link for link in links if link[0] in ids])
    assert found == set(links)
    drawn = as_tree(graph(2, {n: LineageVersion(name(n), n, WHEN, None, {}) for n in (1, 2)}, found))
    assert drawn.splitlines()[-1] == "   └─ v@2.0.0 (resumed_from), see above"


def test_graphs_for_other_programs() -> None:
    """Mermaid and Graphviz, arrows from parent to child, whichever way was asked."""
    for down in (False, True):
        found = lineage(("a@2.0.0", "a@1.0.0", RESUMED), down=down)
        names = ("v1", "v0") if not down else ("v0", "v1")
        mermaid = as_mermaid(found).splitlines()
        assert mermaid[0] == "flowchart TD"
        assert f'  {names[0]}["a@1.0.0"]' in mermaid
        assert f'  {names[0]} -->|"resumed_from"| {names[1]}' in mermaid
        dot = as_dot(found).splitlines()
        assert (dot[0], dot[-1]) == ("digraph lineage {", "}")
        assert '  "a@1.0.0" -> "a@2.0.0" [label="resumed_from"];' in dot


@given(st.text(max_size=12))
def test_a_label_stays_a_label(text: str) -> None:
    """Quotes, backslashes, brackets and line ends neither close a label nor begin another statement."""
    found = lineage((text, text + "x", RESUMED))
    label = r"(?:[A-Za-z0-9@._ -]|#[0-9]+;)*"
    for line in as_mermaid(found).split("\n")[1:]:
        assert re.fullmatch(rf'  (v\d\["{label}"\]|v\d -->\|"resumed_from"\| v\d)', line)
    quoted = r'"(?:[^"\\\n]|\\["\\n])*"'
    for line in as_dot(found).split("\n")[1:-1]:
        assert re.fullmatch(rf"  {quoted}( -> {quoted} \[label={quoted}\])?;", line)


def test_json() -> None:
    """The promised fields."""
    node = LineageVersion("a@2.0.0", 2, WHEN, "run", {"val/loss": 0.5})
    old = LineageVersion("a@1.0.0", 1, WHEN, None, {})
    found = Lineage("a@2.0.0", False, (node, old), (Edge("a@2.0.0", "a@1.0.0", RESUMED),))
    when = "2026-01-02T00:00:00.000000Z"
    assert found.to_json() == {
        "ref": "a@2.0.0",
        "nodes": [
            {"ref": "a@2.0.0", "number": 2, "created_at": when, "run_id": "run", "metrics": {"val/loss": 0.5}},
            {"ref": "a@1.0.0", "number": 1, "created_at": when, "run_id": None, "metrics": {}},
        ],
        "edges": [{"child": "a@2.0.0", "parent": "a@1.0.0", "relation": "resumed_from"}],
    }


def test_a_version_cannot_come_from_itself_or_from_later_ones(registry: Registry) -> None:
    """A parent is there before its child, so that no cycle can be registered, not even under a used key."""
    first = {"version": "1.0.0", "idempotency_key": "first"}
    for ref in ("digits@1.0.0", "digits/1", "digits"):
        with pytest.raises(VersionNotFoundError):
            registry.register(Registration("digits", (), parents=(ParentLink(ref, RESUMED),), **first))
    registry.register(Registration("digits", (), **first))
    for ref in ("digits@2.0.0", "digits/2"):
        with pytest.raises(VersionNotFoundError):
            registry.register(Registration("digits", (), version="2.0.0", parents=(ParentLink(ref, RESUMED),)))
    made = registry.register(Registration("digits", (), version="2.0.0", parents=(ParentLink("digits", RESUMED),)))
    assert [parent.ref for parent in made.parents] == ["digits@1.0.0"]
    registry.register(Registration("digits", (), parents=(ParentLink("digits@2.0.0", RESUMED),), **first))
    assert registry.lineage("digits@1.0.0").edges == ()
    assert [edge.child for edge in registry.lineage("digits@1.0.0", down=True).edges] == ["digits@2.0.0"]


@pytest.mark.parametrize("down", [False, True])
def test_more_relatives_than_one_query_takes(registry: Registry, monkeypatch: pytest.MonkeyPatch, down: bool) -> None:
    """A generation is asked for in portions, and none is left out."""
    from regtrain_registry.db import columns

    monkeypatch.setattr(columns, "MAX_IDS", 2)
    top = registry.register(Registration("top", ()))
    middle = [
        registry.register(Registration(f"m{n}", (), parents=(ParentLink(top.ref, RESUMED),))).ref for n in range(5)
    ]
    links = tuple(ParentLink(ref, DISTILLED) for ref in middle)
    registry.register(Registration("end", (), parents=links))
    found = registry.lineage("top" if down else "end", down)
    assert {node.ref for node in found.nodes} == {"top@1.0.0", "end@1.0.0", *middle}
    assert len(found.edges) == 10
