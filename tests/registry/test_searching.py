"""Along which index SQLite finds what is searched for: nothing here may read every version."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from registry.conftest import Register
from regtrain_registry import Registry

BEST = "metrics.acc desc"
PLANS = {  # filter and order → what a step of the plan of the query for ids is
    ("metrics.acc > 0.1", BEST): "ix_rt_metrics_name_value (name=? AND value>?)",
    (None, BEST): "ix_rt_metrics_name_value (name=?)",
    ("metrics.acc > 0.1", None): "ix_rt_metrics_name_value (name=? AND value>?)",
    ("metrics.acc > 0.1 and tags.team = a", BEST): "ix_rt_tags_name_value (name=? AND value=?)",
    ("name = digits", "created_at"): "(model_id=?)",
    ("params.lr < 0.2", "number"): "PRIMARY KEY (param_id=?)",
    ("run_id = r", None): "ix_rt_versions_run_id (run_id=?)",
}


@pytest.mark.parametrize(("wanted", "order"), PLANS)
def test_versions_are_found_along_an_index(
    registry: Registry, register: Register, wanted: str | None, order: str | None
) -> None:
    """Without statistics, which nobody gathers."""
    register(metrics={"acc": 0.5}, config={"lr": 0.1})
    queries: list[tuple[str, Any]] = []
    event.listen(registry._database._engine, "before_cursor_execute", lambda *args: queries.append(args[2:4]))
    registry.search(wanted, order, 50)
    statement, values = next(found for found in queries if found[0].startswith("SELECT rt_versions.id \n"))
    plan = registry._database.read(
        lambda connection: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    )
    assert [step for step in plan if PLANS[wanted, order] in step], plan
    assert [step for step in plan if step.startswith("SCAN rt_versions")] == []
