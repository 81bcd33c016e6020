"""Signatures of versions as rows, and the statement that is signed."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry.cards.checkout_extras import Signed
from regtrain_registry.db.columns import RECIPE, V, stored_recipe
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lifecycle import SIGNATURES
from regtrain_registry.domain.events import EventKind
from regtrain_registry.ops.context import Context
from regtrain_registry.ops.identity import identities, parent_identities
from regtrain_registry.ops.locked_version import lock_version
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.refs import Ref
from regtrain_registry.signing import changed_parts, statement

__all__ = [
    "confirm",
    "is_unverified",
    "of_version",
    "record_signature",
    "statement_of",
    "verified_ids",
    "with_statement",
]

_S = SIGNATURES.c
_OF_VERSION = (
    select(_S.key_id, _S.statement, _S.bundle)
    .where(_S.version_id == bindparam("version"))
    .order_by(_S.created_at.desc(), _S.key_id)
)
_VERIFIED = _OF_VERSION.where(_S.unverified.is_(False))
_ONE = (_S.version_id == bindparam("version"), _S.key_id == bindparam("key"))
_RECIPE = select(*RECIPE).where(V.id == bindparam("version"))
_DIGEST = select(V.digest).where(VERSIONS.c.id == bindparam("version"))
_DELETE = delete(SIGNATURES).where(*_ONE)
_UNVERIFIED = select(_S.key_id).where(*_ONE, _S.unverified)
_CONFIRM = update(SIGNATURES).where(*_ONE, _S.unverified, _S.bundle == bindparam("text")).values(unverified=False)


def of_version(connection: Connection, version_id: int) -> list[Signed]:
    """The signatures of a version, the newest first."""
    return [Signed(*row) for row in connection.execute(_OF_VERSION, {"version": version_id})]


def verified_ids(connection: Connection, version_id: int) -> tuple[str, ...]:
    """Ids of the keys whose signatures were made or verified here, and are of the version's rows as they are now."""
    rows = connection.execute(_VERIFIED, {"version": version_id}).all()
    found = statement_of(connection, version_id) if rows else ""
    return tuple(row.key_id for row in rows if not changed_parts(row.statement, found))


def statement_of(connection: Connection, version_id: int) -> str:
    """The statement about a version, as its rows make it now."""
    recipe = stored_recipe(connection.execute(_RECIPE, {"version": version_id}).one())
    parents = [
        (home, str(connection.execute(_DIGEST, {"version": parent}).scalar_one()), relation)
        for home, parent, relation in parent_identities(connection, version_id)
    ]
    home = identities(connection, [version_id])[version_id]
    return statement(detail(connection, version_id), recipe, home, parents)


def with_statement(connection: Connection, ref: Ref) -> tuple[list[Signed], str]:
    """The signatures of a version, and the statement about it."""
    version_id = resolve(connection, ref)
    return of_version(connection, version_id), statement_of(connection, version_id)


def record_signature(context: Context, ref: Ref, signed: Signed) -> None:
    """Insert a signature in place of an older one by the same key."""
    locked = lock_version(context, ref)
    context.connection.execute(_DELETE, {"version": locked.id, "key": signed.key_id})
    row = {"version_id": locked.id, "key_id": signed.key_id, "created_at": context.now}
    context.connection.execute(insert(SIGNATURES), row | {"statement": signed.statement, "bundle": signed.bundle})
    locked.log_event(EventKind.SIGNED, {"key_id": signed.key_id})


def is_unverified(connection: Connection, ref: Ref, key_id: str) -> bool:
    """Whether a signature came with an archive and was not verified since."""
    keys = {"version": resolve(connection, ref), "key": key_id}
    return connection.execute(_UNVERIFIED, keys).first() is not None


def confirm(context: Context, ref: Ref, signed: Signed) -> None:
    """Record that a signature of an archive was verified here."""
    locked = lock_version(context, ref)
    keys = {"version": locked.id, "key": signed.key_id, "text": signed.bundle}
    if context.connection.execute(_CONFIRM, keys).rowcount:
        locked.log_event(EventKind.VERIFIED, {"key_id": signed.key_id})
