"""One class per fact. Each message names the culprit, then the choices; the hint names the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from regtrain_registry.domain.promotion import Evidence

__all__ = [
    "AliasNotFoundError",
    "ArchiveDamagedError",
    "ArchiveError",
    "ArgumentError",
    "ArtifactNotFoundError",
    "BackupNotOfferedError",
    "BlobDamagedError",
    "BlobMissingError",
    "CollectionTooLargeError",
    "ConflictError",
    "DatabaseDamagedError",
    "DigestSyntaxError",
    "FileToStoreError",
    "FilterSyntaxError",
    "FolderNotEmptyError",
    "IdempotencyError",
    "IntegrityError",
    "ModelNotFoundError",
    "NameNotAllowedError",
    "NetworkFileSystemError",
    "NoRegistryError",
    "NotSignedError",
    "ParentMissingError",
    "PolicyError",
    "PromotionRefusedError",
    "RefSyntaxError",
    "RegistryError",
    "RegistryLockedError",
    "RegistryReadOnlyError",
    "RegistryUnavailableError",
    "RegistryUrlError",
    "RowDamagedError",
    "RunExistsError",
    "RunNotFoundError",
    "SchemaTooNewError",
    "SignatureBrokenError",
    "SigningKeyError",
    "SigningUnavailableError",
    "StageGuardedError",
    "StatusError",
    "StoreSharedError",
    "StoreUnavailableError",
    "TagNotFoundError",
    "TargetExistsError",
    "TextTooLongError",
    "VersionCollectedError",
    "VersionHeldError",
    "VersionNotFoundError",
    "VersionSyntaxError",
    "VersionTakenError",
    "WrongBumpError",
    "nearest",
]


class RegistryError(Exception):
    """Something a user can act on: one line of what is wrong, one line of what to do."""

    code: ClassVar[str] = "registry"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def details(self) -> dict[str, Any]:
        """What a program may want to know beside the message: further fields of the error as JSON."""
        return {}


class NameNotAllowedError(RegistryError):
    """A name of a model, an alias or an artifact that breaks the rule of names."""

    code = "name"


class TextTooLongError(RegistryError):
    """Text that no database has room for where it belongs."""

    code = "text_too_long"


class ArgumentError(RegistryError):
    """A value of a kind or a size that was not asked for."""

    code = "argument"


class RefSyntaxError(RegistryError):
    """Text that does not name a version in any of the accepted forms."""

    code = "ref"


class VersionSyntaxError(RegistryError):
    """Text that is not a semantic version, or not a range of them."""

    code = "version"


class FilterSyntaxError(RegistryError):
    """Text that is no filter or no order of a list; the hint has a caret under what is wrong."""

    code = "filter"


class DigestSyntaxError(RegistryError):
    """Text that is no digest of data, and too short for the beginning of one."""

    code = "digest"


class ModelNotFoundError(RegistryError):
    """No model by that name."""

    code = "model_not_found"


class VersionNotFoundError(RegistryError):
    """The model has no such version, number or alias."""

    code = "version_not_found"


class AliasNotFoundError(RegistryError):
    """The model has no alias or stage by that name."""

    code = "alias_not_found"


class TagNotFoundError(RegistryError):
    """The version has no tag by that name."""

    code = "tag_not_found"


class PolicyError(RegistryError):
    """A policy with a key or a value that means nothing."""

    code = "policy"


class ArtifactNotFoundError(RegistryError):
    """The version has no artifact by that name or kind."""

    code = "artifact_not_found"


class RunNotFoundError(RegistryError):
    """No run by that id, name or folder; or several by that prefix."""

    code = "run_not_found"


class FileToStoreError(RegistryError):
    """A file to register is missing, is not a regular file, or has another digest than was said."""

    code = "file"


class FolderNotEmptyError(RegistryError):
    """A version is unpacked to a new or empty folder only."""

    code = "folder_not_empty"


class TargetExistsError(RegistryError):
    """A file is written to a new name only."""

    code = "target_exists"


class ArchiveError(RegistryError):
    """A file that is no archive of versions, or not one that may be read."""

    code = "archive"


class ParentMissingError(RegistryError):
    """A version of an archive has a parent that is neither there nor in the registry."""

    code = "parent_missing"


class BackupNotOfferedError(RegistryError):
    """A database whose own tools make its backups."""

    code = "backup_not_offered"


class SigningKeyError(RegistryError):
    """A key file that cannot be read, or is of another kind."""

    code = "signing_key"


class NotSignedError(RegistryError):
    """No signature of the version was made with this key: a check that did not hold, exit code 1."""

    code = "not_signed"
    exit_code = 1


class RegistryUrlError(RegistryError):
    """A database or store URL that cannot be understood."""

    code = "registry_url"


class NoRegistryError(RegistryError):
    """Nothing has been registered here yet."""

    code = "no_registry"


class ConflictError(RegistryError):
    """What is asked for collides with what is recorded."""

    code = "conflict"
    exit_code = 3


class StoreSharedError(ConflictError):
    """Files of another registry are in the store, and would be collected as nobody's."""

    code = "store_shared"


class VersionTakenError(ConflictError):
    """The version that was asked for exists."""

    code = "version_taken"


class WrongBumpError(ConflictError):
    """A part of the version was asked for that says less than what changed."""

    code = "wrong_bump"


class StageGuardedError(ConflictError):
    """A stage moves by promotion only."""

    code = "stage_guarded"


class PromotionRefusedError(RegistryError):
    """A gate of the stage does not hold: a check that did not hold, exit code 1."""

    code = "promotion_refused"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", evidence: Sequence[Evidence] = ()) -> None:
        super().__init__(message, hint)
        self.evidence = tuple(evidence)

    @property
    def details(self) -> dict[str, Any]:
        """What every gate found, also those that hold."""
        return {"evidence": [one.to_json() for one in self.evidence]}


class StatusError(ConflictError):
    """The version's status does not allow what is asked for."""

    code = "status"


class VersionHeldError(ConflictError):
    """Something keeps the version: it cannot expire."""

    code = "held"


class VersionCollectedError(ConflictError):
    """The files of the version were collected."""

    code = "collected"


class CollectionTooLargeError(ConflictError):
    """A collection would take more than half of the store, and nobody has confirmed it."""

    code = "collection_too_large"


class RunExistsError(ConflictError):
    """A run by that id is recorded."""

    code = "run_exists"


class IdempotencyError(ConflictError):
    """The key of this registration was used for another model."""

    code = "idempotency"


class IntegrityError(RegistryError):
    """Stored bytes are not what was stored."""

    code = "integrity"
    exit_code = 4


class BlobDamagedError(IntegrityError):
    """A blob whose content does not have its digest."""

    code = "blob_damaged"


class BlobMissingError(IntegrityError):
    """A blob that a version needs is not in the store."""

    code = "blob_missing"


class DatabaseDamagedError(IntegrityError):
    """The database file is damaged."""

    code = "database_damaged"


class RowDamagedError(IntegrityError):
    """A row of the database has a value that cannot be read."""

    code = "row_damaged"


class ArchiveDamagedError(IntegrityError):
    """An archive whose content does not have the digests that it names."""

    code = "archive_damaged"


class SignatureBrokenError(IntegrityError):
    """What was signed is not what is there."""

    code = "signature_broken"


class RegistryUnavailableError(RegistryError):
    """The database cannot be opened or reached."""

    code = "registry_unavailable"
    exit_code = 5


class RegistryLockedError(RegistryError):
    """Another process holds the database longer than the lock timeout."""

    code = "registry_locked"
    exit_code = 5


class RegistryReadOnlyError(RegistryError):
    """The database can be read but not written."""

    code = "registry_read_only"
    exit_code = 5


class NetworkFileSystemError(RegistryError):
    """SQLite's locks do not hold on network file systems."""

    code = "network_file_system"
    exit_code = 5


class SchemaTooNewError(RegistryError):
    """The database was written by a newer release."""

    code = "schema_too_new"
    exit_code = 5


class SigningUnavailableError(RegistryError):
    """The packages that make and check signatures are not installed."""

    code = "signing_unavailable"
    exit_code = 5


class StoreUnavailableError(RegistryError):
    """The store cannot be read or written: disk full, read-only, no permission, not reachable."""

    code = "store_unavailable"
    exit_code = 5


def nearest(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """The choices spelled most like `word`, best first."""
    import difflib

    return difflib.get_close_matches(word.lower(), list(choices), n=count, cutoff=0.6)
