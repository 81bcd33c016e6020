"""`--filter` and `--order-by` of `models search`, `models list`, `models versions` and `runs list`."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain_registry import Recipe, Registration, RunStart
from support.cli.projects import Project
from support.registry.blank import make_registry


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three models with three versions each, and three runs."""
    registry = make_registry(tmp_path / ".regtrain" / "registry.db")
    for number in range(3):
        registry.start_run(RunStart(f"run-{number}", "n", f"/runs/{number}"))
        registry.finish_run(f"run-{number}", "finished", metrics={"val/loss": number / 10})
        for model in ("a", "b", "c"):
            config = {"optimizer": {"lr": 0.1 * number}}
            metrics = {"val/loss": number / 10} if model != "c" else {}
            registry.register(Registration(model, (), Recipe(config=config), metrics=metrics, config=config))
    registry.tag("b", "team", "vision")
    return Project(tmp_path)


LISTS = {
    ("models", "search", "--filter", "params.optimizer.lr >= 0.1 and not name = c", "--order-by", "metrics.val_loss desc, name"): [
        ("a", "1.2.0"), ("b", "1.2.0"), ("a", "1.1.0"), ("b", "1.1.0"),
    ],
    ("models", "search", "--filter", "tags.team like 'vis%'"): [("b", "1.2.0")],
    ("models", "search", "--limit", "2"): [("c", "1.2.0"), ("b", "1.2.0")],
    ("models", "versions", "a", "--filter", "version ~1.1"): [("a", "1.1.0")],
    ("models", "versions", "a", "--order-by", "number", "--limit", "1"): [("a", "1.0.0")],
    ("models", "versions", "a", "--limit", "1"): [("a", "1.2.0")],
}  # fmt: skip


@pytest.mark.parametrize("line", LISTS, ids=" ".join)
def test_versions_are_filtered_and_ordered(project: Project, line: tuple[str, ...]) -> None:
    """As JSON, and as a table with as many rows."""
    shown = project(*line, "--json")
    assert [(version["name"], version["version"]) for version in shown.json()] == LISTS[line]
    assert len(project(*line).out.splitlines()) == 1 + len(LISTS[line])


def test_models_are_filtered_and_ordered(project: Project) -> None:
    """By their latest version."""
    found = project("models", "list", "--filter", "metrics.val/loss > 0.1", "--order-by", "name desc", "--json").json()
    assert [model["name"] for model in found] == ["b", "a"]
    assert len(project("models", "list", "--limit", "1").out.splitlines()) == 2


def test_runs_are_filtered_and_ordered(project: Project) -> None:
    """By the metrics of their ends."""
    line = ("runs", "list", "--filter", "metrics.val_loss > 0", "--order-by", "metrics.val/loss", "--limit", "1")
    assert [run["run_id"] for run in project(*line, "--json").json()] == ["run-1"]
    assert len(project(*line).out.splitlines()) == 2


@pytest.mark.parametrize(
    "line", [("models", "search"), ("models", "list"), ("models", "versions", "a"), ("runs", "list")]
)
def test_a_wrong_filter_is_shown_with_a_caret(project: Project, line: tuple[str, ...]) -> None:
    """Exit code 2, the filter, and the caret in the line below, right under what is wrong."""
    said = project(*line, "--filter", "name = a and metrics.x > high")
    assert (said.code, said.out) == (2, "")
    first, shown, caret = said.err.splitlines()
    assert first == "error: filter, column 26: expected a number"
    assert shown[caret.index("^") :] == "high"
    said = project(*line, "--order-by", "nam", "--json")
    assert (said.code, said.error()["code"]) == (2, "filter")
    assert "name" in said.error()["hint"]


@pytest.mark.parametrize(
    "line",
    [
        ("models", "search"),
        ("models", "list"),
        ("models", "versions", "a"),
        ("models", "history", "a"),
        ("runs", "list"),
    ],
)
def test_a_limit_that_no_list_has(project: Project, line: tuple[str, ...]) -> None:
    """Bad input, with the range; the largest that is allowed gives everything."""
    for limit in ("0", "-1", "2147483648", "99999999999999999999", "1.5"):
        said = project(*line, "--limit", limit, "--json")
        assert (said.code, said.out, said.error()["code"]) == (2, "", "usage")
    assert project(*line, "--limit", "2147483647", "--json").json() == project(*line, "--json").json()
