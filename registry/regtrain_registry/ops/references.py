"""Which files of the store versions refer to, and which files are referred to by none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select, union

from regtrain_registry.db.columns import V, chunks
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.blobs import ARTIFACTS, BLOBS
from regtrain_registry.db.tables.lifecycle import EXPORTS
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.ops.chunks import chunked_from, join_files

__all__ = ["count_by_digest", "files_of", "referenced", "referenced_files"]

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


def referenced_files(*where: Any) -> Select[Any]:
    """`model_id`, `version_id`, `digest` and `size_bytes` of the files in the store that versions refer to, each once
    for a version; collected versions refer to none."""
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
        .select_from(join_files(named))
        .distinct()
    )


_OF_MODEL = referenced_files(V.model_id == bindparam("owner"))


def files_of(connection: Connection, owner: int) -> dict[int, dict[str, int]]:
    """Digest → bytes of the files that each version of a model refers to, by the version's id."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_OF_MODEL, {"owner": owner}):
        found[row.version_id][row.digest] = row.size_bytes
    return found


def count_by_digest(connection: Connection, version_ids: Collection[int]) -> Counter[str]:
    """How many files and exports of these versions have each digest."""
    found: Counter[str] = Counter()
    for some in chunks(sorted(version_ids)):
        for query in _NAMED:
            found.update(connection.execute(query, {"ids": some}).scalars())
    return found


def referenced(
    connection: Connection, digests: Collection[str], excluding: Mapping[str, int] | None = None
) -> set[str]:
    """Those of the digests that a version refers to: as a file, as an export, or because such a one has ranges of it.

    excluding: how often versions that are about to be collected refer to a digest.
    """
    excluding = excluding or {}
    found: set[str] = set()
    for some in chunks(sorted(digests)):
        counts: Counter[str] = Counter()
        for query in _COUNTS:
            for digest, count in connection.execute(query, {"digests": some}):
                counts[digest] += count
        found.update(digest for digest, count in counts.items() if count > excluding.get(digest, 0))
    pairs = chunked_from(connection, digests)
    if pairs:
        chunked = referenced(connection, {digest for _, digest in pairs}, excluding)
        found.update(source for source, digest in pairs if digest in chunked)
    return found
