"""What stands in an archive of versions: its first member, a manifest, checked in every field. Pure.

An archive is a plain tar file: the manifest, then each blob once, called `blobs/` and 64 hexadecimal digits, in their
order. Versions stand in it by who they are, not by what a registry calls them: parents before their children.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import UID, Identity
from regtrain_registry.domain.lineage import cycle
from regtrain_registry.domain.records import ArtifactKind, Relation, VersionStatus
from regtrain_registry.errors import ArchiveError, NameNotAllowedError, ParentMissingError, RegistryError
from regtrain_registry.refs import check_apart, check_artifact_name, check_name, check_tag
from regtrain_registry.semver import parse_version
from regtrain_registry.store.blob import ALGORITHM

__all__ = [
    "HINT",
    "MANIFEST",
    "MAX_MANIFEST",
    "TOLD_BY_IMPORTS",
    "ArchivedEvent",
    "ArchivedExport",
    "ArchivedFile",
    "ArchivedParent",
    "ArchivedRun",
    "ArchivedSignature",
    "ArchivedVersion",
    "Bump",
    "Manifest",
    "RecipeParts",
    "Who",
    "blob_name",
    "read_manifest",
]

MANIFEST = "regtrain-archive.json"
MAX_MANIFEST = 256 << 20  # bytes
TOLD_BY_IMPORTS = (EventKind.IMPORTED.value, EventKind.MERGED.value)  # they hold events, and are none themselves
HINT = "Write one with regtrain models export-archive."


def _checked(check: Any) -> AfterValidator:
    """A check of ours as one of pydantic's."""

    def validate(value: str) -> str:
        try:
            check(value)
        except RegistryError as error:
            raise ValueError(error.message) from error
        return value

    return AfterValidator(validate)


def _in_utc(time: datetime) -> datetime:
    """At either end of the calendar a time may have no other in UTC, and one database begins at the year 1000."""
    try:
        found = time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside of the calendar") from error
    if found.year < 1000:
        raise ValueError("the time is before the year 1000")
    return found


def _check_tag_name(name: str) -> None:
    check_tag(name, "")


def _check_version(text: str) -> None:
    if str(parse_version(text)) != text:
        raise ArchiveError(f"{text!r} is not how that version is written", HINT)


Digest = Annotated[str, Field(pattern=rf"^{ALGORITHM}:[0-9a-f]{{64}}$")]
Name = Annotated[str, _checked(check_name)]
VersionText = Annotated[str, Field(max_length=100), _checked(_check_version)]
Uid = Annotated[str, Field(pattern=f"^{UID.pattern}$")]
Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Size = Annotated[int, Field(ge=0, lt=1 << 62)]
Count = Annotated[int, Field(ge=1, lt=1 << 31)]
Document = dict[str, Any]


class Part(BaseModel):
    """Frozen, strict, and closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Who(Part):
    """Who a version is."""

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

    path: Annotated[str, _checked(check_artifact_name)]
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

    who: Who
    relation: Relation


class ArchivedEvent(Part):
    """What was done to the version, in whatever registry: where it stands in that one's line about that model.

    It is known by its hash.
    """

    registry: Uid
    model: Name
    seq: Count
    at: Time
    by: str
    kind: str
    facts: Document
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ArchivedSignature(Part):
    """Who has signed the version."""

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
    reasons: list[str]
    overruled: str | None
    forced: bool
    base: str | None


class RecipeParts(Part):
    """What the version was made from, as it is stored."""

    config: Document | None
    data: dict[str, str]
    code: dict[str, str]
    state: dict[str, list[Any]]
    not_learned: list[str] = []


class ArchivedVersion(Part):
    """A version with all that is known of it. `complete`: its files are in the archive too.

    events: all that was done to it anywhere, in order. Status, reason, deprecation and successor follow from them.
    """

    who: Who
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
    successor: Who | None
    bump: Bump
    metrics: Document
    signature: Document
    config: Document
    recipe: RecipeParts
    tags: dict[Annotated[str, _checked(_check_tag_name)], Annotated[str, Field(max_length=255)]]
    files: list[ArchivedFile]
    exports: list[ArchivedExport]
    parents: list[ArchivedParent]
    signatures: list[ArchivedSignature]
    events: list[ArchivedEvent]
    run: Annotated[str, Field(max_length=64)] | None

    def blobs(self) -> Iterator[tuple[str, int | None]]:
        """Digest and bytes of every file that it is made of."""
        yield from ((file.digest, file.size_bytes) for file in self.files)
        yield from ((export.digest, export.size_bytes) for export in self.exports if export.digest is not None)


class Manifest(Part):
    """The first member of an archive. blobs: digest → bytes of what follows."""

    form: Literal[1]
    registry: Uid
    versions: list[ArchivedVersion]
    runs: list[ArchivedRun]
    blobs: dict[Digest, Size]


def blob_name(digest: str) -> str:
    """What a blob is called in the archive."""
    return f"blobs/{digest.removeprefix(f'{ALGORITHM}:')}"


def read_manifest(data: bytes) -> Manifest:
    """The manifest, checked in itself; `ArchiveError`."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArchiveError(
            f"the archive's manifest is wrong at {place[:200] or 'its start'}: {first['msg']}", HINT
        ) from error
    _check_versions(manifest)
    _check_blobs(manifest)
    return manifest


def _check_versions(manifest: Manifest) -> None:
    """Each version once, its run and files distinct, parents before children."""
    parents = {version.who: [parent.who for parent in version.parents] for version in manifest.versions}
    if len({(who.registry, who.model, who.version) for who in parents}) != len(manifest.versions):
        raise ArchiveError("the archive holds a version twice", HINT)
    ring = cycle(parents)
    if ring:
        names = [f"{who.model}@{who.version}" for who in [*ring, ring[0]]]
        raise ArchiveError(f"in the archive {' comes from '.join(names)}", HINT)
    runs = {run.id for run in manifest.runs}
    seen: set[Who] = set()
    for version in manifest.versions:
        ref = f"{version.who.model}@{version.who.version}"
        late = next((who for who in parents[version.who] if who in parents and who not in seen), None)
        if late is not None:
            raise ArchiveError(f"{ref} stands before its parent {late.model}@{late.version}", HINT)
        if version.run is not None and version.run not in runs:
            raise ParentMissingError(f"the archive does not hold run {version.run!r} of {ref}", HINT)
        _check_names(ref, version)
        seen.add(version.who)


def _check_names(ref: str, version: ArchivedVersion) -> None:
    """Files, formats and parents, each once."""
    try:
        check_apart(file.path for file in version.files)
    except NameNotAllowedError as error:
        raise ArchiveError(f"{ref}: {error.message}", HINT) from error
    formats = [export.format for export in version.exports]
    if len(set(formats)) != len(formats):
        raise ArchiveError(f"{ref} has an export twice", HINT)
    links = [(parent.who, parent.relation) for parent in version.parents]
    if len(set(links)) != len(links):
        raise ArchiveError(f"{ref} has a parent twice", HINT)


def _check_blobs(manifest: Manifest) -> None:
    """What follows is what complete versions are made of, nothing more and nothing less."""
    wanted: set[str] = set()
    for version in manifest.versions:
        for digest, size in version.blobs() if version.complete else ():
            wanted.add(digest)
            if manifest.blobs.get(digest) != size:
                raise ArchiveError(f"the archive does not say how long {digest} is, or says it twice", HINT)
    if wanted != manifest.blobs.keys():
        raise ArchiveError("the archive holds files of no version", HINT)
