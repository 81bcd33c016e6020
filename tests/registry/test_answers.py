"""Registering answers with the value that reading gives, without reading."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from regtrain_registry import (
    ArtifactKind,
    FileToStore,
    ParentLink,
    Recipe,
    Registration,
    Registry,
    Relation,
    RunStart,
    Source,
)
from regtrain_registry.json_values import json_safe

TEXT = st.text(st.characters(codec=None), max_size=20)  # also zero bytes and halves of surrogate pairs
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(), inner, max_size=3),
    max_leaves=8,
)
DOCUMENT = st.dictionaries(TEXT, JSON, max_size=4)
FILES = st.dictionaries(st.sampled_from(["w", "b/x", "C", "a", "b-1"]), st.sampled_from(ArtifactKind), max_size=4)
PARENTS = st.lists(st.tuples(st.sampled_from(["base", "base@1.0.0", "teacher"]), st.sampled_from(Relation)), max_size=4)

FIELDS = st.fixed_dictionaries(
    {
        "metrics": DOCUMENT,
        "config": DOCUMENT,
        "recipe": st.builds(Recipe, config=DOCUMENT, signature=DOCUMENT),
        "created_by": TEXT | st.just("é" * 300),
        "summary": TEXT,
        "source": st.builds(Source, st.none() | st.just("abc"), st.none() | st.booleans()),
        "run_id": st.none() | st.just("run"),
        "version": st.none() | st.just("0.3.0-rc.1"),
    }
)


def test_the_answer_is_what_is_read(registry: Registry, tmp_path: Path) -> None:
    """Whatever is registered, and it is what was asked for; the same key gives it again."""
    registry.start_run(RunStart("run", "digits", "/runs/run"))
    for model in ("base", "teacher"):
        registry.register(Registration(model, ()))
    for number in range(5):
        (tmp_path / str(number)).write_bytes(bytes([number % 2]) * 10)
    names = (f"model-{number}" for number in count())

    @settings(max_examples=60)
    @given(FIELDS, FILES, PARENTS)
    @example({"metrics": {"a": float("nan"), "b": (1, 2)}}, {"w": ArtifactKind.WEIGHTS, "a": ArtifactKind.LOG}, [])
    @example({"config": {"shown": 1}, "recipe": Recipe(config={"learned": 2}), "summary": "a\x00b\ud800"}, {}, [])
    def check(fields: dict[str, Any], files: dict[str, ArtifactKind], parents: list[tuple[str, Relation]]) -> None:
        stored = tuple(FileToStore(tmp_path / str(n), name, kind) for n, (name, kind) in enumerate(files.items()))
        links = tuple(ParentLink(ref, relation) for ref, relation in parents)
        model = next(names)
        registration = Registration(model, stored, parents=links, idempotency_key=model, **fields)
        made = registry.register(registration)
        assert made == registry.show(model + "/1") == registry.register(registration)
        assert made.to_json() == registry.show(model + "/1").to_json()
        asked = (registration.source, registration.run_id, registration.version or "1.0.0")
        assert (made.source, made.run_id, made.version) == asked
        assert (made.summary, made.created_by) == (plain(registration.summary), who(registration))
        assert (made.config, made.metrics) == (
            json_safe(registration.config or registration.recipe.config),
            json_safe(registration.metrics),
        )

    def who(registration: Registration) -> str:
        return plain(registration.created_by)[:255] or registry.who

    check()


def plain(text: str) -> str:
    """As any database takes it."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "�")


def test_answering_reads_no_version(registry: Registry, tmp_path: Path) -> None:
    """What is read is read before the version's row is inserted; parents by name where there are any."""
    (tmp_path / "file").write_text("text")
    registration = Registration("digits", (FileToStore(tmp_path / "file", "file"),))
    registry.register(registration)
    statements: list[str] = []
    event.listen(registry._database._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    registry.register(registration)
    inserted = next(n for n, statement in enumerate(statements) if statement.startswith("INSERT INTO rt_versions"))
    assert [s.split()[0] for s in statements[:inserted]] == ["BEGIN", "SELECT", "SELECT", "SELECT"]
    assert [s.split()[0] for s in statements[inserted:]] == ["INSERT", "INSERT", "INSERT", "UPDATE"]
