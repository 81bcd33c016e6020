"""Lineage: edges → the graph of ancestors or descendants, and the graph as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from regtrain_registry.domain.records import Relation
from regtrain_registry.json_values import iso

__all__ = [
    "DataLineage",
    "Edge",
    "Lineage",
    "LineageVersion",
    "Link",
    "Seen",
    "as_dot",
    "as_mermaid",
    "as_tree",
    "cycle",
    "graph",
    "reach",
    "spread",
    "trained_on",
]

# Ids of child and parent, and how the child came from it.
Link: TypeAlias = tuple[int, int, str]
Node = TypeVar("Node", bound=Hashable)

_PLAIN = re.compile(r"[A-Za-z0-9@._ -]")


@dataclass(frozen=True, slots=True)
class LineageVersion:
    """A version of a graph."""

    ref: str
    number: int
    created_at: datetime
    run_id: str | None
    metrics: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """All five fields, the time as ISO 8601 with Z."""
        return {
            "ref": self.ref,
            "number": self.number,
            "created_at": iso(self.created_at),
            "run_id": self.run_id,
            "metrics": self.metrics,
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` came from `parent`; both as `NAME@VERSION`."""

    child: str
    parent: str
    relation: Relation

    def to_json(self) -> dict[str, Any]:
        """All three fields."""
        return {"child": self.child, "parent": self.parent, "relation": self.relation.value}


@dataclass(frozen=True, slots=True)
class Lineage:
    """A version (`ref`, the first node) with all its ancestors, or with all its descendants (`down`).

    Each node comes after those between it and the version; edges are in the same order.
    """

    ref: str
    down: bool
    nodes: tuple[LineageVersion, ...]
    edges: tuple[Edge, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields of `models lineage`."""
        nodes, edges = [node.to_json() for node in self.nodes], [edge.to_json() for edge in self.edges]
        return {"ref": self.ref, "nodes": nodes, "edges": edges}


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was trained on certain data: the data of its own (name → digest), and those of its parents that
    were trained on them, as `NAME@VERSION`."""

    version: LineageVersion
    data: dict[str, str]
    through: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields of a version of a graph, `data` and `through`."""
        return self.version.to_json() | {"data": self.data, "through": list(self.through)}


@dataclass(frozen=True, slots=True)
class DataLineage:
    """Every version that was trained on the data with a digest, itself or through its parents; the newest first."""

    digest: str
    versions: tuple[Seen, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields of `models lineage --data`."""
        return {"data": self.digest, "versions": [one.to_json() for one in self.versions]}


def reach(start: int, links_of: Callable[[Sequence[int]], Iterable[Link]], down: bool = False) -> set[Link]:
    """Every link between `start` and its ancestors, or its descendants (`down`); see `spread`."""
    return spread((start,), links_of, down)


def spread(starts: Iterable[int], links_of: Callable[[Sequence[int]], Iterable[Link]], down: bool = False) -> set[Link]:
    """Every link between these and their ancestors, or their descendants (`down`).

    links_of: the links whose child (`down`: whose parent) is one of these ids; called once for each generation,
    and with each version once, so that it ends whatever the links are.
    """
    found: set[Link] = set()
    generation = sorted(set(starts))
    seen = set(generation)
    while generation:
        links = set(links_of(generation))
        found |= links
        generation = sorted({child if down else parent for child, parent, _ in links} - seen)
        seen.update(generation)
    return found


def cycle(parents: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """A cycle of nodes, each before its parent; empty where there is none."""
    done: set[Node] = set()
    for start in parents:
        path: dict[Node, Iterator[Node]] = {}
        node: Node | None = start if start not in done else None
        while node is not None:  # no recursion: a line may be longer than Python's stack
            if node not in path:
                path[node] = iter(parents.get(node, ()))
            above = next((one for one in path[node] if one not in done), None)
            if above in path:
                ring = list(path)
                return ring[ring.index(above) :]
            if above is None:
                done.add(node)
                del path[node]
                above = next(reversed(path), None)
            node = above
    return []


def graph(start: int, versions: Mapping[int, LineageVersion], links: Iterable[Link], down: bool = False) -> Lineage:
    """The graph of versions by id. A parent's id is lower than its child's: it was there before."""

    def outward(link: Link) -> tuple[int, int, str]:
        child, parent, relation = link
        return (parent, child, relation) if down else (-child, -parent, relation)

    order = sorted(versions, key=lambda key: (key != start, key if down else -key))
    rows = sorted(links, key=outward)
    edges = (Edge(versions[child].ref, versions[parent].ref, Relation(relation)) for child, parent, relation in rows)
    return Lineage(versions[start].ref, down, tuple(versions[key] for key in order), tuple(edges))


def trained_on(
    digest: str, direct: Mapping[int, dict[str, str]], versions: Mapping[int, LineageVersion], links: Iterable[Link]
) -> DataLineage:
    """The data lineage. direct: id → name → digest, of versions trained on the data; links: to their descendants."""
    parents: dict[int, set[int]] = {}
    for child, parent, _ in links:
        parents.setdefault(child, set()).add(parent)
    found = (
        Seen(versions[key], direct.get(key, {}), tuple(versions[parent].ref for parent in sorted(parents.get(key, ()))))
        for key in sorted(versions, reverse=True)
    )
    return DataLineage(digest, tuple(found))


def as_tree(lineage: Lineage) -> str:
    """One line a version, below the one that it is a parent (`down`: a child) of; again only as a reference."""
    below: dict[str, dict[str, list[str]]] = {}
    for edge in lineage.edges:
        near, far = (edge.parent, edge.child) if lineage.down else (edge.child, edge.parent)
        below.setdefault(near, {}).setdefault(far, []).append(edge.relation.value)
    runs = {node.ref: f", run {node.run_id}" if node.run_id else "" for node in lineage.nodes}
    lines: list[str] = []
    seen: set[str] = set()
    waiting = [(lineage.ref, "", "", "")]  # no recursion: a line of resumed runs may be longer than Python's stack
    while waiting:
        ref, lead, indent, relation = waiting.pop()
        lines.append(f"{lead}{ref}{relation}{', see above' if ref in seen else runs[ref]}")
        if ref in seen:
            continue
        seen.add(ref)
        entries = list(below.get(ref, {}).items())
        for place, (far, relations) in reversed(list(enumerate(entries, start=1))):
            branch, under = ("└─ ", "   ") if place == len(entries) else ("├─ ", "│  ")
            waiting.append((far, indent + branch, indent + under, f" ({', '.join(relations)})"))
    return "\n".join(lines)


def as_mermaid(lineage: Lineage) -> str:
    """A Mermaid flowchart, arrows from parent to child."""
    names = {node.ref: f"v{place}" for place, node in enumerate(lineage.nodes)}
    lines = [f'  {names[node.ref]}["{_entities(node.ref)}"]' for node in lineage.nodes]
    lines += [
        f'  {names[edge.parent]} -->|"{_entities(edge.relation.value)}"| {names[edge.child]}' for edge in lineage.edges
    ]
    return "\n".join(["flowchart TD", *lines])


def _entities(label: str) -> str:
    """Whatever Mermaid could take for syntax, by its number."""
    return "".join(letter if _PLAIN.match(letter) else f"#{ord(letter)};" for letter in label)


def as_dot(lineage: Lineage) -> str:
    """A Graphviz digraph, arrows from parent to child."""
    lines = [f"  {_quoted(node.ref)};" for node in lineage.nodes]
    lines += [
        f"  {_quoted(edge.parent)} -> {_quoted(edge.child)} [label={_quoted(edge.relation.value)}];"
        for edge in lineage.edges
    ]
    return "\n".join(["digraph lineage {", *lines, "}"])


def _quoted(label: str) -> str:
    escaped = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
