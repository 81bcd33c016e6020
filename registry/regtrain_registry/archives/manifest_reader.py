"""Reading a manifest: every field, and its versions against each other and the files that follow. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import ValidationError

from regtrain_registry.archives.fields import HINT
from regtrain_registry.archives.manifest import ArchivedVersion, Home, Manifest
from regtrain_registry.domain.events import canonical, event_hash
from regtrain_registry.domain.lineage import cycle
from regtrain_registry.errors import ArchiveError, NameNotAllowedError, ParentMissingError
from regtrain_registry.refs import check_apart

__all__ = ["check_times", "read_manifest"]

MAX_VALUES = 8_000_000  # each needs dozens of bytes of memory, and may be one byte of the file
AHEAD = timedelta(days=1)  # of a clock that is not kept in time, or in the wrong time zone


def read_manifest(data: bytes) -> Manifest:
    """The manifest, consistent in itself; `ArchiveError`."""
    if sum(data.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES:  # before anything is made of them
        raise ArchiveError(f"the archive's manifest holds more than {MAX_VALUES} values", HINT)
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArchiveError(
            f"the archive's manifest is wrong at {place[:200] or 'its start'}: {first['msg']}", HINT
        ) from error
    _check_manifest(manifest)
    return manifest


def _check_manifest(manifest: Manifest) -> None:
    """`ArchiveError` for what contradicts itself; `ParentMissingError` for a run that is not there."""
    _check_versions(manifest)
    _check_blobs(manifest)
    if manifest.form > 1:
        for version in manifest.versions:
            _check_events(version)


def check_times(manifest: Manifest, now: datetime) -> None:
    """`ArchiveError` for a time in the future: it would keep its version young for as long."""
    for version in manifest.versions:
        for time in _times(version):
            if time > now + AHEAD:
                raise ArchiveError(
                    f"a time of {_ref(version.home)} in the archive is in the future: {time:%Y-%m-%d %H:%M:%S}",
                    "Set the clocks of both machines; then export again.",
                )
    for run in manifest.runs:
        for moment in (run.started_at, run.finished_at):
            if moment is not None and moment > now + AHEAD:
                raise ArchiveError(
                    f"a time of run {run.id!r} in the archive is in the future: {moment:%Y-%m-%d %H:%M:%S}",
                    "Set the clocks of both machines; then export again.",
                )


def _times(version: ArchivedVersion) -> Iterator[datetime]:
    yield version.created_at
    yield from (export.created_at for export in version.exports)
    yield from (signature.created_at for signature in version.signatures)
    yield from (event.at for event in version.events)


def _ref(home: Home) -> str:
    return f"{home.model}@{home.version}"


def _check_events(version: ArchivedVersion) -> None:
    """Events of the version's own log at home, each with the hash that it must have."""
    home, last = version.home, None
    for event in version.events:
        if (event.registry, event.model) != (home.registry, home.model):
            raise ArchiveError(f"{_ref(home)} has an event of another event log", HINT)
        text = canonical(event.facts)
        found = event_hash(
            event.before or "", event.model, event.seq, event.at, event.by, event.kind, home.version, text
        )
        linked = last is None or last.seq < event.seq - 1 or event.before == last.hash
        if event.hash != found or (last is not None and last.seq >= event.seq) or not linked:
            raise ArchiveError(
                f"{_ref(home)}: event {event.seq} does not have the hash of its content",
                "The archive was changed; export again.",
            )
        last = event


def _check_versions(manifest: Manifest) -> None:
    """Each version once, its run and files distinct, parents before children."""
    parents = {version.home: [parent.home for parent in version.parents] for version in manifest.versions}
    if len({(home.registry, home.model, home.version) for home in parents}) != len(manifest.versions):
        raise ArchiveError("the archive holds a version twice", HINT)
    ring = cycle(parents)
    if ring:
        names = [f"{home.model}@{home.version}" for home in [*ring, ring[0]]]
        raise ArchiveError(f"in the archive {' comes from '.join(names)}", HINT)
    runs = {run.id for run in manifest.runs}
    seen: set[Home] = set()
    for version in manifest.versions:
        ref = _ref(version.home)
        late = next((home for home in parents[version.home] if home in parents and home not in seen), None)
        if late is not None:
            raise ArchiveError(f"{ref} comes before its parent {late.model}@{late.version}", HINT)
        if version.run is not None and version.run not in runs:
            raise ParentMissingError(f"the archive does not hold run {version.run!r} of {ref}", HINT)
        _check_names(ref, version)
        seen.add(version.home)


def _check_names(ref: str, version: ArchivedVersion) -> None:
    """Files, formats and parents, each once."""
    try:
        check_apart(file.path for file in version.files)
    except NameNotAllowedError as error:
        raise ArchiveError(f"{ref}: {error.message}", HINT) from error
    formats = [export.format for export in version.exports]
    if len(set(formats)) != len(formats):
        raise ArchiveError(f"{ref} has an export twice", HINT)
    links = [(parent.home, parent.relation) for parent in version.parents]
    if len(set(links)) != len(links):
        raise ArchiveError(f"{ref} has a parent twice", HINT)


def _check_blobs(manifest: Manifest) -> None:
    """What follows is what complete versions are made of, nothing more and nothing less."""
    wanted: set[str] = set()
    for version in manifest.versions:
        for digest, size in version.blobs() if version.complete else ():
            wanted.add(digest)
            if manifest.blobs.get(digest) != size:
                raise ArchiveError(f"the archive has no size of {digest}, or two", HINT)
    if wanted != manifest.blobs.keys():
        raise ArchiveError("the archive holds files of no version", HINT)
