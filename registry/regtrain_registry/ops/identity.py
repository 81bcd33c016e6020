"""Who a version is wherever it is taken: the registry where it was made, and what it is called there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from regtrain_registry.db.columns import V, chunks, version_text
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.lifecycle import ORIGINS, REGISTRY
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.domain.identities import Identity, home_in, name_elsewhere
from regtrain_registry.semver import Version, parse_version

__all__ = ["identities", "local_id", "named_elsewhere", "parent_identities", "registry_uid"]

_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_UID = select(REGISTRY.c.uid).where(REGISTRY.c.id == 1)
_HOME = (
    select(V.id, MODELS.c.name, V.major, V.minor, V.patch, V.prerelease, V.number)
    .add_columns(ORIGINS.c.registry_uid, ORIGINS.c.model, ORIGINS.c.version, ORIGINS.c.number.label("home_number"))
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .join(ORIGINS, ORIGINS.c.version_id == V.id, isouter=True)
    .where(V.id.in_(_IDS))
)
_PARENTS = select(LINEAGE.c.child_id, LINEAGE.c.parent_id, LINEAGE.c.relation).where(LINEAGE.c.child_id.in_(_IDS))
_IMPORTED = select(ORIGINS.c.version_id).where(
    ORIGINS.c.registry_uid == bindparam("registry"),
    ORIGINS.c.model == bindparam("model"),
    ORIGINS.c.version == bindparam("version"),
)
_BROUGHT_FROM = select(ORIGINS.c.version_id).where(
    ORIGINS.c.registry_uid.startswith(bindparam("registry")),
    ORIGINS.c.model == bindparam("model"),
    ORIGINS.c.version.startswith(bindparam("version")),
)
_MADE_HERE = (
    select(V.id)
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .join(ORIGINS, ORIGINS.c.version_id == V.id, isouter=True)
    .where(MODELS.c.name == bindparam("model"), ORIGINS.c.version_id.is_(None))
    .where(*(V[part] == bindparam(part) for part in ("major", "minor", "patch")))
)
_MADE_HERE_AS = _MADE_HERE.where(V.prerelease == bindparam("prerelease"))


def registry_uid(connection: Connection) -> str:
    """The name of this registry, given when it was created."""
    return str(connection.execute(_UID).scalar_one())


def identities(connection: Connection, ids: Iterable[int]) -> dict[int, Identity]:
    """Who these versions are, by the ids of their rows."""
    here, found = registry_uid(connection), {}
    for some in chunks(sorted(set(ids))):
        for row in connection.execute(_HOME, {"ids": some}):
            if row.registry_uid is None:
                found[row.id] = Identity(here, row.name, version_text(row), row.number)
            else:
                found[row.id] = Identity(row.registry_uid, row.model, row.version, row.home_number)
    return found


def parent_identities(connection: Connection, version_id: int) -> list[tuple[Identity, int, str]]:
    """What a version came from: who, the id of its row here, and the relation; in the order of the identities."""
    rows = connection.execute(_PARENTS, {"ids": [version_id]}).all()
    found = identities(connection, [row.parent_id for row in rows])
    return sorted((found[row.parent_id], row.parent_id, row.relation) for row in rows)


def local_id(connection: Connection, wanted: Identity) -> int | None:
    """The id of a version's row here, wherever its home is; None: it is not here."""
    keys: dict[str, Any] = {"registry": wanted.registry, "model": wanted.model, "version": wanted.version}
    found: int | None = connection.execute(_IMPORTED, keys).scalar()
    if found is not None or wanted.registry != registry_uid(connection):
        return found
    version = parse_version(wanted.version)
    keys = {"model": wanted.model, "major": version.major, "minor": version.minor, "patch": version.patch}
    return connection.execute(_MADE_HERE_AS, keys | {"prerelease": version.prerelease or ""}).scalar()


def named_elsewhere(connection: Connection, model: str, version: Version) -> int | None:
    """The id of the version that is called so where another one has its name; None: nothing here is, or two are."""
    home = home_in(version)
    if home is None:
        return None
    triple = {"major": version.major, "minor": version.minor, "patch": version.patch}
    brought = {"registry": f"{home[:8]}-{home[8:]}-", "version": str(version.finalize_version())}
    ids = set(connection.execute(_BROUGHT_FROM, brought | {"model": model}).scalars())
    if registry_uid(connection).startswith(brought["registry"]):
        ids.update(connection.execute(_MADE_HERE, triple | {"model": model}).scalars())
    found = [key for key, who in identities(connection, ids).items() if name_elsewhere(who) == version]
    return found[0] if len(found) == 1 else None
