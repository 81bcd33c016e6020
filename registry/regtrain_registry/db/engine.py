"""Connections and transactions; no other module opens a database.

A connection to a server ends with its transaction; one to a SQLite file is kept. None is used after a fork, and every
retry has a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, quote_plus
from weakref import finalize

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from regtrain_registry.db import migrations
from regtrain_registry.db.dialects import Dialect, ErrorKind, dialect_of
from regtrain_registry.errors import (
    ConflictError,
    DatabaseDamagedError,
    NoRegistryError,
    RegistryError,
    RegistryLockedError,
    RegistryReadOnlyError,
    RegistryUnavailableError,
    SchemaTooNewError,
)
from regtrain_registry.location import check_file_system, make_private_folder

__all__ = ["Database", "shown"]

Result = TypeVar("Result")

TRIES = 50
_SECRETS = ("password", "passwd", "sslpassword")  # of a URL's query


class Database:
    """A database with the schema of the registry."""

    def __init__(
        self,
        url: URL,
        *,
        create: bool,
        lock_timeout: float,
        read_file_system: Callable[[Path], int | None] | None,
        upgrade: bool = True,
    ) -> None:
        """Opens, and creates file, folders and schema where `create` allows.

        lock_timeout: seconds to wait for other writers. read_file_system: f_type of a folder, if asked. upgrade: bring
        an older schema to the newest.
        """
        self.url = url
        self._timeout = lock_timeout
        if url.get_backend_name() == "sqlite":
            self.url = _prepare_file(url, create, read_file_system)
        self._dialect = dialect_of(self.url, lock_timeout)
        try:
            self._engine = self._dialect.engine(self.url)
        except ImportError as error:
            raise _no_driver(self.url, self._dialect, error) from error
        finalize(self, self._engine.dispose)
        self._reader = self._dialect.reader(self._engine)
        self._writer = self._dialect.writer(self._engine)
        version = self.version()
        if version is None and not create:
            raise _no_registry(self.url)
        if version is None or (version < migrations.HEAD and upgrade):
            self.upgrade()
        elif version > migrations.HEAD:
            raise SchemaTooNewError(
                f"{shown(self.url)} has schema {version}; this release knows up to {migrations.HEAD}",
                "Install a newer regtrain: pip install --upgrade regtrain.",
            )

    def version(self) -> str | None:
        """The number of the schema; None if there is none yet."""
        return self.read(migrations.stored_version)

    def upgrade(self) -> None:
        """Bring the schema to the newest that this release knows; a copy of an older SQLite file is kept beside it."""
        version = self.version()
        if version is not None and version < migrations.HEAD:
            self._dialect.keep_copy(self.url, version)

        def work(connection: Connection) -> None:
            self._dialect.lock_schema(connection)
            migrations.upgrade(connection)

        self.write(work)

    def copy_to(self, target: Path) -> None:
        """One state of the database in a new file; `BackupNotOfferedError` where a server's tools do that."""
        self._dialect.copy_to(self.url, target)

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in one transaction that sees one state of the database and blocks no other one."""
        with self._translated():
            return _in_transaction(self._reader, work)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in one transaction that other writers wait for; committed on return.

        SQLite is locked from the start. Elsewhere `work` locks the row of its model before it reads what it decides on.
        Tried again, on a new connection, where another writer was in the way: `work` may run several times.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
        from tenacity import wait_random_exponential as wait

        retrying = Retrying(
            retry=retry_if_exception(self._retryable),
            stop=stop_after_attempt(TRIES) | stop_after_delay(self._timeout),
            wait=wait(multiplier=0.01, max=1),
            reraise=True,
        )
        with self._translated(writing=True):
            result: Result = retrying(_in_transaction, self._writer, work)
            return result

    def _retryable(self, error: BaseException) -> bool:
        """Whether the error is a lock or a row of another writer, which the next try sees."""
        if isinstance(error, IntegrityError):
            return True
        return isinstance(error, DBAPIError) and self._dialect.kind_of(error) is ErrorKind.BUSY

    @contextmanager
    def _translated(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise translate(error, self.url, self._dialect, writing=writing) from error


def _in_transaction(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Do `work` in a transaction. A connection is not used again after an error of the database."""
    with engine.connect() as connection:
        try:
            with connection.begin():
                return work(connection)
        except DBAPIError:
            connection.invalidate()
            raise


def _prepare_file(url: URL, create: bool, read_file_system: Callable[[Path], int | None] | None) -> URL:
    """Check and create the folder of the file; the URL with an absolute path."""
    file = Path(str(url.database)).absolute()
    url = url.set(database=str(file))
    if not create and not file.exists():
        raise _no_registry(url)
    if read_file_system is not None:
        check_file_system(next(folder for folder in file.parents if folder.exists()), read_file_system)
    make_private_folder(file.parent)
    if not file.exists():
        try:
            file.touch(mode=0o600)
        except OSError as error:
            raise RegistryUnavailableError(
                f"{file} cannot be made: {error.strerror}", "Free space or permissions there, or name another place."
            ) from error
    return url


def _no_registry(url: URL) -> NoRegistryError:
    return NoRegistryError(f"there is no registry at {shown(url)} yet", "Run something first: regtrain run CONFIG.")


def _no_driver(url: URL, dialect: Dialect, error: ImportError) -> RegistryUnavailableError:
    """The error for a missing driver; the default drivers come with an extra of ours."""
    module = (error.name or "").partition(".")[0] or url.get_driver_name()
    ours = module in ("psycopg", "pymysql") and dialect.extra
    return RegistryUnavailableError(
        f"the driver {module} of {shown(url)} is not installed",
        f"pip install regtrain[{dialect.extra}]" if ours else f"pip install {module}",
    )


def shown(url: URL) -> str:
    """The URL for messages: the path of a file, or without password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    hidden = {name: "***" for name in _SECRETS if name in url.query}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _without_secrets(text: str, url: URL) -> str:
    secrets = [url.password, *(url.query.get(name) for name in _SECRETS)]
    for secret in secrets:
        for form in (str(secret), quote(str(secret), safe=""), quote_plus(str(secret))) if secret else ():
            text = text.replace(form, "***")
    return text


def translate(error: DBAPIError, url: URL, dialect: Dialect, *, writing: bool = False) -> RegistryError:
    """The driver's error as one of ours, without the password of the URL."""
    reason = _without_secrets(dialect.reason(error), url)
    place = shown(url)
    if isinstance(error, IntegrityError):
        return ConflictError(f"{place} refused the row: {reason}", "Try again; another process may be at work.")
    match dialect.kind_of(error):
        case ErrorKind.BUSY:
            return RegistryLockedError(f"{place} is locked by another process", "Try again when it has finished.")
        case ErrorKind.READ_ONLY:
            return RegistryReadOnlyError(f"{place} is read-only", dialect.how_to_write)
        case ErrorKind.DENIED if writing:
            return RegistryReadOnlyError(f"{place} may not be written: {reason}", dialect.how_to_write)
        case ErrorKind.NOT_A_DATABASE:
            return RegistryUnavailableError(f"{place} is not a SQLite database", "Name another file, or move it away.")
        case ErrorKind.DAMAGED:
            return DatabaseDamagedError(f"{place} is damaged: {reason}", "Restore it from a backup.")
        case ErrorKind.NO_FILE if not Path(str(url.database)).exists():
            return _no_registry(url)
        case ErrorKind.FULL:
            return RegistryUnavailableError(f"the disk of {place} is full", "Free space; nothing was recorded.")
    return RegistryUnavailableError(
        f"{place} cannot be used: {reason}", "Check the address, the server and the permissions."
    )
