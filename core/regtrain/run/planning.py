"""A request → the plan of a run, with everything settled before plugins are asked about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regtrain.config import Resolved, load
from regtrain.hardware import detect
from regtrain.host import Host
from regtrain.plan import PlanOptions, make_plan
from regtrain.run.export import check_exports
from regtrain.run.initial import Initial, check_going_on, find_initial
from regtrain.run.inputs import WEIGHTS, Sources
from regtrain.run.open_registry import open_registry
from regtrain.run.register import check_version_keys
from regtrain.run.resume import Resume, find_resume, run_dir_of
from regtrain.run.retention import check_retention
from regtrain.run_dir import RunDir
from regtrain.types import Plan

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["Planned", "Request", "plan_resolved", "plan_run"]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. `flags`: canonical key → value."""

    config: Path
    overrides: Sequence[str] = ()
    flags: Mapping[str, object] = field(default_factory=dict)
    section: str | None = None
    resume: str | None = None
    allow_imports: tuple[str, ...] = ()
    cwd: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True)
class Planned:
    """A plan, the config that it was made from, and where the inputs of the run are now."""

    plan: Plan
    resolved: Resolved
    sources: Sources
    cwd: Path

    def registry(self, *, create: bool = False) -> Registry:
        return open_registry(self.cwd, self.resolved.base_dir, self.plan.config.registry, create=create)


def plan_run(request: Request, host: Host) -> Planned:
    """The plan of a run; no run folder is created."""
    resolved = load(request.config, overrides=request.overrides, flags=request.flags, section=request.section)
    return plan_resolved(resolved, host, request.cwd, resume=request.resume, allow_imports=request.allow_imports)


def plan_resolved(
    resolved: Resolved,
    host: Host,
    cwd: Path,
    *,
    resume: str | None = None,
    allow_imports: tuple[str, ...] = (),
    given: frozenset[str] = frozenset(),
) -> Planned:
    """The plan of a config. A config that lies in a run folder is that run's own: the run is resumed.

    Raises:
        RegtrainError, RegistryError: as `regtrain plan` reports them.
    """
    keys = resolved.config.registry
    owner = _own_run(resolved.path)
    if owner:
        resolved = replace(resolved, base_dir=_base_dir(owner, cwd))

    def registry() -> Registry:
        return open_registry(cwd, resolved.base_dir, keys)

    asked = resume or _from_config(resolved, owner)
    wanted = resolved.config.model.init_from
    found = find_resume(asked, cwd, registry) if asked else Resume(Sources(), "")
    if asked:
        check_going_on(wanted, found)
    initial = find_initial(wanted, registry()) if wanted and not asked else None
    sources = replace(found.sources, weights=initial.weights if initial else None)
    options = PlanOptions(
        cwd=cwd,
        resume=sources.resume,
        resumed_from=found.run_id,
        resumed_ended=found.ended,
        parents=_parents(found, initial, registry),
        init_from=initial.ref if initial else found.init_from,
        initial_weights=WEIGHTS if initial else None,
        allow_imports=allow_imports,
        given=given,
    )
    plan = make_plan(resolved, host, detect(), options)
    check_version_keys(plan)
    check_retention(plan)
    check_exports(plan, host)
    return Planned(plan, resolved, sources, cwd)


def _own_run(config: Path | None) -> RunDir | None:
    """The run whose own config this is."""
    owner = run_dir_of(config.absolute().parent) if config else None
    return owner if owner and config and owner.config.resolve() == config.resolve() else None


def _base_dir(owner: RunDir, cwd: Path) -> Path:
    """Where relative paths of a run's own config start: where the run was planned, if it is recorded in this folder.

    A folder from elsewhere names no place outside of itself: its code lies in it. For the same reason a database file
    that its config names is not asked.
    """
    from regtrain_registry import RegistryError

    plan = owner.read_plan()
    keys = plan.config.registry
    trusted = keys if keys.uri and not keys.uri.startswith("sqlite") else None
    try:
        known = open_registry(cwd, owner.path.parent, trusted).run(plan.run_id)
    except RegistryError:
        return owner.code
    return plan.base_dir if Path(known.run_dir).resolve() == owner.path.resolve() else owner.code


def _from_config(resolved: Resolved, owner: RunDir | None) -> str | None:
    """What checkpoint.resume_from names. In a run's own config it is where that run once began: the run is resumed from
    its newest checkpoint."""
    text = resolved.config.checkpoint.resume_from
    source = resolved.sources.get("checkpoint.resume_from")
    written = source is not None and source.kind in ("file", "overlay")
    if owner and (written or not text):
        return str(owner.path)
    if text and written and (resolved.base_dir / text).exists():
        return str(resolved.base_dir / text)
    return text


def _parents(found: Resume, initial: Initial | None, registry: Callable[[], Registry]) -> tuple[tuple[str, str], ...]:
    """The registered version that the run begins with or resumes: that of the run it resumes, or where that run has
    none, what that run itself came from."""
    from regtrain_registry import RegistryError

    if initial:
        return ((initial.ref, "fine_tuned_from"),)
    if found.version:
        return ((found.version, "resumed_from"),)
    if not found.run_id:
        return ()
    try:
        before = registry().run(found.run_id)
    except RegistryError:
        return ()  # the folder came from elsewhere: its run is not in this registry
    if before.model and before.version:
        return ((f"{before.model}@{before.version}", "resumed_from"),)
    return found.parents
