"""The semantic version of a registration: the part that the change of the recipe moves, or the one that was given."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, select

from regtrain_registry.db.columns import RECIPE, AnyRow, V, stored_recipe, version_of, version_text
from regtrain_registry.domain.recipe import Decision, decide
from regtrain_registry.domain.records import BumpRecord, Relation
from regtrain_registry.domain.registration import CheckedRegistration
from regtrain_registry.errors import VersionSyntaxError, VersionTakenError, WrongBumpError
from regtrain_registry.semver import FIRST, Bump, Version, above_line, next_free, next_version, sort_key, step

__all__ = ["choose_version"]

CONTINUES = (Relation.RESUMED_FROM, Relation.FINE_TUNED_FROM)

_WITH_RECIPE = select(V.major, V.minor, V.patch, V.prerelease, *RECIPE)
_HIGHEST = _WITH_RECIPE.where(V.model_id == bindparam("owner")).order_by(V.sort_key.desc()).limit(1)
_BELOW = _HIGHEST.where(V.sort_key < bindparam("bound"))
_ORIGIN = _HIGHEST.where(V.id.in_(bindparam("ids", expanding=True)))
_TAKEN = select(V.major, V.minor, V.patch, V.prerelease).where(V.model_id == bindparam("owner"))
_NUMBER = select(V.number).where(V.model_id == bindparam("owner"), V.sort_key == bindparam("key"))


def choose_version(
    connection: Connection, request: CheckedRegistration, model_id: int, edges: set[tuple[int, Relation]]
) -> tuple[Version, BumpRecord]:
    """The version of a registration, and the record of why it is that one."""
    registration = request.registration
    if request.wanted is not None:
        return _given(connection, request, model_id, request.wanted)
    base = _base(connection, model_id, edges)
    decision = decide(None if base is None else stored_recipe(base), request.recipe)
    record = partial(_record, decision, base)
    if base is None or decision.bump is None:
        return FIRST, record()
    bump = registration.bump or decision.bump
    too_small = bump.rank < decision.bump.rank
    if too_small and not registration.force:
        raise _wrong_bump(request, f"{bump} was asked for", decision)
    # Without parents the base is the highest of all, and so of its line.
    highest = _highest_of_line(connection, model_id, base, bump) if edges else base
    version = next_version(version_of(highest), bump)
    return version, record(bump, "bump given" if bump is not decision.bump else None, too_small)


def _given(
    connection: Connection, request: CheckedRegistration, model_id: int, wanted: Version
) -> tuple[Version, BumpRecord]:
    """A given version, compared with the one before it in the order of versions."""
    _check_free(connection, request, model_id)
    below = connection.execute(_BELOW, {"owner": model_id, "bound": sort_key(wanted)}).first()
    highest = connection.execute(_HIGHEST, {"owner": model_id}).first()
    decision = decide(None if below is None else stored_recipe(below), request.recipe)
    before = None if below is None else version_of(below)
    too_small = decision.bump is not None and before is not None and step(before, wanted).rank < decision.bump.rank
    if too_small and not request.registration.force:
        raise _wrong_bump(request, f"{wanted} was asked for after {before}", decision)
    overruled = None if wanted == _computed(highest, decision.bump or Bump.MAJOR) else "version given"
    return wanted, _record(decision, below, None if before is None else step(before, wanted), overruled, too_small)


def _computed(highest: AnyRow | None, bump: Bump) -> Version | None:
    """The version that would be next; None where the part that moves is at its end."""
    try:
        return next_version(None if highest is None else version_of(highest), bump)
    except VersionSyntaxError:
        return None


def _base(connection: Connection, model_id: int, edges: set[tuple[int, Relation]]) -> AnyRow | None:
    """The version to compare with: the parent of the same model that is continued, else the highest."""
    ids = [parent for parent, relation in edges if relation in CONTINUES]
    found = connection.execute(_ORIGIN, {"owner": model_id, "ids": ids}).first() if ids else None
    return found or connection.execute(_HIGHEST, {"owner": model_id}).first()


def _highest_of_line(connection: Connection, model_id: int, base: AnyRow, bump: Bump) -> AnyRow:
    """The highest version that shares with `base` the parts above the one that moves."""
    bound = above_line(version_of(base), bump)
    if bound is None:
        return connection.execute(_HIGHEST, {"owner": model_id}).one()
    return connection.execute(_BELOW, {"owner": model_id, "bound": bound}).one()


def _record(
    decision: Decision,
    base: AnyRow | None,
    bump: Bump | None = None,
    overruled: str | None = None,
    forced: bool = False,
) -> BumpRecord:
    kind = "first" if decision.bump is None else (bump or decision.bump).value
    computed = "first" if decision.bump is None else decision.bump.value
    return BumpRecord(kind, computed, decision.reasons, overruled, forced, None if base is None else version_text(base))


def _wrong_bump(request: CheckedRegistration, wish: str, decision: Decision) -> WrongBumpError:
    return WrongBumpError(
        f"{request.registration.model}: {wish}, but the change is {decision.bump}: {'; '.join(decision.reasons[:3])}",
        "Leave it to the evidence, or force it, which is recorded: --force, or registry.force=true for a run.",
    )


def _check_free(connection: Connection, request: CheckedRegistration, model_id: int) -> None:
    wanted = request.wanted or FIRST
    number = connection.execute(_NUMBER, {"owner": model_id, "key": sort_key(wanted)}).scalar()
    if number is not None:
        taken = {version_text(row) for row in connection.execute(_TAKEN, {"owner": model_id})}
        raise VersionTakenError(
            f"{request.registration.model}@{wanted} exists (number {number})",
            f"Next free: {', '.join(next_free(wanted, taken)) or 'none'}.",
        )
