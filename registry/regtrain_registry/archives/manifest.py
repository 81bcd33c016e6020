"""The manifest of an archive of versions: its first member, checked in every field. Pure.

An archive is a plain tar file: the manifest, then each blob once, called `blobs/` and 64 hexadecimal digits, in the
order of the manifest. A version is identified by its home, the registry where it was made; parents come before their
children.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from regtrain_registry.archives.fields import (
    Count,
    Digest,
    Document,
    Hash,
    Lists,
    Many,
    Name,
    Part,
    Size,
    Sizes,
    Tags,
    Texts,
    Time,
    Uid,
    VersionText,
    checked,
)
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.records import ArtifactKind, Relation, VersionStatus
from regtrain_registry.refs import check_artifact_name
from regtrain_registry.store.blob import ALGORITHM

__all__ = [
    "FORM",
    "MANIFEST",
    "MAX_MANIFEST",
    "ArchivedEvent",
    "ArchivedExport",
    "ArchivedFile",
    "ArchivedParent",
    "ArchivedRun",
    "ArchivedSignature",
    "ArchivedVersion",
    "Bump",
    "Home",
    "Manifest",
    "RecipeParts",
    "blob_name",
]

MANIFEST = "regtrain-archive.json"
MAX_MANIFEST = 256 << 20  # bytes
FORM: Literal[2] = 2


class Home(Part):
    """The registry where a version was made, and its model, version and number there."""

    registry: Uid
    model: Name
    version: VersionText
    number: Count

    @property
    def identity(self) -> Identity:
        """The same as a value."""
        return Identity(self.registry, self.model, self.version, self.number)


class ArchivedFile(Part):
    """A file of a version."""

    path: Annotated[str, checked(check_artifact_name)]
    kind: ArtifactKind
    digest: Digest
    size_bytes: Size


class ArchivedExport(Part):
    """A version in another format."""

    format: Annotated[str, Field(max_length=32)]
    passed: bool
    digest: Digest | None
    size_bytes: Size | None
    created_at: Time
    report: Document


class ArchivedParent(Part):
    """A version that another one came from."""

    home: Annotated[Home, Field(alias="who")]
    relation: Relation


class ArchivedEvent(Part):
    """An event of the version in the event log of its home; `hash` covers it and the hash `before` it in that log.

    before: None in an archive of form 1, whose events cannot be verified.
    """

    registry: Uid
    model: Name
    seq: Count
    at: Time
    by: str
    kind: str
    facts: Document
    before: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] | None = None
    hash: Hash


class ArchivedSignature(Part):
    """A signature of the version."""

    key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,80}$")]
    statement: str
    bundle: str
    created_at: Time


class ArchivedRun(Part):
    """The run that a version came out of."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=255)]
    status: Literal["running", "finished", "failed", "interrupted"]
    run_dir: Annotated[str, Field(max_length=700)]
    host: Annotated[str, Field(max_length=255)]
    resumed_from: Annotated[str, Field(max_length=700)] | None
    started_at: Time
    finished_at: Time | None
    seconds: float | None
    steps: Annotated[int, Field(ge=0, lt=1 << 62)] | None
    epochs: Annotated[int, Field(ge=0, lt=1 << 31)] | None
    error: str | None
    metrics: Document
    best: Document | None
    data: Document
    code: Document
    environment: Document
    config: Document


class Bump(Part):
    """Why the version has its number."""

    kind: str
    computed: str
    reasons: Many[str]
    overruled: str | None
    forced: bool
    base: str | None


class RecipeParts(Part):
    """What the version was made from, as it is stored."""

    config: Document | None
    data: Texts
    code: Texts
    state: Lists
    not_learned: Many[str] = Field(default_factory=list)


class ArchivedVersion(Part):
    """A version as the registry that exports it has it. `complete`: its files are in the archive too.

    events: its event log at home, as an attachment that nothing follows from.
    """

    home: Annotated[Home, Field(alias="who")]
    complete: bool
    digest: Digest
    created_at: Time
    created_by: Annotated[str, Field(max_length=255)]
    git_commit: Annotated[str, Field(max_length=64)] | None
    dirty: bool | None
    summary: str
    status: VersionStatus
    reason: str | None
    deprecation: str | None
    successor: Home | None
    bump: Bump
    metrics: Document
    signature: Document
    config: Document
    recipe: RecipeParts
    tags: Tags
    files: Many[ArchivedFile]
    exports: Many[ArchivedExport]
    parents: Many[ArchivedParent]
    signatures: Many[ArchivedSignature]
    events: Many[ArchivedEvent]
    run: Annotated[str, Field(max_length=64)] | None

    def blobs(self) -> Iterator[tuple[str, int | None]]:
        """Digest and bytes of every file that it is made of."""
        yield from ((file.digest, file.size_bytes) for file in self.files)
        yield from ((export.digest, export.size_bytes) for export in self.exports if export.digest is not None)


class Manifest(Part):
    """The first member of an archive. blobs: digest → bytes of what follows."""

    form: Literal[1, 2]
    registry: Uid
    versions: Many[ArchivedVersion]
    runs: Many[ArchivedRun]
    blobs: Sizes


def blob_name(digest: str) -> str:
    """The name of a blob in the archive."""
    return f"blobs/{digest.removeprefix(f'{ALGORITHM}:')}"
