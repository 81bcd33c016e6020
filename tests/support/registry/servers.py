"""Database servers of the tests' own: in a new folder, behind a Unix socket, gone when the tests are done.

Servers refuse to run as root: there they run as the user that their package made, or as nobody.
"""

from __future__ import annotations

import getpass
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import URL

from support.registry.places import Place, database_on, unmade_place

PASSWORD = "s3cr:t/w@rd %"  # needs quoting in a URL
# English order, where this PostgreSQL can: what is ordered by text must not depend on it.
LOCALES = (("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"), ("--no-locale",))
INSTALL = "apt-get install --no-install-recommends postgresql mariadb-server"


def program(name: str) -> str:
    """Where a program is; PostgreSQL's are not on the path everywhere. Missing: a failure on CI, else a skip."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    path = os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        reason = f"{name} is not installed: {INSTALL}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


def user_for(name: str) -> str:
    """Who runs the server."""
    if os.geteuid() != 0:
        return getpass.getuser()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return name if name in known else "nobody"


@contextmanager
def folder_of(user: str) -> Iterator[Path]:
    """A new folder with a short path, because that of a socket may have 107 bytes, which the user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def identity(user: str) -> dict[str, Any]:
    """Arguments of Popen for a process of that user, with the real clock: a server may well be another machine."""
    real = {name: value for name, value in os.environ.items() if not name.startswith(("CLOCK_OFFSET", "LD_PRELOAD"))}
    if os.geteuid() != 0:
        return {"env": real}
    return {"env": real, "user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def call(user: str, folder: Path, *command: str) -> None:
    """Run one program of the server as its user; what it said is shown only when it fails."""
    with (folder / "output").open("wb") as output:  # no pipe: a server in the background would keep it open
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, **identity(user)
        )
    assert done.returncode == 0, (folder / "output").read_text(errors="replace")


@dataclass(frozen=True)
class PostgreSQL:
    """A server that asks for a password, in a folder."""

    folder: Path
    user: str
    options: str

    @property
    def url(self) -> URL:
        """Of its maintenance database."""
        return URL.create("postgresql", "ada", PASSWORD, None, None, "postgres", {"host": str(self.folder)})

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("start", "-l", f"{self.folder}/log", "-o", self.options)

    def stop(self) -> None:
        """Stop it without ceremony."""
        self._control("stop", "-m", "immediate")

    def _control(self, *command: str) -> None:
        call(self.user, self.folder, program("pg_ctl"), "-w", "-D", f"{self.folder}/data", *command)

    def kill(self) -> None:
        """Kill all of its processes, and wait until they are gone."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGSTOP)  # so that it starts no other one meanwhile
        pids = [postmaster, *_children(postmaster)]
        handles = [os.pidfd_open(pid) for pid in pids]
        for handle in handles:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in handles:
            select.select([handle], [], [])
            os.close(handle)
        # Where nobody reaps it, its number looks alive to the next one.
        for lock in (self.folder / "data" / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()


def _children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(status.parent.name))
    return found


@contextmanager
def postgresql() -> Iterator[URL]:
    """A server that asks for a password; the URL of its maintenance database."""
    with postgresql_server("-c synchronous_commit=off") as server:
        yield server.url


@contextmanager
def postgresql_server(options: str = "") -> Iterator[PostgreSQL]:
    """A server that may be killed: what it commits outlives its processes, though not the machine."""
    initdb, user = program("initdb"), user_for("postgres")
    with folder_of(user) as folder:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        settings = ("--auth=scram-sha-256", f"--pwfile={folder}/password", "--username=ada", "--no-sync")
        for locale in LOCALES:
            with suppress(*[AssertionError] * (locale is not LOCALES[-1])):
                call(user, folder, initdb, "-D", f"{folder}/data", *settings, "--encoding=UTF8", *locale)
                break
        quick = f"-c fsync=off -c full_page_writes=off {options}"
        server = PostgreSQL(folder, user, f"-c listen_addresses='' -c unix_socket_directories={folder} {quick}")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def mariadb() -> Iterator[URL]:
    """A server with the defaults of its packages: text without regard to case, latin1, silent truncation."""
    server, install, admin = program("mariadbd"), program("mariadb-install-db"), program("mariadb-admin")
    user = user_for("mysql")
    with folder_of(user) as folder:
        data, socket = f"--datadir={folder}/data", f"--socket={folder}/socket"
        quick = ("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0")
        plain = ("--auth-root-authentication-method=normal", "--skip-test-db")
        call(user, folder, install, "--no-defaults", data, f"--tmpdir={folder}", *plain, *quick)
        careless = ("--sql-mode=", "--character-set-server=latin1", "--skip-networking")
        command = [
            server,
            "--no-defaults",
            data,
            socket,
            f"--pid-file={folder}/pid",
            f"--tmpdir={folder}",
            *careless,
            *quick,
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, **identity(user)
        ) as process:  # fmt: skip
            assert process.stderr is not None
            said = b""
            while b"ready for connections" not in said:
                line = process.stderr.readline()
                assert line, said.decode(errors="replace")
                said += line
            rest = Thread(target=process.stderr.read)  # a full pipe would stop the server
            rest.start()
            try:
                call(user, folder, admin, "--no-defaults", "--user=root", socket, "password", PASSWORD)
                query = {"unix_socket": f"{folder}/socket"}
                yield URL.create("mysql", "root", PASSWORD, "localhost", None, None, query)
            finally:
                process.kill()
                rest.join()


@contextmanager
def place_on(kind: str, folder: Path) -> Iterator[Place]:
    """A new database of this kind."""
    if kind == "sqlite":
        yield unmade_place(folder)
        return
    start = {"postgresql": postgresql, "mysql": mariadb}[kind]
    with start() as server, database_on(server, folder) as place:
        yield place
