"""Plugins that do not load, hang or clash, and the names of a config that none of them offers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regtrain.config import Config
from regtrain.doctor.rows import Row, failed
from regtrain.doctor.trackers import installed_rows
from regtrain.errors import RegtrainError
from regtrain.host import Host, PluginInfo, not_installed
from regtrain.host.survey import usable_points
from regtrain.plan import NO_EVALUATOR
from regtrain.types import Kind

__all__ = ["find", "named_in", "plugin_rows"]


def find(infos: Sequence[PluginInfo], config: Config | None) -> Sequence[Row]:
    """Rows `plugins` and one for each that has a fault; one for each name in the config that cannot be had, or without
    a config one for each tracker. `infos`: of a survey.
    """
    host = Host(usable_points(infos))
    named = installed_rows(host) if config is None else _named_rows(config, host)
    return [*plugin_rows(infos, not_installed()), *named]


def plugin_rows(infos: Sequence[PluginInfo], unknown: Sequence[str]) -> Iterator[Row]:
    """Rows of all plugins; `unknown`: names in REGTRAIN_LOAD_PLUGINS that are not installed."""
    used = [info for info in infos if not info.error]
    others = sorted({info.distribution for info in used} - {"regtrain"})
    yield Row("plugins", "ok", f"{len(used)} in use, of regtrain{''.join(f', {name}' for name in others)}")
    for info in infos:
        name = f"plugin {info.name}"
        if info.error:
            remedy = f"mend, upgrade or uninstall {info.distribution}; a run that asks for what it offers is refused"
            yield Row(name, "failure", f"of {info.distribution} {info.version} is left out: {info.error}", remedy)
        elif info.clashes and info.distribution != "regtrain":
            remedy = f"say which is meant: {info.distribution}:NAME, or regtrain:NAME"
            yield Row(name, "warning", "; ".join(info.clashes), remedy)
    for name in unknown:
        message = f"REGTRAIN_LOAD_PLUGINS names {name!r}, which is no installed plugin or distribution"
        yield Row("plugins", "warning", message, "`regtrain plugins list` shows the names")


def _named_rows(config: Config, host: Host) -> Iterator[Row]:
    """A row for each name that cannot be had, or one that all can."""
    wrong, count = [], 0
    for key, kind, name in named_in(config):
        count += 1
        try:
            host.offer(kind, name)
        except RegtrainError as problem:
            wrong.append(failed(key, problem))
    yield from wrong
    if not wrong:
        yield Row("config", "ok", f"{count} names in it are on offer, with the packages that they need")


def named_in(config: Config) -> Iterator[tuple[str, Kind, str]]:
    """Key, kind and name of what the config has a plugin for; trackers have checks of their own."""
    evaluator = config.evaluation.evaluator.name
    single: list[tuple[str, Kind, str | None]] = [
        ("experiment.task", "tasks", config.experiment.task),
        ("model.name", "models", config.model.name),
        ("data.name", "datasets", config.data.name),
        ("optimizer.name", "optimizers", config.optimizer.name),
        ("scheduler.name", "schedulers", config.scheduler.name if config.scheduler else None),
        ("evaluation.evaluator.name", "evaluators", None if evaluator == NO_EVALUATOR else evaluator),
        ("distributed.strategy", "strategies", config.distributed.strategy),
        ("launcher.name", "launchers", config.launcher.name),
    ]
    for part, group in config.optimizer.groups.items():
        single.append((f"optimizer.groups.{part}.name", "optimizers", group.name))
        if group.scheduler:
            single.append((f"optimizer.groups.{part}.scheduler.name", "schedulers", group.scheduler.name))
    single += [(f"callbacks.{name}", "callbacks", name) for name, keys in config.callbacks.items() if keys.enabled]
    single += [("export.formats", "exporters", name) for name in config.export.formats]
    yield from ((key, kind, name) for key, kind, name in single if name)
