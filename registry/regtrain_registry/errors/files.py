"""Errors of files that go in or come out: artifacts, archives, backups, keys."""

from __future__ import annotations

from regtrain_registry.errors.registry_error import RegistryError

__all__ = [
    "ArchiveError",
    "BackupNotOfferedError",
    "FileToStoreError",
    "FolderNotEmptyError",
    "NotSignedError",
    "ParentMissingError",
    "SigningKeyError",
    "TargetExistsError",
    "WeightsFormatError",
]


class FileToStoreError(RegistryError):
    """A file to register is missing, is not a regular file, or has another digest than was given."""

    code = "file"


class WeightsFormatError(FileToStoreError):
    """Weights whose name ends in .safetensors, and which are no such file."""

    code = "weights_format"


class FolderNotEmptyError(RegistryError):
    """A version is unpacked to a new or empty folder only."""

    code = "folder_not_empty"


class TargetExistsError(RegistryError):
    """A file is written to a new name only."""

    code = "target_exists"


class ArchiveError(RegistryError):
    """A file that is no archive of versions, or an archive that is refused."""

    code = "archive"


class ParentMissingError(RegistryError):
    """A version of an archive has a parent that is neither in it nor in the registry."""

    code = "parent_missing"


class BackupNotOfferedError(RegistryError):
    """A database on a server, whose own tools make its backups."""

    code = "backup_not_offered"


class SigningKeyError(RegistryError):
    """A key file that cannot be read, or is of another kind."""

    code = "signing_key"


class NotSignedError(RegistryError):
    """No signature of the version was made with this key: a check that failed, exit code 1."""

    code = "not_signed"
    exit_code = 1
