"""Errors of the environment: databases, stores and packages that cannot be used."""

from __future__ import annotations

from regtrain_registry.errors.registry_error import RegistryError

__all__ = [
    "NetworkFileSystemError",
    "RegistryLockedError",
    "RegistryReadOnlyError",
    "RegistryUnavailableError",
    "SchemaTooNewError",
    "SigningUnavailableError",
    "StoreUnavailableError",
]


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
