"""The face of the registry that answers what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regtrain_registry.domain.records import ModelInfo, ParentLink, VersionDetail, VersionInfo
from regtrain_registry.doors.opened import Opened
from regtrain_registry.ops import read
from regtrain_registry.ops.resolve import find, model_id
from regtrain_registry.refs import check_name, parse_ref
from regtrain_registry.validation import check_limit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.domain.differences import Differences
    from regtrain_registry.domain.lineage import DataLineage, Lineage

__all__ = ["Reading"]


class Reading(Opened):
    """Models, versions, and how they relate."""

    def models(
        self, filter: str | None = None, order_by: str | None = None, limit: int | None = None
    ) -> list[ModelInfo]:
        """Models that a filter chooses, by name or in the order asked for; `FilterSyntaxError`.

        limit: how many at most, from 1; `ArgumentError`. So it is wherever there is one.
        """
        check_limit(limit)
        if filter is None and order_by is None:
            return self._database.read(read.models)[:limit]
        from regtrain_registry.ops import listing  # a plain list needs none of it
        from regtrain_registry.query import columns, parse_filter, parse_order

        wanted = None if filter is None else parse_filter(filter, columns.MODELS)
        order = () if order_by is None else parse_order(order_by, columns.MODELS)

        def work(connection: Connection) -> list[ModelInfo]:
            return read.models_of(connection, listing.model_ids(connection, wanted, order, limit))

        return self._database.read(work)

    def versions(
        self, model: str, limit: int | None = None, *, filter: str | None = None, order_by: str | None = None
    ) -> list[VersionInfo]:
        """The versions of a model, highest first; `ModelNotFoundError`, `FilterSyntaxError`."""
        if filter is not None or order_by is not None:
            return self.search(filter, order_by, limit, model)
        name = check_name(model)
        check_limit(limit)
        return self._database.read(lambda connection: read.all_of(connection, model_id(connection, name), limit))

    def search(
        self, filter: str | None = None, order_by: str | None = None, limit: int | None = None, model: str | None = None
    ) -> list[VersionInfo]:
        """The versions that a filter chooses, of every model or of one.

        Without an order the newest come first, of one model the highest. What has no value to order by comes last,
        ties go by number, the highest first. `FilterSyntaxError`, `ModelNotFoundError`.
        """
        from regtrain_registry.query import columns, parse_filter, parse_order, search

        check_limit(limit)
        wanted = None if filter is None else parse_filter(filter, columns.VERSIONS)
        order = () if order_by is None else parse_order(order_by, columns.VERSIONS)
        name = None if model is None else check_name(model)

        def work(connection: Connection) -> list[VersionInfo]:
            owner = None if name is None else model_id(connection, name)
            return read.of_ids(connection, search.version_ids(connection, wanted, order, limit, owner))

        return self._database.read(work)

    def resolve(self, ref: str) -> VersionInfo:
        """The version that a ref names; `RefSyntaxError`, `ModelNotFoundError` or `VersionNotFoundError`."""
        return self.show(ref)

    def show(self, ref: str) -> VersionDetail:
        """The version that a ref names, with its config."""
        parsed = parse_ref(ref)
        return self._database.read(lambda connection: read.detail(connection, find(connection, parsed)))

    def parents(self, ref: str) -> list[ParentLink]:
        """The versions that a version came from, each as `NAME@VERSION`."""
        return self.show(ref).parents

    def lineage(self, ref: str, down: bool = False) -> Lineage:
        """The version that a ref names with all its ancestors, or with all its descendants (`down`)."""
        from regtrain_registry.ops import lineage  # lists do not need its statements

        parsed = parse_ref(ref)
        return self._database.read(lambda connection: lineage.lineage(connection, find(connection, parsed), down))

    def seeing(self, digest: str) -> DataLineage:
        """Every version that saw the data with this digest, itself or through its parents.

        digest: as it is recorded (`sha256:…`), or its first digits, at least 8, without a prefix those of a SHA-256.
        Errors: `DigestSyntaxError`.
        """
        from regtrain_registry.ops import lineage

        asked = lineage.check_digest(digest)
        return self._database.read(lambda connection: lineage.seeing(connection, asked))

    def diff(self, old: str, new: str) -> Differences:
        """What differs between the versions that two refs name, of one model or of two."""
        from regtrain_registry.ops import lineage

        parsed = parse_ref(old), parse_ref(new)

        def work(connection: Connection) -> Differences:
            before, after = (find(connection, ref) for ref in parsed)
            return lineage.compare(connection, before, after)

        return self._database.read(work)
