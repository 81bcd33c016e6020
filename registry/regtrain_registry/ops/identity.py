"""Identities of versions: the registry where each was made, and its name there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from regtrain_registry.db.columns import HOME_NAME, V, chunks, version_text
from regtrain_registry.db.tables import MODELS, VERSIONS
from regtrain_registry.db.tables.lifecycle import ORIGINS, REGISTRY
from regtrain_registry.db.tables.lineage import LINEAGE
from regtrain_registry.domain.identities import Identity, home_of, qualified_version
from regtrain_registry.semver import Version, parse_version

__all__ = ["identities", "local_id", "parent_identities", "qualified_id", "registry_uid"]

_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_UID = select(REGISTRY.c.uid).where(REGISTRY.c.id == 1)
_HOME = (
    select(V.id, HOME_NAME.label("name"), V.major, V.minor, V.patch, V.prerelease, V.number)
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
_IMPORTED_FROM = select(ORIGINS.c.version_id).where(
    ORIGINS.c.registry_uid.startswith(bindparam("registry")),
    ORIGINS.c.model == bindparam("model"),
    ORIGINS.c.version.startswith(bindparam("version")),
)
_MADE_HERE = (
    select(V.id)
    .join_from(VERSIONS, MODELS, MODELS.c.id == V.model_id)
    .join(ORIGINS, ORIGINS.c.version_id == V.id, isouter=True)
    .where(bindparam("model") == HOME_NAME, ORIGINS.c.version_id.is_(None))
    .where(*(V[part] == bindparam(part) for part in ("major", "minor", "patch")))
)
_MADE_HERE_AS = _MADE_HERE.where(V.prerelease == bindparam("prerelease"))


def registry_uid(connection: Connection) -> str:
    """The uid of this registry, given when it was created."""
    return str(connection.execute(_UID).scalar_one())


def identities(connection: Connection, ids: Iterable[int]) -> dict[int, Identity]:
    """The identity of each version, by the id of its row."""
    here, found = registry_uid(connection), {}
    for some in chunks(sorted(set(ids))):
        for row in connection.execute(_HOME, {"ids": some}):
            if row.registry_uid is None:
                found[row.id] = Identity(here, row.name, version_text(row), row.number)
            else:
                found[row.id] = Identity(row.registry_uid, row.model, row.version, row.home_number)
    return found


def parent_identities(connection: Connection, version_id: int) -> list[tuple[Identity, int, str]]:
    """The parents of a version: identity, id of the row here, and relation; in the order of the identities."""
    rows = connection.execute(_PARENTS, {"ids": [version_id]}).all()
    found = identities(connection, [row.parent_id for row in rows])
    return sorted((found[row.parent_id], row.parent_id, row.relation) for row in rows)


def local_id(connection: Connection, wanted: Identity) -> int | None:
    """The id of the row of a version; None: it is not here."""
    keys: dict[str, Any] = {"registry": wanted.registry, "model": wanted.model, "version": wanted.version}
    found: int | None = connection.execute(_IMPORTED, keys).scalar()
    if found is not None or wanted.registry != registry_uid(connection):
        return found
    version = parse_version(wanted.version)
    keys = {"model": wanted.model, "major": version.major, "minor": version.minor, "patch": version.patch}
    return connection.execute(_MADE_HERE_AS, keys | {"prerelease": version.prerelease or ""}).scalar()


def qualified_id(connection: Connection, model: str, version: Version) -> int | None:
    """The id of the version with a qualified name; None: there is none here, or there are two."""
    home = home_of(version)
    if home is None:
        return None
    triple = {"major": version.major, "minor": version.minor, "patch": version.patch}
    imported = {"registry": f"{home[:8]}-{home[8:]}-", "version": str(version.finalize_version())}
    ids = set(connection.execute(_IMPORTED_FROM, imported | {"model": model}).scalars())
    if registry_uid(connection).startswith(imported["registry"]):
        ids.update(connection.execute(_MADE_HERE, triple | {"model": model}).scalars())
    found = [key for key, identity in identities(connection, ids).items() if qualified_version(identity) == version]
    return found[0] if len(found) == 1 else None
