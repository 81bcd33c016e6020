"""Which files of the store versions are made of, and which of them still are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select, union

from regtrain_registry.db.columns import V, chunks
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS, PARTS
from regtrain_registry.db.tables.lifecycle import EXPORTS
from regtrain_registry.domain.records import VersionStatus

__all__ = ["files_of", "held", "named_by", "referenced", "sources_of"]

_DIGESTS: BindParameter[Sequence[str]] = bindparam("digests", expanding=True)
_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_HERE = V.status != VersionStatus.COLLECTED.value
_COUNTS = (
    select(ARTIFACTS.c.digest, func.count())
    .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
    .where(ARTIFACTS.c.digest.in_(_DIGESTS), _HERE)
    .group_by(ARTIFACTS.c.digest),
    select(EXPORTS.c.digest, func.count())
    .join(VERSIONS, V.id == EXPORTS.c.version_id)
    .where(EXPORTS.c.digest.in_(_DIGESTS), _HERE)
    .group_by(EXPORTS.c.digest),
)
_NAMED = (
    select(ARTIFACTS.c.digest).where(ARTIFACTS.c.version_id.in_(_IDS)),
    select(EXPORTS.c.digest).where(EXPORTS.c.version_id.in_(_IDS), EXPORTS.c.digest.is_not(None)),
)
_CUT_FROM = select(PARTS.c.source, PARTS.c.digest).where(PARTS.c.source.in_(_DIGESTS)).distinct()
_SOURCES = select(PARTS.c.source).where(PARTS.c.digest.in_(_DIGESTS)).distinct()


def held(*where: Any) -> Select[Any]:
    """`model_id`, `version_id`, `digest` and `size_bytes` of every file in the store that versions need, each once a
    version: a composed file by the files that it is cut from. Collected versions need none."""
    named = union(
        select(V.model_id, ARTIFACTS.c.version_id, ARTIFACTS.c.digest)
        .join(VERSIONS, V.id == ARTIFACTS.c.version_id)
        .where(_HERE, *where),
        select(V.model_id, EXPORTS.c.version_id, EXPORTS.c.digest)
        .join(VERSIONS, V.id == EXPORTS.c.version_id)
        .where(EXPORTS.c.digest.is_not(None), _HERE, *where),
    ).subquery("named")
    return (
        select(named.c.model_id, named.c.version_id, BLOBS.c.digest, BLOBS.c.size_bytes)
        .join_from(named, PARTS, PARTS.c.digest == named.c.digest, isouter=True)
        .join(BLOBS, BLOBS.c.digest == func.coalesce(PARTS.c.source, named.c.digest))
        .distinct()
    )


_OF_MODEL = held(V.model_id == bindparam("owner"))


def files_of(connection: Connection, owner: int) -> dict[int, dict[str, int]]:
    """Digest → bytes of the files that each version of a model needs, by the version's id."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_OF_MODEL, {"owner": owner}):
        found[row.version_id][row.digest] = row.size_bytes
    return found


def named_by(connection: Connection, version_ids: Collection[int]) -> Counter[str]:
    """How often each digest is a file or an export of one of these versions."""
    found: Counter[str] = Counter()
    for some in chunks(sorted(version_ids)):
        for query in _NAMED:
            found.update(connection.execute(query, {"ids": some}).scalars())
    return found


def sources_of(connection: Connection, digests: Iterable[str]) -> set[str]:
    """The files that composed files among these are cut from."""
    found: set[str] = set()
    for some in chunks(sorted(digests)):
        found.update(connection.execute(_SOURCES, {"digests": some}).scalars())
    return found


def referenced(
    connection: Connection, digests: Collection[str], excluding: Mapping[str, int] | None = None
) -> set[str]:
    """Those of the digests that a version still needs: as a file, as an export, or as what such a one is cut from.

    excluding: how often a digest is named by versions that are about to be collected.
    """
    excluding = excluding or {}
    found: set[str] = set()
    for some in chunks(sorted(digests)):
        counts: Counter[str] = Counter()
        for query in _COUNTS:
            for digest, count in connection.execute(query, {"digests": some}):
                counts[digest] += count
        found.update(digest for digest, count in counts.items() if count > excluding.get(digest, 0))
        cut = [(source, whole) for source, whole in connection.execute(_CUT_FROM, {"digests": some})]
        if cut:
            wholes = referenced(connection, {whole for _, whole in cut}, excluding)
            found.update(source for source, whole in cut if whole in wholes)
    return found
