"""Looking after a registry, in any database: the part of the conformance class that checks and moves versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from regtrain_registry import ParentLink, Registry, Relation, RunStart
from regtrain_registry.errors import ConflictError, VersionCollectedError
from regtrain_registry.location import check_url
from regtrain_registry.ops.fsck_rows import problems
from regtrain_registry.testing.tensor_files import MB, noise, tensor_file
from support.registry.places import Place, make_place

DIGEST = f"sha256:{'0' * 64}"
# What another program may do to the rows, and what is said of it.
CONTRADICTIONS = {
    "UPDATE rt_models SET next_number = 9 WHERE name = 'digits'": "numbers",
    "UPDATE rt_versions SET number = number + 5 WHERE number = 2": "numbers",
    "UPDATE rt_versions SET size_bytes = 1 WHERE number = 2": "size",
    f"UPDATE rt_versions SET digest = '{DIGEST}' WHERE number = 2": "digest",
    "UPDATE rt_versions SET sort_key = '0' WHERE number = 2": "order",
    "UPDATE rt_versions SET status = 'good' WHERE number = 2": "status",
    "UPDATE rt_aliases SET model_id = (SELECT id FROM rt_models WHERE name = 'other')": "alias",
    "UPDATE rt_versions SET status = 'collected'": "alias",
    "INSERT INTO rt_lineage (parent_id, child_id, relation) SELECT child_id, parent_id, relation FROM rt_lineage": "lineage",
    "INSERT INTO rt_lineage (parent_id, child_id, relation) SELECT child_id, child_id, relation FROM rt_lineage": "lineage",
    "UPDATE rt_events SET who = 'eve' WHERE seq = 2": "history",
    "DELETE FROM rt_events WHERE seq = 1": "history",
    "UPDATE rt_blobs SET collected_at = created_at": "collected",
    "UPDATE rt_blobs SET composed = (1 = 1) WHERE digest IN (SELECT digest FROM rt_artifacts)": "parts",
    "UPDATE rt_blobs SET composed = (1 = 0)": "parts",
    "UPDATE rt_parts SET size_bytes = size_bytes + 1 WHERE position = 0": "parts",
    "UPDATE rt_parts SET start = 9000000 WHERE position = 0": "parts",
    "DELETE FROM rt_parts WHERE position = 0": "parts",
    "UPDATE rt_segments SET start = 9000000": "segment",
}


def fill(place: Place) -> Registry:
    """Two versions that share a tensor, a third of another model, an alias, and what was said of them."""
    registry = place.open()
    registry.start_run(RunStart("run-1", "n", "/runs/1"))
    shared = noise("shared", 2 * MB)
    for number in (1, 2):
        content = tensor_file({"frozen": shared, "head": noise(number, 70_000)})
        parents = (ParentLink("digits", Relation.FINE_TUNED_FROM),) if number == 2 else ()
        place.register(
            files=(place.weights(content),), parents=parents, run_id="run-1", metrics={"val/loss": 0.5 / number}
        )
    place.register("other", files=(place.weights(b"small"),))
    registry.set_alias("digits@1.0.1", "champion")
    registry.tag("digits", "team", "vision")
    return registry


def elsewhere(folder: Path) -> Place:
    """Another registry, in a file."""
    return make_place(folder / "elsewhere")


class CareConformance:
    """The same problems found, and the same versions moved, whatever keeps the rows."""

    def test_a_sound_registry_is_found_sound(self, place: Place) -> None:
        """With every byte read; files that nobody needs are told and are no problem."""
        registry = fill(place)
        (place.folder / "blobs/sha256" / ("e" * 64)).write_bytes(b"nobody's")
        report = registry.fsck(read_data=True)
        assert (report.ok, report.problems, report.versions) == (True, [], 3)
        assert (report.garbage, report.garbage_bytes) == (1, 8)
        assert report.blobs == len(list((place.folder / "blobs/sha256").iterdir())) - 1
        assert {"ok", "versions", "blobs", "problems"} <= report.to_json().keys()

    def test_rows_that_contradict_each_other_are_found(self, place: Place) -> None:
        """Whatever another program did to them: each is told by its kind."""
        fill(place)
        engine = create_engine(check_url(place.uri), poolclass=NullPool)
        with engine.connect() as connection:
            assert list(problems(connection)) == []
            for statement, kind in CONTRADICTIONS.items():
                connection.rollback()
                connection.execute(text(statement))
                assert kind in {problem.kind for problem in problems(connection)}, statement
            connection.rollback()

    def test_a_file_that_is_gone_or_changed_is_found(self, place: Place) -> None:
        """Its digest, its versions; what was changed in place is found when every byte is read, and then moved aside."""
        registry = fill(place)
        version = registry.show("other")
        file = place.folder / "blobs/sha256" / version.digest.removeprefix("sha256:")
        file.chmod(0o600)
        file.write_bytes(b"smalL")
        assert registry.fsck().ok
        report = registry.fsck(read_data=True, repair=True)
        (problem,) = report.problems
        assert (problem.kind, problem.subject, problem.versions) == ("changed", version.digest, ("other@1.0.0",))
        assert problem.quarantined is not None
        assert Path(problem.quarantined).read_bytes() == b"smalL"
        (problem,) = registry.fsck().problems
        assert (problem.kind, problem.subject, problem.quarantined) == ("missing", version.digest, None)
        place.register("again", files=(place.weights(b"small"),))
        assert registry.fsck(read_data=True).ok
        file.chmod(0o600)
        file.write_bytes(b"sm")
        assert [one.kind for one in registry.fsck().problems] == ["size"]

    def test_each_file_of_a_version_is_verified(self, place: Place) -> None:
        """Whole and composed ones; the damaged ones are named, and what lies in a file that others are cut from too."""
        registry = fill(place)
        found = registry.verify("digits")
        assert (found.to_json()["ok"], [file.problem for file in found.files]) == (True, [None])
        first = registry.show("digits/1")
        source = place.folder / "blobs/sha256" / first.digest.removeprefix("sha256:")
        source.chmod(0o600)
        data = bytearray(source.read_bytes())
        data[1000] ^= 1
        source.write_bytes(data)
        for ref in ("digits/1", "digits/2"):
            assert [(f.artifact.path, f.problem) for f in registry.verify(ref).damaged] == [("model.bin", "changed")]
        (problem,) = registry.fsck(read_data=True).problems
        assert problem.versions == ("digits@1.0.0", "digits@1.0.1")

    def test_versions_come_and_go_as_an_archive(self, place: Place, tmp_path: Path) -> None:
        """With lineage, files, tags and runs; once only; under a name of their own where theirs is taken."""
        registry = fill(place)
        home = elsewhere(tmp_path)
        there = home.open()
        registry.export_archive(["digits"], tmp_path / "one.tar")
        assert [one.outcome for one in there.import_archive(tmp_path / "one.tar")] == ["imported"] * 2
        home.register(config={"own": 1})
        parents = (ParentLink("digits/1", Relation.DISTILLED_FROM),)
        home.register("other", files=(home.weights(b"theirs"),), parents=parents)
        there.export_archive(None, tmp_path / "two.tar")
        made = registry.import_archive(tmp_path / "two.tar")
        assert [one.outcome for one in made] == ["known", "known", "imported", "imported"]
        assert [one.outcome for one in registry.import_archive(tmp_path / "two.tar")] == ["known"] * 4
        name = made[3].ref
        assert name.startswith("other@1.0.0-from-")
        moved = registry.show(name)
        assert [(parent.ref, parent.relation.value) for parent in moved.parents] == [("digits@1.0.0", "distilled_from")]
        assert registry.show("other").version == "1.0.0"
        assert there.show("digits@1.0.1").tags == {"team": "vision"}
        assert there.run("run-1").run_id == "run-1"
        for one in (registry, there):
            assert one.fsck(read_data=True).ok
        assert registry.checkout(name, tmp_path / "out", bare=True)[0].read_bytes() == b"theirs"

    def test_a_second_import_changes_nothing(self, place: Place, tmp_path: Path) -> None:
        """Whatever was done meanwhile on either side: each registry keeps its own tags, status and exports."""
        registry = fill(place)
        there = elsewhere(tmp_path).open()
        registry.export_archive(None, tmp_path / "first.tar")
        there.import_archive(tmp_path / "first.tar")
        (tmp_path / "model").write_bytes(b"as ONNX")
        registry.record_export("digits/1", "onnx", tmp_path / "model", passed=True, report={"difference": 1e-7})
        registry.untag("digits/2", "team")
        registry.deprecate("digits/1", "drifts", "digits/2")
        there.tag("digits/1", "stage", "demo")
        there.describe("digits/1", "café 模型")
        before = [[(one.versions("digits"), one.history("digits")) for one in (registry, there)] for _ in range(2)]
        for number, (source, target) in enumerate([(registry, there), (there, registry)]):
            source.export_archive(None, tmp_path / f"{number}.tar")
            made = target.import_archive(tmp_path / f"{number}.tar")
            assert [one.outcome for one in made] == ["known"] * 3
        assert [(one.versions("digits"), one.history("digits")) for one in (registry, there)] == before[0]
        assert registry.fsck(read_data=True).ok

    def test_what_came_without_its_files_gets_them_later(self, place: Place, tmp_path: Path) -> None:
        """Until then it is a row that says so; a version of another content under the same identity is refused."""
        registry = place.open()
        home = elsewhere(tmp_path)
        there = fill(home)
        there.export_archive(["digits"], tmp_path / "named.tar", named_files=True)
        there.export_archive(["digits"], tmp_path / "all.tar")
        registry.import_archive(tmp_path / "named.tar")
        with pytest.raises(VersionCollectedError):
            registry.checkout("digits/1", tmp_path / "none")
        assert registry.fsck(read_data=True).ok
        assert [one.outcome for one in registry.import_archive(tmp_path / "all.tar")] == ["files restored", "known"]
        assert registry.verify("digits/1").damaged == []
        assert registry.fsck(read_data=True).ok
        place.execute(f"UPDATE rt_versions SET digest = '{DIGEST}' WHERE number = 1")
        with pytest.raises(ConflictError, match="another digest"):
            registry.import_archive(tmp_path / "all.tar")
