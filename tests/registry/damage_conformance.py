"""Damaged rows, in any database: the part of the conformance class for values that cannot be read."""

from __future__ import annotations

import pytest
from sqlalchemy import String

from regtrain_registry import ParentLink, Registry, Relation, RunStart
from regtrain_registry.errors import RowDamagedError
from support.registry.places import Place

# Column of the version digits@1.0.1, and what another program writes there; which databases have a type that allows it.
EVERYWHERE = ("sqlite", "postgresql", "mysql")
TEXT = ("sqlite", "mysql")
VALUES = (
    ("rt_versions", "metrics", "'{'", TEXT),
    ("rt_versions", "metrics", "'[]'", EVERYWHERE),
    ("rt_versions", "signature", "'5'", EVERYWHERE),
    ("rt_versions", "bump", "'{}'", EVERYWHERE),
    ("rt_versions", "config", "'[1'", TEXT),
    ("rt_versions", "status", "'rubbish'", EVERYWHERE),
    ("rt_versions", "created_at", "'rubbish'", ("sqlite",)),
    ("rt_versions", "number", "'two'", ("sqlite",)),
    ("rt_versions", "size_bytes", "'many'", ("sqlite",)),
    ("rt_artifacts", "kind", "'rubbish'", EVERYWHERE),
    ("rt_lineage", "relation", "'rubbish'", EVERYWHERE),
)
KEYS = {"rt_versions": "id = 2", "rt_artifacts": "version_id = 2", "rt_lineage": "child_id = 2"}
LISTED = ("config",)  # columns that lists do not read


def damage(place: Place, table: str, column: str, value: str) -> bool:
    """Write a damaged value; whether the database has a type that allows it."""
    allowed = next(kinds for *what, kinds in VALUES if what == [table, column, value])
    if place.url.get_backend_name() in allowed:
        place.execute(f"UPDATE {table} SET {column} = {value} WHERE {KEYS[table]}")
        return True
    return False


class DamageConformance:
    """One damaged row is one damaged entry."""

    @pytest.fixture
    def three(self, place: Place) -> Registry:
        """Two versions of digits, the second with a parent, and one of another model."""
        place.register()
        place.register(parents=(ParentLink("digits@1.0.0", Relation.FINE_TUNED_FROM),))
        place.register("other")
        return place.open()

    @pytest.mark.parametrize(("table", "column", "value"), [case[:3] for case in VALUES])
    def test_a_damaged_row_is_shown_as_damaged_and_the_others_as_they_are(
        self, place: Place, three: Registry, table: str, column: str, value: str
    ) -> None:
        """In every list, in JSON; the version itself is an error with row and column; fsck names both, too."""
        good = {version.ref: version for version in three.search()}
        if not damage(place, table, column, value):
            return
        for found in (three.search(), three.versions("digits"), three.versions("digits", 2)):
            for version in found:
                if version.ref == "other@1.0.0" or version.number == 1:
                    assert version == good[version.ref]
                else:
                    assert version.version == "1.0.1"
                    assert (version.to_json()["status"] == "damaged") is (column not in LISTED)
        latest = {model.name: model.latest for model in three.models()}
        assert [*latest] == ["digits", "other"]
        assert latest["other"] is not None
        assert latest["other"].to_json()["status"] == "ready"
        with pytest.raises(RowDamagedError) as caught:
            three.show("digits/2" if column != "number" else "digits@1.0.1")
        assert caught.value.exit_code == 4
        assert f"of {table}: {column} cannot be read" in caught.value.message
        assert "digits@1.0.1" in caught.value.message
        assert "registry fsck" in caught.value.hint
        report = three.fsck(read_data=True)
        assert [p for p in report.problems if p.kind == "row" and f"of {table}: {column} " in p.message], report

    def test_a_damaged_latest_version_is_one_damaged_model(self, place: Place, three: Registry) -> None:
        """Number and version are there, time and metrics as far as they can be read; a filter finds it as before."""
        three.set_alias("digits@1.0.0", "champion")
        damage(place, "rt_versions", "metrics", "'[]'")
        digits, other = (model.to_json() for model in three.models())
        latest = digits["latest"]
        assert (latest["version"], latest["number"], latest["status"], latest["metrics"]) == ("1.0.1", 2, "damaged", {})
        assert (digits["versions"], digits["aliases"]) == (2, {"champion": "1.0.0"})
        assert digits["size_bytes"] == 2 * other["size_bytes"]
        assert other["latest"]["status"] == "ready"
        assert [model.to_json() for model in three.models("alias = champion")] == [digits]

    def test_a_damaged_run_is_one_damaged_entry(self, place: Place, registry: Registry) -> None:
        """Lists show the others; the run itself is an error with row and column."""
        for run_id in ("one", "two", "three"):
            registry.start_run(RunStart(run_id, "n", "/x"))
        cases = ["metrics = '[]'", "status = 'rubbish'"]
        if place.url.get_backend_name() != "postgresql":
            cases += ["metrics = '{'"]
        if place.url.get_backend_name() == "sqlite":
            cases += ["finished_at = 'rubbish'", "seconds = 'long'"]
        whole = {run.run_id: run for run in registry.runs()}
        for case in cases:
            place.execute(f"UPDATE rt_runs SET {case} WHERE id = 'two'")
            for found in (registry.runs(), registry.runs(filter="name = n")):
                assert {run.run_id: run.to_json()["status"] for run in found}["two"] == "damaged", case
                assert [run for run in found if run.run_id != "two"] == [
                    run for run in whole.values() if run.run_id != "two"
                ]
            column = case.partition(" ")[0]
            with pytest.raises(RowDamagedError, match=f"row id 'two' of rt_runs: {column} cannot be read"):
                registry.run("two")
            assert registry.run("one") == registry.run("one")
            kinds = [(problem.kind, problem.subject) for problem in registry.fsck().problems]
            assert ("row", "rt_runs id 'two'") in kinds
            place.execute(
                "UPDATE rt_runs SET metrics = '{}', status = 'running', finished_at = NULL, seconds = NULL"
                " WHERE id = 'two'"
            )
        assert registry.fsck().ok

    def test_fsck_decodes_every_column_of_every_table(self, place: Place, three: Registry) -> None:
        """What SQLite, which has no types, lets another program write into any column of numbers, times or documents."""
        if place.url.get_backend_name() != "sqlite":
            return
        from regtrain_registry.db.tables.all import METADATA

        three.tag("digits", "a", "b")
        three.set_alias("digits", "champion")
        missed = []
        for table in METADATA.sorted_tables:
            for column in table.columns:
                text = isinstance(getattr(column.type, "impl_instance", column.type), String)
                if text or column.primary_key or column.foreign_keys or not place.count(table.name):
                    continue
                rows = place.execute(f"SELECT rowid, {column.name} FROM {table.name} LIMIT 1")
                place.execute(
                    "PRAGMA foreign_keys = OFF",
                    f"UPDATE {table.name} SET {column.name} = 'x' WHERE rowid = {rows[0][0]}",
                )
                found = [problem.message for problem in place.open().fsck().problems if problem.kind == "row"]
                if not [message for message in found if f"of {table.name}: {column.name} " in message]:
                    missed.append((table.name, column.name))
                old = "NULL" if rows[0][1] is None else repr(rows[0][1])
                place.execute(f"UPDATE {table.name} SET {column.name} = {old} WHERE rowid = {rows[0][0]}")
        assert missed == []
        assert place.open().fsck().ok
