"""Searching, in any database: the part of the conformance class that compares it with plain Python."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from regtrain_registry import ModelInfo, Recipe, Registration, RunInfo, RunStart, Source, VersionInfo
from regtrain_registry.db.tables.lifecycle import TAGS
from regtrain_registry.errors import FilterSyntaxError, ModelNotFoundError
from regtrain_registry.json_values import leaves
from regtrain_registry.query import Column, Filter, OrderKey, parse_filter, parse_order
from regtrain_registry.query.columns import MODELS, RUNS, VERSIONS
from support.registry.filter_reference import holds, in_order
from support.registry.filter_strategies import Pool
from support.registry.places import Place

# The registry is only read; that several classes inherit the tests is meant.
SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow)
TEXTS = (
    "",
    "a",
    "A",
    "a ",
    "ab",
    "é",
    "É",
    "100%",
    "a_b",
    "a\\b",
    "*[a]?!",
    "'; DROP TABLE rt_models; --",
    '"',
    "𝄞",
    "-1",
)
NUMBERS = (-1.0, 0.0, 0.1, 0.5, 0.9, 1.0, 2.0, 1e-3, 1e300, 3.5)
DAYS = (*(datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3)), datetime(2026, 1, 2, tzinfo=UTC))
METRICS: tuple[dict[str, Any], ...] = (
    {"val/accuracy": 0.5, "val_loss": 0.1, "val/loss": 2.0, "we`i\"r'd": 1},
    {"val/accuracy": 0.9, "loss": math.nan, "Loss": -1},
    {"val/accuracy": 0.9, "loss": 0.5, "note": "text"},
    {"loss": 1e300, "val/loss": 0.1},
    {},
    {"val/accuracy": 0, "loss": True, "nested": {"a": 1}, "note": "text"},
)
CONFIGS: tuple[dict[str, Any], ...] = (
    {"optimizer": {"lr": 0.1, "name": "a"}, "flag": True},
    {"optimizer": {"lr": "0.10", "name": "A"}, "flag": False},
    {"optimizer": {"lr": 1e-3, "name": "a_b"}, "hidden": [1, 2]},
    {"optimizer": {"lr": "high", "name": "100%"}, "flag": "true"},
    {"optimizer": {"lr": -1}},
)
NUMBERED = "SELECT v.id, m.name, v.number FROM rt_versions v JOIN rt_models m ON m.id = v.model_id"
CASES = (
    *(f"tags.`{name}` {sign} '{pattern}'" for name in ("team", "no/te") for sign in ("like", "not like", "ilike")
      for pattern in ("a", "A%", "*%", "%[a]%", "%?%", "_", "__", "%\\_%", "%\\%", "100\\%", "%\\\\%", "", "%!", "% ")),
    *(f"tags.team {sign} '{text}'" for sign in ("=", "!=") for text in ("a", "a ", "A", "é", "𝄞", "", "*[a]?!")),
    *(f"created {sign} {day}" for sign in ("<", "<=", "=", "!=", ">=", ">")
      for day in ("2026-01-02", "'2026-01-02 00:00'", "2026-01-02T12:00Z")),
    *(f"params.optimizer.lr {sign}" for sign in ("= 0.1", "= '0.1'", "= '0.10'", "!= 0.1", "< 0.1", "in (high, 1e-3)", "like '0.1%'",
                                                 "is null", "> -5")),
    *(f"metrics.{name} {sign}" for name in ("val_accuracy", "val_loss", "loss", "Loss")
      for sign in ("= 0.1", "!= 0.1", ">= 0.5", "in (0.5, 2)", "is null", "is not null")),
    *(f"version {sign}" for sign in ("^1.0", "~1.0.0", "= 1", "!= 1", "< 2", ">= 1.0.1", "in (1.10.0, '^2.0.0-rc.1')", "= '<3'")),
    *(f"{column} {sign}" for column in ("alias", "stage") for sign in ("= champion", "!= production", "is null", "like '%a%'")),
    "not metrics.loss > 0.4", "run_id != run-1", "not run_id = run-1", "params.flag = true and status = ready or name = a-b",
)  # fmt: skip
ORDERS = (
    *(
        f"{column}{down}"
        for down in ("", " desc")
        for column in ("metrics.loss", "params.optimizer.lr", "tags.team", "name", "run_id")
    ),
    *(
        f"{column}{down}"
        for down in ("", " desc")
        for column in ("version", "created", "status, created_by", "metrics.absent, name")
    ),
)
ORDERED = (
    None,
    "metrics.loss > 0.4 or tags.team = a or params.optimizer.lr > 0.05",
    "metrics.loss <= 0.5 and not tags.team is null",
    "metrics.loss is null and number < 5",
)
OF_MODELS = (
    *("alias = champion", "alias != champion", "stage = production", "alias is null", "latest < 1.1", "latest is null"),
    *("number > 2", "versions > 5", "size_bytes = 0", "status = deprecated", "tags.team is null", "metrics.loss > 0"),
    *("params.optimizer.lr = 0.1", "created = 2026-01-02", "name like 'm%'"),
)
OF_RUNS = (
    *(
        "status = lost",
        "status != lost",
        "status = running",
        "metrics.loss is null",
        "metrics.loss = 1",
        "metrics.note is null",
    ),
    *(
        "metrics.val_loss < 1",
        "metrics.val/accuracy = 0",
        "model = digits",
        "version < 2",
        "seconds is null",
        "steps = 0",
    ),
    *("started_at > 2026-01-02", "host like '% '", "name = n"),
)
POOL = Pool(
    keys=st.sampled_from(["val/accuracy", "val_accuracy", "val_loss", "val/loss", "loss", "Loss", "loss ", "we`i\"r'd"])
    | st.sampled_from(["optimizer.lr", "optimizer.name", "flag", "hidden", "team", "Team", "no/te", "absent"]),
    texts=st.sampled_from(
        [*TEXTS, "0.1", "0.10", "true", "[1, 2]", "digits", "champion", "production", "run-1", "abc"]
    ),
    patterns=st.text("aAbBé%_\\*[?!", max_size=5) | st.sampled_from(["%", "a%", "%i%", "digi__", "champ%", "run-_"]),
    numbers=st.sampled_from(NUMBERS),
    times=st.sampled_from([*DAYS, *(day.date() for day in DAYS), date(2026, 1, 4)]),
)


def fill(place: Place) -> None:
    """Sixteen versions of three models, with few values of each kind, so that there are ties and gaps; five runs."""
    registry = place.open()
    for number in range(1, 6):
        registry.start_run(
            RunStart(f"run-{number}", ("n", "N", "a_b")[number % 3], f"/runs/{number}", host=TEXTS[number])
        )
    for number in range(16):
        model = ("digits", "mnist", "a-b")[number % 5 % 3]
        config = CONFIGS[number % len(CONFIGS)]
        made = registry.register(
            Registration(
                model,
                (),
                Recipe(config=config),
                run_id=f"run-{number % 4 + 1}" if number % 3 else None,
                metrics=METRICS[number % len(METRICS)],
                config=config,
                source=Source("abc" if number % 4 else None, None),
                version={3: "2.0.0-rc.1", 7: "1.10.0", 8: "1.0.0-a"}.get(number),
                created_by=TEXTS[number % 5],
            )
        )
        if number % 4 == 0:
            registry.set_alias(made.ref, ("champion", "a-b", "ab")[number % 3])
    team = [{"version_id": n, "name": "team", "value": TEXTS[n % len(TEXTS)]} for n in range(1, 17, 2)]
    note = [{"version_id": n, "name": "no/te", "value": TEXTS[n * 7 % len(TEXTS)]} for n in range(1, 17, 3)]
    registry._database.write(lambda connection: connection.execute(insert(TAGS), [*team, *note]))
    registry.promote("digits@1.0.0", "production")
    registry.deprecate("mnist", "old")
    registry.archive("digits/2")
    for number in range(1, 17):
        place.execute(
            f"UPDATE rt_versions SET created_at = '{DAYS[number % 4]:%Y-%m-%d %H:%M:%S}.000000' WHERE id = {number}"
        )
    place.execute("UPDATE rt_runs SET started_at = '2026-01-02 12:00:00.000000' WHERE id <> 'run-3'")
    for number, status in enumerate(("finished", "failed", "interrupted"), 1):
        registry.finish_run(
            f"run-{number}",
            status,  # type: ignore[arg-type]
            metrics=METRICS[number * 2 - 1],
            seconds=0.5 * number if number > 1 else None,
            steps=number % 2,
        )
    registry.start_run(RunStart("gone", "n", "/runs/gone", host=socket.gethostname(), pid=2**22 - 1, boot_id="another"))


def _number(value: Any) -> list[float]:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return [float(value)] if sound else []


def _maybe(value: Any) -> list[Any]:
    return [] if value is None else [value]


def refs(versions: Sequence[VersionInfo]) -> list[str]:
    return [version.ref for version in versions]


class Filled:
    """The registry as lists of values."""

    def __init__(self, place: Place) -> None:
        registry = place.open()
        self.versions = [version for model in registry.models() for version in registry.versions(model.name)]
        self.configs = {version.ref: registry.show(version.ref).config for version in self.versions}
        self.models = registry.models()
        self.runs = registry.runs()
        names = {(model, number): id for id, model, number in place.execute(NUMBERED)}
        self.newest = sorted(self.versions, key=lambda version: -names[version.name, version.number])
        self.recorded = {name for version in self.versions for name, value in version.metrics.items() if _number(value)}

    def of_version(self, version: VersionInfo, column: Column) -> Sequence[Any]:
        """The values of a version in a column."""
        key = column.key or ""
        match column.name:
            case "metrics":
                name = key if key in self.recorded else key.replace("val_", "val/")
                return _number(version.metrics.get(name))
            case "params":
                return _maybe(leaves(self.configs[version.ref]).get(key))
            case "tags":
                return _maybe(version.tags.get(key))
            case "alias":
                return [*version.aliases, *version.stages]
            case "stage":
                return version.stages
            case "git_commit":
                return _maybe(version.source.git_commit)
            case "status":
                return [version.status.value]
        return _maybe(getattr(version, column.name))

    def of_model(self, model: ModelInfo, column: Column) -> Sequence[Any]:
        """The values of a model in a column."""
        match column.name:
            case "name" | "versions" | "size_bytes":
                return [getattr(model, column.name)]
            case "alias":
                return [*model.aliases, *model.stages]
            case "stage":
                return list(model.stages)
        if model.latest is None:
            return []
        latest = next(v for v in self.versions if (v.name, v.version) == (model.name, model.latest.version))
        return [latest.version] if column.name == "latest" else self.of_version(latest, column)

    def of_run(self, run: RunInfo, column: Column) -> Sequence[Any]:
        """The values of a run in a column."""
        if column.name == "metrics":
            names = (column.key or "", (column.key or "").replace("val_", "val/"))
            found = [_number(run.metrics.get(name)) for name in names]
            return found[0] or found[1]
        if column.name == "status":
            return [run.status.value]
        return _maybe(getattr(run, column.name))


class SearchConformance:
    """The same answers, whatever keeps the rows."""

    @pytest.fixture
    def filled(self, place: Place) -> Filled:
        fill(place)
        return Filled(place)

    def test_every_kind_of_comparison_means_what_plain_python_means(self, place: Place, filled: Filled) -> None:
        """Wildcards and what looks like some, blanks at the end, days, numbers in text, ranges, what has no value."""
        registry = place.open()
        chosen: list[int] = []
        for text in CASES:
            wanted = parse_filter(text, VERSIONS)
            expected = [version for version in filled.newest if holds(wanted, version, filled.of_version)]
            assert refs(registry.search(text)) == refs(expected), text
            chosen.append(len(expected))
        assert 0 < chosen.count(0) + chosen.count(len(filled.versions)) < len(chosen) / 3
        by_number = sorted(filled.newest, key=lambda version: -version.number)
        for text, filter in product(ORDERS, ORDERED):
            expected = in_order(by_number, parse_order(text, VERSIONS), filled.of_version)
            if filter is not None:
                wanted = parse_filter(filter, VERSIONS)
                expected = [version for version in expected if holds(wanted, version, filled.of_version)]
            assert refs(registry.search(filter, text)) == refs(expected), (text, filter)
        for text in OF_MODELS:
            wanted = parse_filter(text, MODELS)
            assert registry.models(text) == [one for one in filled.models if holds(wanted, one, filled.of_model)], text
        for text in OF_RUNS:
            wanted = parse_filter(text, RUNS)
            assert registry.runs(filter=text) == [run for run in filled.runs if holds(wanted, run, filled.of_run)], text

    @settings(max_examples=50, suppress_health_check=SHARED)
    @given(wanted=POOL.filters(VERSIONS), order=st.none() | POOL.orders(VERSIONS), limit=st.none() | st.integers(1, 20))
    def test_a_search_finds_what_plain_python_finds(
        self, place: Place, filled: Filled, wanted: Filter, order: tuple[OrderKey, ...] | None, limit: int | None
    ) -> None:
        """Any filter and any order, over all models and over one; ties by number, then the newest first."""
        registry = place.open()
        by_number = sorted(filled.newest, key=lambda version: -version.number)
        text = None if order is None else ", ".join(map(str, order))
        expected = filled.newest if order is None else in_order(by_number, order, filled.of_version)
        expected = [version for version in expected if holds(wanted, version, filled.of_version)]
        assert refs(registry.search(str(wanted), text, limit)) == refs(expected)[:limit]
        if order is None:
            expected = [version for version in filled.versions if holds(wanted, version, filled.of_version)]
        of_one = [version for version in expected if version.name == "digits"]
        assert refs(registry.versions("digits", limit, filter=str(wanted), order_by=text)) == refs(of_one)[:limit]

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(wanted=POOL.filters(MODELS), order=st.none() | POOL.orders(MODELS), limit=st.none() | st.integers(1, 4))
    def test_a_search_for_models_finds_what_plain_python_finds(
        self, place: Place, filled: Filled, wanted: Filter, order: tuple[OrderKey, ...] | None, limit: int | None
    ) -> None:
        """Of the latest version of each, and by name where nothing else is said."""
        text = None if order is None else ", ".join(map(str, order))
        expected = in_order(filled.models, order or (), filled.of_model)
        expected = [model for model in expected if holds(wanted, model, filled.of_model)]
        found = place.open().models(str(wanted), text, limit)
        assert found == expected[:limit]

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(wanted=POOL.filters(RUNS), order=st.none() | POOL.orders(RUNS), limit=st.none() | st.integers(1, 5))
    def test_a_search_for_runs_finds_what_plain_python_finds(
        self, place: Place, filled: Filled, wanted: Filter, order: tuple[OrderKey, ...] | None, limit: int | None
    ) -> None:
        """The metrics of their ends, lost ones too, and the newest first where nothing else is said."""
        text = None if order is None else ", ".join(map(str, order))
        expected = in_order(filled.runs, order or (), filled.of_run)
        expected = [run for run in expected if holds(wanted, run, filled.of_run)]
        assert place.open().runs(limit, filter=str(wanted), order_by=text) == expected[:limit]

    def test_what_is_asked_for_is_only_ever_a_parameter(self, place: Place, filled: Filled) -> None:
        """Quotation marks, comments and placeholders in names and values find nothing and change nothing."""
        registry = place.open()
        for evil in (
            "' OR 1=1 --",
            "x'; DELETE FROM rt_tags; --",
            '" OR ""="',
            "%s %(a)s :b ?",
            "\\' OR 1=1 #",
            "1) OR (1=1",
        ):
            value = evil.replace("'", "''")
            for filter in (
                f"name = '{value}'",
                f"tags.`{evil}` = 'a'",
                f"metrics.`{evil}` > 0",
                f"params.`{evil}` = '{value}'",
            ):
                assert registry.search(filter) == registry.search(filter, f"tags.`{evil}`, metrics.`{evil}` desc") == []
            assert registry.runs(filter=f"metrics.`{evil}` > 0", order_by=f"metrics.`{evil}`") == []
            assert registry.models(f"alias = '{value}'") == []
        assert place.count("rt_tags") == sum(len(version.tags) for version in filled.versions)

    def test_the_largest_filter_is_answered(self, place: Place, filled: Filled) -> None:
        """As deep, as long and with as many comparisons as the grammar lets pass."""
        registry = place.open()
        every = refs(filled.newest)
        metric = "metrics.loss > 0 or "
        for filter in (
            "not (" * 25 + "name = a" + ")" * 25,
            metric * 199 + "number > 0",
            f"version not in ({','.join(['9.9.9', '^9', '>=9'] * 66)})".replace(">=9", "'>=9'"),
            f"name not in ({','.join(['z'] * 4_900)})",
            "params.a is null and " * 199 + "not tags.a like '%'",
        ):
            assert refs(registry.search(filter)) == every
        keys = ", ".join(f"{column}.absent desc" for column in ("metrics", "params", "tags") * 3)
        assert sorted(refs(registry.search(None, f"{keys}, number"))) == sorted(every)

    def test_lists_are_cut_where_the_database_is_asked(self, place: Place, filled: Filled) -> None:
        """The first ones of the whole list, and of a model that is not there the usual error."""
        registry = place.open()
        for limit in (1, 2, 100):
            assert registry.versions("digits", limit) == registry.versions("digits")[:limit]
            assert registry.models(limit=limit) == filled.models[:limit]
            assert registry.runs(limit) == filled.runs[:limit]
            assert refs(registry.search(limit=limit)) == refs(filled.newest)[:limit]
        assert registry.runs(status="failed", filter="run_id like 'run-%'") == [registry.runs(status="failed")[0]]
        with pytest.raises(ModelNotFoundError):
            registry.search("number > 0", model="nobody")
        for call in (registry.search, registry.models, lambda text: registry.runs(filter=text)):
            with pytest.raises(FilterSyntaxError, match="column 1: "):
                call("nothing = 1")
