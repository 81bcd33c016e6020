"""Signed statements about versions, by OpenSSF model signing with keys in files (extra `signing`).

A signature covers a folder: the files of the version and a `statement.json`. So the folder of a checkout is verified
without a registry: `model_signing verify key --signature model.sig --public_key KEY FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regtrain_registry.cards.checkout_extras import SIGNATURE_NAME, SIGNATURES, STATEMENT_NAME, UNSIGNED, Signed
from regtrain_registry.domain.events import canonical
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.recipe import Recipe
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.errors import NameNotAllowedError, SignatureBrokenError, SigningKeyError, SigningUnavailableError

__all__ = ["changed_parts", "check_names", "key_id_of", "public_key", "sign_folder", "statement", "verify_folder"]

MAX_KEY = 1 << 20  # bytes
FORM = "regtrain-statement-1"
_NAMED = re.compile(r"Hash mismatch for \\?'([^'\\]+)")
HOW_TO_MAKE = (
    "Make a pair: openssl ecparam -name prime256v1 -genkey -noout -out key.pem; "
    "openssl ec -in key.pem -pubout -out key.pub."
)


def statement(
    version: VersionDetail, recipe: Recipe, identity: Identity, parents: Iterable[tuple[Identity, str, str]]
) -> str:
    """The statement about a version that is signed, as text: identity, files, config, data, code and parents, none of
    which ever changes. parents: identity, digest and relation."""
    links = [parent.to_json() | {"digest": digest, "relation": relation} for parent, digest, relation in parents]
    facts = {
        "form": FORM,
        **identity.to_json(),
        "digest": version.digest,
        "files": [{"path": a.path, "digest": a.digest, "size_bytes": a.size_bytes} for a in version.artifacts],
        "config": version.config,
        "data": dict(recipe.data),
        "code": dict(recipe.code),
        "source": version.source.to_json(),
        "parents": links,
    }
    return canonical(facts) + "\n"


def changed_parts(signed: str, found: str) -> list[str]:
    """The parts of two statements that differ."""
    if signed == found:
        return []
    before, after = _parts(signed), _parts(found)
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)) or ["form"]


def _parts(text: str) -> Mapping[str, Any]:
    try:
        parts = json.loads(text)
    except ValueError:
        return {}
    return parts if isinstance(parts, dict) else {}


def check_names(version: VersionDetail) -> None:
    """`NameNotAllowedError` for a version whose own files have the names of statement and signature."""
    taken = {artifact.path.partition("/")[0] for artifact in version.artifacts}
    for name in (STATEMENT_NAME, SIGNATURE_NAME, SIGNATURES):
        if name in taken:
            raise NameNotAllowedError(f"{version.ref} has a file {name!r} of its own", "It cannot be signed.")


def sign_folder(folder: Path, version: VersionDetail, text: str, key: Path, password: str | None) -> Signed:
    """Sign a folder that holds the files of a version and nothing else; `SigningKeyError` for the key."""
    with _library():
        from model_signing import hashing, signing

    taken = {artifact.path.partition("/")[0] for artifact in version.artifacts}
    (folder / STATEMENT_NAME).write_text(text, encoding="utf-8")
    ignored = [folder / name for name in UNSIGNED if name not in taken]
    hashed = hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=False)  # type: ignore[no-untyped-call]
    secret: Any = None if password is None else password.encode()  # the library hands it on as it is
    with _readable(key):
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=secret)  # type: ignore[no-untyped-call]
    bundle = folder / SIGNATURE_NAME
    config.set_hashing_config(hashed).sign(folder, bundle)
    signature = bundle.read_text(encoding="utf-8")
    return Signed(str(json.loads(signature)["verificationMaterial"]["publicKey"]["hint"]), text, signature)


def verify_folder(folder: Path, signed: Signed, key: Path) -> None:
    """`SignatureBrokenError`, naming the files, unless the signature covers all files of the folder as they are."""
    with _library():
        from cryptography.exceptions import InvalidSignature
        from model_signing import verifying

    (folder / STATEMENT_NAME).write_text(signed.statement, encoding="utf-8")
    bundle = folder / SIGNATURE_NAME
    bundle.write_text(signed.bundle, encoding="utf-8")
    try:
        config = verifying.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_verifier(public_key=key).verify(folder, bundle)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
        files = ", ".join(_NAMED.findall(str(error)))
        reason = f"it was made over another {files}" if files else "it was not made with this key over these words"
        raise SignatureBrokenError(
            f"the signature does not hold: {reason}", "Take the version from where it was signed."
        ) from error


def key_id_of(key: Path) -> str:
    """SHA-256, hexadecimal, of a public key in a PEM file, as signatures name it; `SigningKeyError`."""
    with _library():
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
    with _readable(key):
        public = load_pem_public_key(key.read_bytes())
        if not isinstance(public, EllipticCurvePublicKey):
            raise ValueError("it is not of an elliptic curve")
    return hashlib.sha256(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_key(key: str) -> str:
    """The text of a public key, given as such or as the path of a PEM file; `SigningKeyError`."""
    if not key.lstrip().startswith("-----BEGIN "):
        key_id_of(Path(key))
        return Path(key).read_text(encoding="ascii")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "the key of the policy"
        file.write_text(key, encoding="utf-8")
        key_id_of(file)
    return key


@contextmanager
def _library() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SigningUnavailableError(
            f"{error.name} is not installed, which signatures need", "pip install 'regtrain[signing]'"
        ) from error


@contextmanager
def _readable(key: Path) -> Iterator[None]:
    """What is wrong with a key, in one error. It is a small regular file: a FIFO waits, and a device never ends."""
    try:
        status = key.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_KEY:
            raise ValueError("it is no regular file of a key's size")
        yield
    except OSError as error:
        raise SigningKeyError(f"cannot read {key}: {error.strerror}", HOW_TO_MAKE) from error
    except AttributeError as error:  # the library asks every key for its curve
        raise SigningKeyError(f"{key} cannot be used as a key: it is not of an elliptic curve", HOW_TO_MAKE) from error
    except (ValueError, TypeError) as error:
        reason = str(error).partition(".")[0]
        raise SigningKeyError(f"{key} cannot be used as a key: {reason}", HOW_TO_MAKE) from error
