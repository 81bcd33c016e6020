"""Errors of stored bytes that are not what was stored."""

from __future__ import annotations

from regtrain_registry.errors.registry_error import IntegrityError

__all__ = [
    "ArchiveDamagedError",
    "BlobDamagedError",
    "BlobMissingError",
    "DatabaseDamagedError",
    "RowDamagedError",
    "SignatureBrokenError",
]


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
