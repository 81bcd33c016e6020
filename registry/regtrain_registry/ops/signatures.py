"""Signatures as rows: what is said of a version, and who has signed it."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from regtrain_registry.cards.checkout_extras import Signed
from regtrain_registry.db.columns import RECIPE, V, stored_recipe
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.lifecycle import SIGNATURES
from regtrain_registry.domain.events import EventKind
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.identity import identities, parent_identities
from regtrain_registry.ops.lifecycle import Held
from regtrain_registry.ops.read import detail
from regtrain_registry.signing import statement

__all__ = ["of_version", "record_signature", "statement_of"]

_S = SIGNATURES.c
_OF_VERSION = (
    select(_S.key_id, _S.statement, _S.bundle)
    .where(_S.version_id == bindparam("version"))
    .order_by(_S.created_at.desc(), _S.key_id)
)
_RECIPE = select(*RECIPE).where(V.id == bindparam("version"))
_DIGEST = select(V.digest).where(VERSIONS.c.id == bindparam("version"))
_FORGET = delete(SIGNATURES).where(_S.version_id == bindparam("version"), _S.key_id == bindparam("key"))


def of_version(connection: Connection, version_id: int) -> list[Signed]:
    """Who has signed a version, the newest first."""
    return [Signed(*row) for row in connection.execute(_OF_VERSION, {"version": version_id})]


def statement_of(connection: Connection, version_id: int) -> str:
    """What the rows say of a version, in the words that are signed."""
    recipe = stored_recipe(connection.execute(_RECIPE, {"version": version_id}).one())
    parents = [
        (who, str(connection.execute(_DIGEST, {"version": parent}).scalar_one()), relation)
        for who, parent, relation in parent_identities(connection, version_id)
    ]
    who = identities(connection, [version_id])[version_id]
    return statement(detail(connection, version_id), recipe, who, parents)


def record_signature(held: Held, signed: Signed, work: Work) -> None:
    """Insert a signature in place of an older one by the same key."""
    held.connection.execute(_FORGET, {"version": held.id, "key": signed.key_id})
    row = {"version_id": held.id, "key_id": signed.key_id, "created_at": work.now}
    held.connection.execute(insert(SIGNATURES), row | {"statement": signed.statement, "bundle": signed.bundle})
    held.tell(EventKind.SIGNED, {"key_id": signed.key_id}, work)
