"""The face of the registry that hands out files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain_registry.domain.records import ArtifactKind, VersionDetail, VersionInfo, VersionStatus
from regtrain_registry.doors.reading import Reading
from regtrain_registry.errors import NotSignedError, SignatureBrokenError, VersionCollectedError
from regtrain_registry.ops.resolve import find
from regtrain_registry.refs import parse_ref

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.cards.card import CardFacts
    from regtrain_registry.cards.checkout_extras import Signed
    from regtrain_registry.domain.verification import Report, Verification
    from regtrain_registry.store.blob import Blob

__all__ = ["Files"]


class Files(Reading):
    """What versions are made of."""

    def checkout(self, ref: str, folder: str | Path, *, bare: bool = False) -> list[Path]:
        """Copy a version's files to a new or empty folder, each verified; the paths of all that is there then.

        Beside them stand the card, plots where matplotlib is installed, and signatures; `bare`: the files alone.
        """
        from regtrain_registry.ops import checkout

        version = _with_files(self.show(ref))
        blobs = self._blobs(version)
        if bare:
            return checkout.unpack(version, self._store, Path(folder), blobs)
        from regtrain_registry.cards.checkout_extras import write_beside

        facts, signatures = self._said(version.ref)
        add = partial(write_beside, facts, signatures)
        return checkout.unpack(version, self._store, Path(folder), blobs, add)

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
        found = check_version(version, self._store, self._blobs(version))
        if key is None or found.damaged:
            return found
        return replace(found, signed_by=self._verify_signature(version, Path(key)))

    def sign(self, ref: str, key: str | Path, password: str | None = None) -> VersionInfo:
        """Sign files, config, data and parents of a version with a private key in a PEM file; another signature by the
        same key is replaced.

        Errors: `SigningKeyError`, `SigningUnavailableError`; `BlobDamagedError` for a file that is not what it was.
        """
        from regtrain_registry import signing
        from regtrain_registry.ops.history import Work
        from regtrain_registry.ops.lifecycle import hold
        from regtrain_registry.ops.signatures import record_signature, statement_of

        version = _with_files(self.show(ref))
        signing.check_names(version)
        exact = parse_ref(version.ref)
        said = self._database.read(lambda connection: statement_of(connection, find(connection, exact)))
        with self._unpacked(version) as folder:
            signed = signing.sign_folder(folder, version, said, Path(key), password)
        work = Work(self.who, datetime.now(UTC))
        self._database.write(lambda connection: record_signature(hold(connection, exact), signed, work))
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
        return checkout.verified_path(version, self._store, str(kind_or_name), self._blobs(version))

    def _verify_signature(self, version: VersionDetail, key: Path) -> str:
        """The id of the key whose signature holds."""
        from regtrain_registry import signing
        from regtrain_registry.ops.signatures import of_version, statement_of

        key_id, exact = signing.key_id_of(key), parse_ref(version.ref)

        def work(connection: Connection) -> tuple[list[Signed], str]:
            version_id = find(connection, exact)
            return of_version(connection, version_id), statement_of(connection, version_id)

        signatures, found = self._database.read(work)
        signed = next((one for one in signatures if one.key_id == key_id), None)
        if signed is None:
            others = ", ".join(one.key_id[:16] for one in signatures) or "nobody"
            raise NotSignedError(f"{version.ref} is not signed with {key}", f"It is signed by {others}.")
        changed = signing.changed_parts(signed.statement, found)
        if changed:
            raise SignatureBrokenError(
                f"{version.ref}: the registry says of {', '.join(changed)} what was not signed",
                "Its rows were changed after it was signed.",
            )
        with self._unpacked(version) as folder:
            signing.verify_folder(folder, signed, key)
        return key_id

    @contextmanager
    def _unpacked(self, version: VersionDetail) -> Iterator[Path]:
        """A version's files in a folder that goes with the block."""
        from regtrain_registry.ops import checkout
        from regtrain_registry.store.streams import scratch_folder

        with scratch_folder() as place:
            folder = place / version.ref
            checkout.unpack(version, self._store, folder, self._blobs(version))
            yield folder

    def _said(self, ref: str) -> tuple[CardFacts, list[Signed]]:
        """What the card is filled from, and who has signed the version."""
        from regtrain_registry.ops.card_facts import card_facts
        from regtrain_registry.ops.signatures import of_version

        parsed = parse_ref(ref)

        def work(connection: Connection) -> tuple[CardFacts, list[Signed]]:
            version_id = find(connection, parsed)
            return card_facts(connection, version_id), of_version(connection, version_id)

        return self._database.read(work)

    def _blobs(self, version: VersionInfo) -> Mapping[str, Blob]:
        """The blobs of a version's files, by their digest."""
        from regtrain_registry.ops.chunks import load_blobs

        sizes = {artifact.digest: artifact.size_bytes for artifact in version.artifacts}
        return self._database.read(lambda connection: load_blobs(connection, sizes))


def _with_files(version: VersionDetail) -> VersionDetail:
    """The version; `VersionCollectedError` where its files are gone."""
    if version.status is VersionStatus.COLLECTED:
        since = f" on {version.marks.since:%Y-%m-%d}" if version.marks.since else ""
        raise VersionCollectedError(
            f"{version.ref} was collected{since}: its files are gone", "Its row, lineage and metrics are what is left."
        )
    return version
