"""What is loaded when: the registry is also used where only a list is wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from regtrain_registry import Registry

FOREIGN = {"torch", "pluggy", "regtrain", "regtrain_plugins", "numpy"}
LATE = {"alembic", "blake3", "fsspec", "tenacity", "ctypes"}
DATABASE = {"sqlmodel", "sqlalchemy", "pydantic"}


def loaded(code: str) -> set[str]:
    """The modules that a new interpreter has after the code."""
    program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.slow
def test_the_whole_package_loads_nothing_foreign() -> None:
    """Every module of the package, with neither torch nor the rest of regtrain."""
    import pkgutil

    import regtrain_registry

    names = [m.name for m in pkgutil.walk_packages(regtrain_registry.__path__, "regtrain_registry.")]
    # What authors of stores inherit needs pytest, and that pluggy.
    names = [name for name in names if not name.endswith(".env") and ".testing" not in name]
    assert len(names) > 15
    assert loaded("import " + ", ".join(names)) & FOREIGN == set()


@pytest.mark.slow
def test_names_and_refs_load_no_database() -> None:
    """Checking a name, finding the registry and comparing recipes are cheap."""
    modules = loaded("from regtrain_registry import check_name, parse_ref, locate, decide, Registration, RunStart")
    assert modules & (FOREIGN | LATE | DATABASE) == set()


@pytest.mark.slow
def test_listing_loads_neither_migrations_nor_remote_stores(uri: str) -> None:
    """An existing registry is opened and listed without alembic, fsspec, tenacity, other databases and what only writers need."""
    Registry(uri)
    modules = loaded(f"from regtrain_registry import Registry; Registry({uri!r}, force_network_fs=True).models()")
    assert "sqlmodel" in modules
    assert modules & (FOREIGN | LATE) == set()
    other = {"sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"}
    other |= {f"regtrain_registry.{name}" for name in ("ops.register", "query.search", "ops.listing")}
    other |= {
        f"regtrain_registry.{name}"
        for name in (
            "query.parsing",
            "store.store",
            "store.ingest",
            "db.tables.blobs",
            "db.tables.search",
            "db.tables.lifecycle",
        )
    }
    assert modules & other == set()


def test_every_name_is_offered() -> None:
    """What the package says it has can be had, and nothing else."""
    import regtrain_registry

    for name in regtrain_registry.__all__:
        assert getattr(regtrain_registry, name) is not None
    assert set(regtrain_registry.__all__) == set(regtrain_registry._HOME_OF)
    with pytest.raises(AttributeError, match="nothing"):
        _ = regtrain_registry.nothing
