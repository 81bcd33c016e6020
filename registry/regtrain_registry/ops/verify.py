"""Signing versions, and verifying their files and signatures."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from regtrain_registry import signing
from regtrain_registry.db.engine import Database
from regtrain_registry.domain.promotion import KeyCheck
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.domain.verification import Verification
from regtrain_registry.errors import NotSignedError, RegistryReadOnlyError, SignatureBrokenError
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.fsck import check_version
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.signatures import confirm, is_unverified, record_signature, statement_of, with_statement
from regtrain_registry.ops.version_files import blobs_of, unpacked, with_files
from regtrain_registry.refs import Ref, parse_ref
from regtrain_registry.store.store import Store
from regtrain_registry.store.streams import scratch_folder

__all__ = ["check_keys", "public_keys", "sign", "verify"]


def sign(database: Database, store: Store, actor: Actor, ref: Ref, key: Path, password: str | None) -> VersionDetail:
    """Sign a version, and record the signature in place of an older one by the same key."""
    version = with_files(database, ref)
    signing.check_names(version)
    exact = parse_ref(version.ref)
    text = database.read(lambda connection: statement_of(connection, resolve(connection, exact)))
    with unpacked(database, store, version) as folder:
        signed = signing.sign_folder(folder, version, text, key, password)
    database.write(lambda connection: record_signature(Context(connection, lambda: store, actor), exact, signed))
    return version


def verify(database: Database, store: Store, actor: Actor, ref: Ref, key: Path | None) -> Verification:
    """Verify every file of a version, and with a public key the signature too."""
    version = with_files(database, ref)
    found = check_version(version, store, blobs_of(database, version))
    if key is None or found.damaged:
        return found
    return replace(found, signed_by=_verify_signature(database, store, actor, version, key))


def _verify_signature(database: Database, store: Store, actor: Actor, version: VersionDetail, key: Path) -> str:
    """The id of the key. A signature of an archive counts as verified from then on."""
    key_id, exact = signing.key_id_of(key), parse_ref(version.ref)
    signatures, found = database.read(lambda connection: with_statement(connection, exact))
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
    if database.read(lambda connection: is_unverified(connection, exact, key_id)):
        with suppress(RegistryReadOnlyError):  # it is verified all the same
            database.write(lambda connection: confirm(Context(connection, lambda: store, actor), exact, signed))
    return key_id


def check_keys(
    database: Database, store: Store, actor: Actor, version: VersionDetail, keys: Iterable[str]
) -> dict[str, KeyCheck]:
    """Verify the signature of a version by each of the public keys (PEM)."""
    found: dict[str, KeyCheck] = {}
    with scratch_folder() as place:
        for number, key in enumerate(keys):
            file = place / f"key-{number}.pem"
            file.write_text(key, encoding="utf-8")
            try:
                found[key] = KeyCheck(_verify_signature(database, store, actor, version, file))
            except NotSignedError:
                found[key] = KeyCheck(signing.key_id_of(file), "not signed by it")
            except SignatureBrokenError as error:
                found[key] = KeyCheck(signing.key_id_of(file), error.message)
    return found


def public_keys(keys: Iterable[str]) -> list[str]:
    """The text of each public key, given as such or as the path of a PEM file; `SigningKeyError`."""
    return [signing.public_key(key) for key in keys]
