"""Registries that exchange archives, and archives as other programs may write them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regtrain_registry import Registry
from regtrain_registry.archives.manifest import ArchivedVersion, Manifest
from regtrain_registry.archives.manifest_reader import read_manifest
from regtrain_registry.cards.checkout_extras import Signed
from regtrain_registry.domain.identities import Identity
from regtrain_registry.ops.context import Actor, Context
from regtrain_registry.ops.identity import identities
from regtrain_registry.ops.resolve import resolve
from regtrain_registry.ops.signatures import record_signature
from regtrain_registry.refs import parse_ref


def members(file: Path) -> list[tuple[str, bytes]]:
    """Names and content, in order."""
    with tarfile.open(file) as tar:
        return [(one.name, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr]


def written(file: Path, content: list[tuple[tarfile.TarInfo | str, bytes]], form: int = tarfile.GNU_FORMAT) -> Path:
    """A tar file as another program may write it."""
    with tarfile.open(file, "w", format=form) as tar:
        for name, data in content:
            header = tarfile.TarInfo(name) if isinstance(name, str) else name
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return file


def changed(archive: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same archive with another manifest."""
    (name, text), *blobs = members(archive)
    manifest = json.loads(text)
    change(manifest)
    return written(target, [(name, json.dumps(manifest).encode()), *blobs])


def manifest_of(registry: Registry, file: Path) -> Manifest:
    """What a registry says of all its versions. The file is gone afterwards."""
    registry.export_archive(None, file)
    found = read_manifest(members(file)[0][1])
    file.unlink()
    return found


def archived(registry: Registry, file: Path) -> ArchivedVersion:
    """What a registry says of the only version that it has."""
    (version,) = manifest_of(registry, file).versions
    return version


def refs_of(registry: Registry) -> dict[Identity, str]:
    """Versions by who they are → what they are called here."""
    refs = [version.ref for name in registry.models() for version in registry.versions(name.name)]
    return {identity_of(registry, ref): ref for ref in refs}


def identity_of(registry: Registry, ref: str) -> Identity:
    """Who the version is that a ref names."""

    def read(connection: Any) -> Identity:
        version_id = resolve(connection, parse_ref(ref))
        return identities(connection, [version_id])[version_id]

    return registry._database.read(read)


def sound(*registries: Registry) -> None:
    """Nothing is wrong with them."""
    for registry in registries:
        assert registry.fsck(read_data=True).problems == []


def sign(registry: Registry, ref: str, key: str) -> None:
    """As a key signs; what it says is the same whoever signs."""

    def write(connection: Any) -> None:
        digest = registry.show(ref).digest
        context = Context(connection, lambda: registry._store, Actor(key, datetime.now(UTC)))
        record_signature(context, parse_ref(ref), Signed(key, digest, f"{key} {digest}"))

    registry._database.write(write)
