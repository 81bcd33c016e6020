"""The face of the registry that hands out files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry.domain.records import ArtifactKind, VersionDetail, VersionInfo, VersionStatus
from regtrain_registry.doors.reading import Reading
from regtrain_registry.errors import VersionCollectedError
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import parse_ref

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.cards.card import CardFacts
    from regtrain_registry.cards.checkout_extras import Signed
    from regtrain_registry.domain.verification import Report, Verification
    from regtrain_registry.store.content import Part

__all__ = ["Files"]


class Files(Reading):
    """What versions are made of."""

    def checkout(self, ref: str, folder: str | Path, *, bare: bool = False) -> list[Path]:
        """Copy a version's files to a new or empty folder, each verified; the paths of all that is there then.

        Beside them stand the card, plots where matplotlib is installed, and signatures; `bare`: the files alone.
        """
        from regtrain_registry.ops import checkout

        version = _with_files(self.show(ref))
        parts = self._parts(version)
        if bare:
            return checkout.unpack(version, self._store, Path(folder), parts)
        from regtrain_registry.cards.checkout_extras import write_beside

        facts, signatures = self._said(version.ref)
        add = partial(write_beside, facts, signatures)
        return checkout.unpack(version, self._store, Path(folder), parts, add)

    def card(self, ref: str) -> str:
        """The model card of a version: Markdown with a head as Hugging Face reads it. Without plots."""
        from regtrain_registry.cards.card import model_card

        return model_card(self._said(ref)[0])

    def verify(self, ref: str, key: str | Path | None = None) -> Verification:
        """Read every file of a version and hold it against its digest; what was found.

        key: a public key in a PEM file, whose signature must cover all of it. Errors: `NotSignedError`,
        `SignatureBrokenError`; `VersionCollectedError` where the files are gone.
        """
        from regtrain_registry.ops.fsck import check_version

        version = _with_files(self.show(ref))
        found = check_version(version, self._store, self._parts(version))
        if key is None or found.damaged:
            return found
        from regtrain_registry.ops import signatures
        from regtrain_registry.ops.history import Work

        work = Work(self.who, datetime.now(UTC))
        return replace(found, signed_by=signatures.verify(self._database, self._store, version, Path(key), work))

    def sign(self, ref: str, key: str | Path, password: str | None = None) -> VersionInfo:
        """Sign files, config, data and parents of a version with a private key in a PEM file; another signature by the
        same key is replaced.

        Errors: `SigningKeyError`, `SigningUnavailableError`; `BlobDamagedError` for a file that is not what it was.
        """
        from regtrain_registry.ops import signatures
        from regtrain_registry.ops.history import Work

        version = _with_files(self.show(ref))
        signatures.sign(self._database, self._store, version, Path(key), password, Work(self.who, datetime.now(UTC)))
        return version

    def fsck(self, *, read_data: bool = False, repair: bool = False) -> Report:
        """Whether rows and store are whole. read_data: every byte is read. repair: damaged files are moved aside, to
        the store's `quarantine/`; rows are never changed."""
        from regtrain_registry.ops.fsck import check_registry

        return check_registry(self._database, self._store, read=read_data, repair=repair)

    def open_artifact(self, ref: str, kind_or_name: str = ArtifactKind.WEIGHTS) -> Path:
        """A verified local path of one file of a version, by its name or kind; not to be written to."""
        from regtrain_registry.ops import checkout

        version = _with_files(self.show(ref))
        return checkout.verified_path(version, self._store, str(kind_or_name), self._parts(version))

    def _said(self, ref: str) -> tuple[CardFacts, list[Signed]]:
        """What the card is filled from, and who has signed the version."""
        from regtrain_registry.ops.card_facts import card_facts
        from regtrain_registry.ops.signatures import of_version

        parsed = parse_ref(ref)

        def work(connection: Connection) -> tuple[CardFacts, list[Signed]]:
            version_id = find(connection, parsed)
            return card_facts(connection, version_id), of_version(connection, version_id)

        return self._database.read(work)

    def _parts(self, version: VersionInfo) -> Mapping[str, tuple[Part, ...]]:
        """What those of its files are composed of that are."""
        from regtrain_registry.ops.blobs import composed

        digests = [artifact.digest for artifact in version.artifacts]
        return self._database.read(lambda connection: composed(connection, digests))


def _with_files(version: VersionDetail) -> VersionDetail:
    """The version; `VersionCollectedError` where its files are gone."""
    if version.status is VersionStatus.COLLECTED:
        since = f" on {version.marks.since:%Y-%m-%d}" if version.marks.since else ""
        raise VersionCollectedError(
            f"{version.ref} was collected{since}: its files are gone", "Its row, lineage and metrics are what is left."
        )
    return version
