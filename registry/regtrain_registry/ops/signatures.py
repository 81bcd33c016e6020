"""Signatures of versions: as rows, and verified with a public key."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from regtrain_registry import signing
from regtrain_registry.cards.checkout_extras import Signed
from regtrain_registry.db.columns import RECIPE, V, stored_recipe
from regtrain_registry.db.engine import Database
from regtrain_registry.db.tables import VERSIONS
from regtrain_registry.db.tables.marking import SIGNATURES
from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.promotion import KeyCheck
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.errors import NotSignedError, RegistryReadOnlyError, SignatureBrokenError
from regtrain_registry.ops.checkout import unpacked
from regtrain_registry.ops.history import Work
from regtrain_registry.ops.identity import identities, parent_identities
from regtrain_registry.ops.lifecycle import Held, hold
from regtrain_registry.ops.read import detail
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import parse_ref
from regtrain_registry.signing import statement
from regtrain_registry.store.content import Store
from regtrain_registry.store.local import scratch_folder

__all__ = ["check_keys", "of_version", "public_keys", "sign", "verified_ids", "verify"]

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
_CONFIRM = update(SIGNATURES).where(*_ONE, _S.unverified, _S.bundle == bindparam("text")).values(unverified=False)


def of_version(connection: Connection, version_id: int) -> list[Signed]:
    """The signatures of a version, the newest first."""
    return [Signed(*row) for row in connection.execute(_OF_VERSION, {"version": version_id})]


def verified_ids(connection: Connection, version_id: int) -> tuple[str, ...]:
    """Ids of the keys whose signatures were made or verified here, and are of the version's rows as they are now."""
    rows = connection.execute(_VERIFIED, {"version": version_id}).all()
    found = statement_of(connection, version_id) if rows else ""
    return tuple(row.key_id for row in rows if not signing.changed_parts(row.statement, found))


def statement_of(connection: Connection, version_id: int) -> str:
    """The statement about a version, as its rows make it now."""
    recipe = stored_recipe(connection.execute(_RECIPE, {"version": version_id}).one())
    parents = [
        (home, str(connection.execute(_DIGEST, {"version": parent}).scalar_one()), relation)
        for home, parent, relation in parent_identities(connection, version_id)
    ]
    home = identities(connection, [version_id])[version_id]
    return statement(detail(connection, version_id), recipe, home, parents)


def sign(database: Database, store: Store, version: VersionDetail, key: Path, password: str | None, work: Work) -> None:
    """Sign a version, and record the signature in place of an older one by the same key."""
    signing.check_names(version)
    exact = parse_ref(version.ref)
    text = database.read(lambda connection: statement_of(connection, find(connection, exact)))
    with unpacked(database, store, version) as folder:
        signed = signing.sign_folder(folder, version, text, key, password)
    database.write(lambda connection: record_signature(hold(connection, exact), signed, work))


def record_signature(held: Held, signed: Signed, work: Work) -> None:
    """Insert a signature in place of an older one by the same key."""
    held.connection.execute(_DELETE, {"version": held.id, "key": signed.key_id})
    row = {"version_id": held.id, "key_id": signed.key_id, "created_at": work.now}
    held.connection.execute(insert(SIGNATURES), row | {"statement": signed.statement, "bundle": signed.bundle})
    held.tell(EventKind.SIGNED, {"key_id": signed.key_id}, work)


def verify(database: Database, store: Store, version: VersionDetail, key: Path, work: Work) -> str:
    """Verify the signature by a public key; the key's id. A signature of an archive is verified from then on.

    Errors: `NotSignedError`, `SignatureBrokenError`.
    """
    key_id, exact = signing.key_id_of(key), parse_ref(version.ref)

    def read(connection: Connection) -> tuple[list[Signed], str]:
        version_id = find(connection, exact)
        return of_version(connection, version_id), statement_of(connection, version_id)

    signatures, found = database.read(read)
    signed = next((one for one in signatures if one.key_id == key_id), None)
    if signed is None:
        others = ", ".join(one.key_id[:16] for one in signatures) or "nobody"
        raise NotSignedError(f"{version.ref} is not signed with {key}", f"It is signed by {others}.")
    changed = signing.changed_parts(signed.statement, found)
    if changed:
        raise SignatureBrokenError(
            f"{version.ref}: the registry says of {', '.join(changed)} what was not signed",
            "Its rows were changed after it was signed.",
        )
    with unpacked(database, store, version) as folder:
        signing.verify_folder(folder, signed, key)
    with suppress(RegistryReadOnlyError):  # it is verified all the same
        _confirm(database, version.ref, signed, work)
    return key_id


def _confirm(database: Database, ref: str, signed: Signed, work: Work) -> None:
    """Record that a signature was verified, where that is news."""
    exact = parse_ref(ref)
    unverified = select(_S.key_id).where(*_ONE, _S.unverified)

    def is_unverified(connection: Connection) -> bool:
        keys = {"version": find(connection, exact), "key": signed.key_id}
        return connection.execute(unverified, keys).first() is not None

    def write(connection: Connection) -> None:
        held = hold(connection, exact)
        keys = {"version": held.id, "key": signed.key_id, "text": signed.bundle}
        if connection.execute(_CONFIRM, keys).rowcount:
            held.tell(EventKind.VERIFIED, {"key_id": signed.key_id}, work)

    if database.read(is_unverified):
        database.write(write)


def check_keys(
    database: Database, store: Store, version: VersionDetail, keys: Iterable[str], work: Work
) -> dict[str, KeyCheck]:
    """Verify a version with each of the public keys (PEM)."""
    found: dict[str, KeyCheck] = {}
    with scratch_folder() as place:
        for number, key in enumerate(keys):
            file = place / f"key-{number}.pem"
            file.write_text(key, encoding="utf-8")
            try:
                found[key] = KeyCheck(verify(database, store, version, file, work))
            except NotSignedError:
                found[key] = KeyCheck(signing.key_id_of(file), "not signed by it")
            except SignatureBrokenError as error:
                found[key] = KeyCheck(signing.key_id_of(file), error.message)
    return found


def public_keys(keys: Iterable[str]) -> list[str]:
    """The text of each public key, given as such or as the path of a PEM file; `SigningKeyError`."""
    return [signing.public_key(key) for key in keys]
