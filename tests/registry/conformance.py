"""What holds for a registry in any database: inherited by one test class for each kind.

A subclass has a fixture `place`: a new, empty database.
"""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.care_conformance import CareConformance
from registry.content_conformance import ContentConformance
from registry.damage_conformance import DamageConformance
from registry.input_conformance import InputConformance
from registry.marking_conformance import MarkingConformance
from registry.migration_conformance import MigrationConformance
from registry.naming_conformance import NamingConformance
from registry.relation_conformance import RelationConformance
from registry.retention_conformance import RetentionConformance
from registry.schema_conformance import SchemaConformance
from registry.search_conformance import SearchConformance
from regtrain_registry import (
    ArtifactKind,
    Bump,
    FileToStore,
    ParentLink,
    Recipe,
    Registration,
    Registry,
    Relation,
    RunStart,
    RunStatus,
    Source,
)
from regtrain_registry.errors import (
    ConflictError,
    IdempotencyError,
    ModelNotFoundError,
    NameNotAllowedError,
    RegistryLockedError,
    RunExistsError,
    RunNotFoundError,
    TextTooLongError,
    VersionNotFoundError,
    VersionTakenError,
)
from support.programs import program
from support.registry.places import Place

LINE = ("1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0-rc.1", "1.10.0")
REFS = {
    "digits": "2.0.0",
    "models:/digits/latest": "2.0.0",
    "digits@1.1.0": "1.1.0",
    "digits@2.1.0-rc.1": "2.1.0-rc.1",
    "digits@^1.1": "1.10.0",
    "digits@~1.1.0": "1.1.0",
    "digits@>=1.0.0,!=1.10.0,<2": "1.2.0",
    "digits@>2.0.0-rc.1": "2.1.0-rc.1",
    "digits/2": "1.1.0",
    "digits@1.1.0+cpu.7": "1.1.0",
    "digits@2.1.0-rc.1+cpu": "2.1.0-rc.1",
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
# Each example is one more version of the same model; that several classes inherit the test is meant.
SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)
CONTRADICTIONS = (
    "INSERT INTO rt_models (name, next_number, created_at) VALUES ('digits', 1, '2026-01-01 00:00:00')",
    "UPDATE rt_versions SET number = 1",
    "UPDATE rt_versions SET patch = 0",
    "UPDATE rt_versions SET idempotency_key = 'same'",
    "UPDATE rt_versions SET run_id = 'nobody'",
    "DELETE FROM rt_blobs",
    "DELETE FROM rt_versions",
    "DELETE FROM rt_models",
)


class RegistryConformance(
    SchemaConformance,
    RelationConformance,
    MigrationConformance,
    MarkingConformance,
    NamingConformance,
    SearchConformance,
    RetentionConformance,
    ContentConformance,
    DamageConformance,
    CareConformance,
    InputConformance,
):
    """One behaviour, whatever keeps the rows."""

    @pytest.fixture
    def line(self, registry: Registry) -> None:
        for version in LINE:
            registry.register(Registration("digits", (), version=version))

    def test_a_version_says_what_it_holds(self, place: Place, registry: Registry) -> None:
        """Every field comes back, and what registering answers is what is shown later."""
        made = place.register(
            metrics={"val/accuracy": 0.9},
            source=Source("abc", True),
            summary="first",
            created_by="ada",
            config={"a": 1},
        )
        shown = registry.show("digits@1.0.0")
        assert made.to_json() == {key: value for key, value in shown.to_json().items() if key != "config"} | (
            {"config": {"a": 1}} if "config" in made.to_json() else {}
        )
        assert (shown.config, shown.metrics, shown.source) == ({"a": 1}, {"val/accuracy": 0.9}, Source("abc", True))
        assert (shown.summary, shown.created_by, shown.size_bytes, shown.run_id) == ("first", "ada", 7, None)
        assert [file.path for file in shown.artifacts] == ["model.bin"]
        assert registry.checkout("digits", place.folder / "out")[0].read_bytes() == b"weights"

    def test_versions_follow_the_change(self, place: Place) -> None:
        """The part that moves is decided against the highest version there is; what is given overrules it."""
        steps: list[tuple[dict[str, Any], list[int]]] = [
            ({"optimizer": {"lr": 0.1}}, [10, 64]),
            ({"optimizer": {"lr": 0.1}, "experiment": {"seed": 2}}, [10, 64]),
            ({"optimizer": {"lr": 0.2}}, [10, 64]),
            ({"optimizer": {"lr": 0.2}}, [10, 128]),
        ]
        recipes = [
            Recipe(config=config, state={"w": [shape, "float32"]}, not_learned=frozenset({"experiment.seed"}))
            for config, shape in steps
        ]
        made = [place.register(recipe=recipe) for recipe in recipes]
        made.append(place.register(recipe=recipes[-1], bump=Bump.MINOR))
        made.append(place.register(recipe=recipes[-1], version="1.4.0", force=True))
        made.append(place.register(recipe=recipes[-1]))
        assert [v.version for v in made] == ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.1.0", "1.4.0", "2.1.1"]
        assert [v.number for v in made] == [1, 2, 3, 4, 5, 6, 7]
        assert made[2].bump.reasons == ["optimizer.lr: 0.1 → 0.2"]
        assert made[4].bump.overruled == "bump given"

    def test_a_taken_version_is_a_conflict(self, place: Place, line: None) -> None:
        """Exit code 3 and the free ones; no number is used up."""
        with pytest.raises(VersionTakenError) as caught:
            place.register(version="1.1.0")
        assert "1.1.1, 1.3.0, 3.0.0" in caught.value.hint
        assert place.register(version="9.0.0").number == 7

    def test_every_form_of_ref_finds_its_version(self, line: None, registry: Registry) -> None:
        """The database chooses as the values say; what is unknown is answered with what is near."""
        assert {ref: registry.resolve(ref).version for ref in REFS} == REFS
        registry.set_alias("digits@1.0.0", "champion")
        for ref in ("digits@9.0.0", "digits@9.0.0+cpu", "digits@^9", "digits/99", "digits@champio"):
            with pytest.raises(VersionNotFoundError) as caught:
                registry.resolve(ref)
            assert "2.1.0-rc.1" in caught.value.hint
            assert "champion" in caught.value.hint
        with pytest.raises(ModelNotFoundError, match="digit"):
            registry.resolve("digit")

    def test_versions_come_in_semantic_order(self, registry: Registry) -> None:
        """Numbers before words, capitals before small letters, a prefix first, whatever the database's order of text."""
        ordered = [
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-Beta",
            "1.0.0-alpha",
            "1.0.0-alpha-b",
            "1.0.0-alphab",
            "1.0.0",
            "10.0.0",
        ]
        for version in sorted(ordered):
            registry.register(Registration("digits", (), version=version))
        assert [v.version for v in registry.versions("digits")] == ordered[::-1]
        assert registry.resolve("digits@<1.0.0-alphab").version == "1.0.0-alpha-b"

    def test_lists_are_in_the_order_of_code_points(self, registry: Registry) -> None:
        """Models, aliases, parents and files by name, hyphens and underscores before letters or after as ASCII has it."""
        names = ["a", "a-b", "a-d", "a.c", "a_b", "ab", "ac", "b1", "b10", "b2"]
        for name in reversed(names):
            registry.register(Registration(name, ()))
            registry.set_alias("b2", f"x{name}")
        assert [model.name for model in registry.models()] == names
        aliases = [f"x{name}" for name in names]
        assert registry.resolve("b2").aliases == list(registry.models()[-1].aliases) == aliases
        parents = tuple(ParentLink(name, Relation.DISTILLED_FROM) for name in reversed(names))
        made = registry.register(Registration("child", (), parents=parents))
        assert [parent.ref for parent in made.parents] == [f"{name}@1.0.0" for name in names]

    def test_models_are_listed_with_their_latest_version(self, place: Place, line: None, registry: Registry) -> None:
        """Counts, sizes and aliases; `latest` is neither archived nor a prerelease."""
        place.register("another", version="0.1.0-rc.1")
        registry.set_alias("digits@1.1.0", "champion")
        place.execute("UPDATE rt_versions SET status = 'archived' WHERE major = 2 AND prerelease = ''")
        another, digits = registry.models()
        assert (another.latest, another.size_bytes, another.versions) == (None, 7, 1)
        assert digits.latest is not None
        assert (digits.latest.version, digits.latest.number) == ("1.10.0", 6)
        assert (digits.aliases, digits.versions) == ({"champion": "1.1.0"}, 6)
        assert registry.resolve("digits/4").version == "2.0.0"
        with pytest.raises(VersionNotFoundError):
            registry.resolve("digits@^2")

    def test_an_alias_moves_and_belongs_to_its_model(self, place: Place, line: None, registry: Registry) -> None:
        """One version of a model at a time; the same again changes nothing; two models may use one alias."""
        place.register("other")
        registry.set_alias("other", "champion")
        registry.set_alias("digits@1.0.0", "champion")
        for _ in range(2):
            assert registry.set_alias("digits@2.0.0", "champion").aliases == ["champion"]
        assert registry.resolve("digits@champion").version == "2.0.0"
        assert registry.resolve("digits@1.0.0").aliases == []
        assert registry.resolve("other@champion").name == "other"
        with pytest.raises(ModelNotFoundError):
            registry.set_alias("nobody", "champion")

    def test_runs_are_recorded_found_and_listed(self, place: Place, registry: Registry) -> None:
        """From start to end; by id, folder, name and the beginning of an id; newest first."""
        for run_id in ("aa-1", "aa-2", "bb_1"):
            registry.start_run(RunStart(run_id, f"n-{run_id[:2]}", f"/runs/{run_id}", {"a": 1}))
        registry.finish_run(
            "aa-1", "finished", metrics={"val/loss": 0.5}, steps=2**40, epochs=2, best={"step": 5}, seconds=math.nan
        )
        run = registry.run("aa-1")
        assert (run.status, run.steps, run.best, run.seconds) == (RunStatus.FINISHED, 2**40, {"step": 5}, None)
        assert run.finished_at is not None
        assert run.finished_at >= run.started_at
        found = {"aa-2": "aa-2", "n-aa": "aa-2", "b": "bb_1", "/runs/aa-1": "aa-1"}
        assert {ref: registry.run(ref).run_id for ref in found} == found
        for ref in ("aa", "AA-1", "a_", "%", "", "a\x00b", "\ud800"):
            with pytest.raises(RunNotFoundError):
                registry.run(ref)
        assert [run.run_id for run in registry.runs(limit=2)] == ["bb_1", "aa-2"]
        with pytest.raises(RunExistsError):
            registry.start_run(RunStart("aa-1", "n", "/x"))
        place.register(run_id="bb_1")
        assert (registry.run("bb_1").model, registry.run("bb_1").version) == ("digits", "1.0.0")

    def test_what_cannot_be_resolved_registers_nothing(self, place: Place) -> None:
        """The whole transaction is undone, the model's row too."""
        with pytest.raises(ModelNotFoundError):
            place.register(parents=(ParentLink("nobody", Relation.RESUMED_FROM),))
        with pytest.raises(RunNotFoundError):
            place.register(run_id="nobody")
        assert [place.count(table) for table in ("rt_models", "rt_versions", "rt_blobs")] == [0, 0, 0]
        assert place.register().number == 1

    def test_the_same_key_gives_the_same_version(self, place: Place) -> None:
        """A registration whose answer was lost is not made twice; a key in capitals is another one."""
        first = place.register(idempotency_key="run-1")
        assert place.register(idempotency_key="run-1") == first
        assert place.register(idempotency_key="RUN-1").number == 2
        with pytest.raises(IdempotencyError):
            place.register("other", idempotency_key="run-1")
        assert place.count("rt_versions") == 2

    def test_names_do_not_differ_in_case_alone(self, place: Place, registry: Registry) -> None:
        """No model and no two files of a version; ids of runs, which nobody unpacks, may."""
        place.register("digits")
        with pytest.raises(NameNotAllowedError):
            place.register("Digits")
        files = [FileToStore(place.weights().path, name) for name in ("a.txt", "A.txt")]
        with pytest.raises(NameNotAllowedError):
            place.register(files=tuple(files))
        assert [place.register(files=(file,)).artifacts[0].path for file in files] == ["a.txt", "A.txt"]
        for run_id in ("run", "Run"):
            registry.start_run(RunStart(run_id, run_id, "/x"))
        assert [registry.run(ref).run_id for ref in ("run", "Run")] == ["run", "Run"]

    def test_any_text_comes_back(self, place: Place, registry: Registry) -> None:
        """Every plane of Unicode, quotes, placeholders and 200,000 letters; a zero byte as a mark."""
        texts = ["𝄞 ü é 中", "'; DROP TABLE rt_models; --", '"%s" %(a)s :b ? \\', "a\x00b\ud800", "ß" * 200_000]
        for text in texts:
            shown = registry.resolve(place.register(summary=text, config={text[:9]: text}, created_by=text).ref)
            expected = text.replace("\x00", "�").replace("\ud800", "?")
            assert (shown.summary, shown.created_by) == (expected, expected[:255])
            assert registry.show(shown.ref).config == {expected[:9]: expected}

    @settings(max_examples=25, suppress_health_check=SHARED)
    @given(document=st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=5))
    def test_any_document_comes_back(self, place: Place, document: dict[str, Any]) -> None:
        """Numbers to the last digit, keys in their order, at any depth."""
        made = place.open().register(Registration("digits", (), config=document, metrics=document))
        shown = place.open().show(made.ref)
        assert repr(shown.metrics) == repr(shown.config) == repr(made.metrics)

    def test_times_are_kept_to_the_microsecond(self, place: Place, registry: Registry) -> None:
        """In UTC, whatever the zones of server and connection, and the answer is what is read later."""
        before = datetime.now(UTC)
        made = [registry.register(Registration("digits", ())) for _ in range(3)]
        shown = [registry.resolve(version.ref).created_at for version in made]
        assert shown == [version.created_at for version in made]
        assert any(time.microsecond % 1000 for time in shown)
        assert before <= shown[0] < shown[1] < shown[2] <= datetime.now(UTC)
        assert shown[0].tzinfo is UTC

    def test_what_is_too_long_is_refused_and_what_just_fits_is_kept(self, place: Place, registry: Registry) -> None:
        """The same limits everywhere, in characters; exit code 2, nothing is cut."""
        wide = "𝄞"
        registry.start_run(RunStart(wide * 64, wide * 300, wide * 700, host=wide * 300, resumed_from=wide * 700))
        assert registry.run(wide * 64).run_dir == wide * 700
        name = "/".join(["d" * 100, "e" * 100, "f" * 53])
        files = (FileToStore(place.weights().path, name, ArtifactKind.OTHER),)
        version = f"999999999.999999999.999999999-{'z' * 64}"
        made = place.register(
            "m" * 64,
            files=files,
            version=version,
            idempotency_key=wide * 128,
            run_id=wide * 64,
            source=Source("c" * 64),
        )
        assert registry.resolve(f"{'m' * 64}@{version}") == made or made.version == version
        for start in (RunStart("r" * 65, "n", "/x"), RunStart("r", "n", "/" * 701)):
            with pytest.raises(TextTooLongError) as caught:
                registry.start_run(start)
            assert caught.value.exit_code == 2
        for field in ({"idempotency_key": "k" * 129}, {"run_id": "r" * 65}, {"source": Source("c" * 65)}):
            with pytest.raises(TextTooLongError):
                place.register(**field)

    def test_the_database_itself_refuses_what_contradicts(self, place: Place) -> None:
        """Unique numbers, versions, names and keys; nothing that is referred to goes. Tries end, then it is a conflict."""
        for _ in range(2):
            place.register()
        quick = place.open(lock_timeout=0.01)
        for statement in CONTRADICTIONS:
            with pytest.raises(ConflictError):
                quick._database.write(lambda connection, sent=statement: connection.exec_driver_sql(sent))
        assert [version.number for version in quick.versions("digits")] == [2, 1]

    def test_another_writer_is_waited_for_and_then_named(self, place: Place, registry: Registry) -> None:
        """Exit code 5; readers do not wait, and afterwards it works."""
        place.register()
        quick = place.open(lock_timeout=0.05)
        with place.engine().connect() as other:
            other.exec_driver_sql("BEGIN" if place.url.get_backend_name() != "sqlite" else "BEGIN IMMEDIATE")
            other.exec_driver_sql("UPDATE rt_models SET next_number = next_number")
            assert quick.resolve("digits").number == 1
            with pytest.raises(RegistryLockedError) as caught:
                quick.register(Registration("digits", ()))
            with pytest.raises(RegistryLockedError):
                quick.set_alias("digits", "champion")
            other.exec_driver_sql("ROLLBACK")
        assert caught.value.exit_code == 5
        assert quick.register(Registration("digits", ())).number == 2

    @pytest.mark.slow
    def test_processes_that_register_at_once_get_numbers_without_gap(self, place: Place) -> None:
        """Sixteen processes create the registry together and register six versions each of one model."""
        command = [sys.executable, str(program("registry/register_many.py")), place.uri, str(place.folder)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        children = [subprocess.Popen([*command, f"p{n}", "6"], text=True, **pipes) for n in range(16)]
        assert [child.stdout.readline() for child in children if child.stdout] == ["ready\n"] * 16
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        answers = [child.communicate(timeout=120) for child in children]
        assert [error for _, error in answers] == [""] * 16
        numbers = sorted(int(line) for output, _ in answers for line in output.split())
        assert numbers == list(range(1, 97))
        versions = place.open().versions("digits")
        assert sorted(version.number for version in versions) == numbers
        assert {version.version for version in versions} == {"1.0.0", *(f"1.0.{n}" for n in range(1, 96))}
