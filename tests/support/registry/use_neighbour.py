"""Another program that keeps its tables in the registry's database: `python use_neighbour.py NAME URL`.

Run in a process of its own, because it warns of its own affairs. Brings its schema up to date, writes a few rows,
reads all of them, and prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sqlalchemy import create_engine


def optuna(url: str) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(url)
    storage.upgrade()
    study = optuna.create_study(storage=storage, study_name="widths", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return len(study.trials)


def mlflow(url: str) -> Any:
    from mlflow.store.db.utils import _initialize_tables, _upgrade_db, _verify_schema
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModel
    from sqlalchemy.orm import Session

    engine = create_engine(url)
    _initialize_tables(engine)  # as the server does when it starts
    _upgrade_db(engine)  # as `mlflow db upgrade` does
    _verify_schema(engine)
    with Session(engine) as session:
        if session.get(SqlRegisteredModel, ("default", "digits")) is None:
            session.add(SqlRegisteredModel(workspace="default", name="digits"))
        number = session.query(SqlModelVersion).count() + 1
        session.add(
            SqlModelVersion(workspace="default", name="digits", version=number, source="x", current_stage="None")
        )
        session.commit()
        return [session.query(table).count() for table in (SqlRegisteredModel, SqlModelVersion)]


if __name__ == "__main__":
    name, url = sys.argv[1:]
    print(json.dumps({"optuna": optuna, "mlflow": mlflow}[name](url)))
