"""`regtrain run` and `regtrain plan`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from regtrain.checkpoint.keep import list_checkpoints
from regtrain.cli.output import json_option, number, print_json, print_table, say
from regtrain.errors import ConfigValueError
from regtrain.host import Host
from regtrain.run import Request, RunResult, plan_run
from regtrain.run import run as run_it
from regtrain.run_dir import Outcome, RunDir
from regtrain.types import Plan

__all__ = ["plan", "run"]

# Options that take several `key=value` words after them, as in `--optimizer-args momentum=0.9 nesterov=true`.
GREEDY = ("--optimizer-args", "--scheduler-args")

FLAGS = {
    "name": "experiment.name",
    "seed": "experiment.seed",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "optimizer.lr",
    "data_dir": "data.data_dir",
    "output_dir": "experiment.output_dir",
    "mixed_precision": "training.mixed_precision",
    "debug": "training.debug",
    "optimizer": "optimizer.name",
    "scheduler": "scheduler.name",
    "scheduler_interval": "scheduler.interval",
    "allow_nonfinite": "registry.allow_nonfinite",
    "launcher": "launcher.name",
    "nproc": "launcher.nproc",
    "nodes": "launcher.nodes",
    "num_gpus": "launcher.num_gpus",
    "partition": "launcher.partition",
    "queue": "launcher.queue",
    "walltime": "launcher.walltime",
    "memory": "launcher.memory",
}


class Greedy(click.Command):
    """Spreads `--optimizer-args a=1 b=2` into one option per word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


def spread(args: list[str]) -> list[str]:
    """`--optimizer-args a=1 b=2 --x` → `--optimizer-args a=1 --optimizer-args b=2 --x`.

    Raises:
        UsageError: no `key=value` follows.
    """
    out: list[str] = []
    greedy = ""
    for position, word in enumerate(args):
        name, equals, value = word.partition("=")
        name = name.replace("_", "-") if name.startswith("--") else name
        if word == "--":
            return [*out, *args[position:]]
        if name in GREEDY:
            greedy = name
            if equals:
                out += [greedy, value]
            elif not _is_pair(args[position + 1 : position + 2]):
                raise click.UsageError(f"{name} takes one or more KEY=VALUE words")
        elif greedy and _is_pair([word]):
            out += [greedy, word]
        else:
            greedy = ""
            out.append(word)
    return out


def _is_pair(words: list[str]) -> bool:
    return bool(words) and "=" in words[0] and not words[0].startswith("-")


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `run` and `plan` share, in the order of the help."""
    for option in reversed(
        [
            click.argument("config", required=False, metavar="CONFIG"),
            click.option("--config", "config_option", hidden=True),
            click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]..."),
            click.option("--name", help="Name of the run, and of the model unless the config says otherwise."),
            click.option("--seed", type=int),
            click.option("--epochs", type=int),
            click.option("--batch-size", type=int),
            click.option("--learning-rate", type=float),
            click.option("--data-dir"),
            click.option("--output-dir", help="Folder of the run folders."),
            click.option("--section", help="Stage of the config, where it has several."),
            click.option("--optimizer", help="Replaces the config's optimizer."),
            click.option("--optimizer-args", multiple=True, metavar="K=V ..."),
            click.option("--scheduler", help="Replaces the config's scheduler."),
            click.option("--scheduler-args", multiple=True, metavar="K=V ..."),
            click.option("--scheduler-interval", type=click.Choice(["epoch", "step"])),
            click.option("--mixed-precision", is_flag=True, default=None, help="What the hardware does well."),
            click.option("--debug", is_flag=True, default=None, help="One batch through every stage."),
            click.option("--allow-nonfinite", is_flag=True, default=None, help="Register weights that are not finite."),
            click.option("--resume", metavar="PATH|RUN|MODEL@VERSION", help="Go on from there."),
            click.option("--allow-import", multiple=True, metavar="PKG", help="Let the config import this package."),
            click.option("--launcher", help="Where the job runs: local, or what a plugin offers."),
            click.option("--nproc", type=int, help="Processes per node."),
            click.option("--nodes", type=int),
            click.option("--num-gpus", type=int, help="GPUs per node."),
            click.option("--partition", help="SLURM partition."),
            click.option("--queue", help="LSF queue."),
            click.option("--walltime", help="Time limit, e.g. 24:00."),
            click.option("--memory", type=float, help="Memory in GB."),
            json_option,
        ]
    ):
        command = option(command)
    return command


def _words(option: str | None, first: str | None, others: Sequence[str]) -> tuple[Path, list[str]]:
    """The one config, given as an argument or with --config, and the overrides."""
    words = [word for word in (option, first, *others) if word is not None]
    if not words:
        raise click.UsageError("Missing argument 'CONFIG'.", click.get_current_context())
    config, *overrides = words
    for word in overrides:
        if "=" in word:
            continue
        if Path(word).suffix in (".yaml", ".yml"):
            raise ConfigValueError(f"two configs are given: {config} and {word}", "a run has one; keep one of them")
        raise ConfigValueError(f"{word!r} is no key=value", "write e.g. training.epochs=20")
    return Path(config), overrides


def _request(options: dict[str, Any]) -> Request:
    # An empty value, as a script with an unset variable gives it, is none: the config's own holds.
    flags = {key: options[name] for name, key in FLAGS.items() if options.get(name) not in (None, "")}
    config, overrides = _words(options["config_option"], options["config"], options["overrides"])
    for section in ("optimizer", "scheduler"):
        overrides += [f"{section}.{word}" for word in options[f"{section}_args"]]
    return Request(
        config=config,
        overrides=overrides,
        flags=flags,
        section=options["section"] or None,
        resume=options["resume"] or None,
        allow_imports=tuple(options["allow_import"]),
    )


@click.command(cls=Greedy)
@_options
@click.option("--dry-run", is_flag=True, help="Show the plan; build and start nothing.")
def run(as_json: bool, dry_run: bool, **options: Any) -> None:
    """Train what CONFIG describes; register a version.

    KEY=VALUE overrides any key of the config, e.g. training.epochs=20.
    """
    request = _request(options)
    if dry_run:
        _show_plan(request, as_json)
        return
    result = run_it(request, _started)
    for note in result.notes:
        say(f"warning: {note}", err=True)
    if as_json:
        print_json(result.to_json())
    elif result.outcome is None:
        say(f"{result.status}: `regtrain runs sync {result.run_dir}` reads in what comes out of it")
    elif result.status == "finished":
        _tell(result, result.outcome)
    if result.status == "interrupted":
        _tell_how_to_resume(result, request)
    sys.exit(result.exit_code)


@click.command(cls=Greedy)
@_options
def plan(as_json: bool, **options: Any) -> None:
    """What a run of CONFIG would do, each automatic choice with its reason; builds nothing."""
    _show_plan(_request(options), as_json)


def _show_plan(request: Request, as_json: bool) -> None:
    made = plan_run(request, Host()).plan
    if as_json:
        choices = {choice.key: {"value": choice.value, "reason": choice.reason} for choice in made.choices}
        print_json({"run_name": made.run_name, "model": made.model_name, "resume": made.resume, "choices": choices})
        return
    rows = [(choice.key, choice.value, choice.reason) for choice in made.choices]
    print_table(("choice", "value", "reason"), rows)


def _started(made: Plan, run_dir: RunDir) -> None:
    chosen = {choice.key: choice for choice in made.choices}
    device, precision = chosen["training.device"].value, chosen["training.precision"].value
    bits = "32 bits" if precision == "32" else precision
    say(f"run {made.run_id}: {made.run_name} on {device}, {bits}, in {run_dir.path}", err=True)
    reason = chosen["training.precision"].reason
    if reason.startswith("mixed precision is off"):
        say(reason, err=True)


def _tell(result: RunResult, outcome: Outcome) -> None:
    shown = {k: v for k, v in outcome.metrics.items() if k in ("train/loss", "val/loss", "val/accuracy", "val/rmse")}
    measured = ", ".join(f"{key} {number(value)}" for key, value in shown.items())
    say(f"finished: {outcome.epochs} epochs, {outcome.steps} steps, {measured}")
    best = outcome.best
    if best:
        say(f"best: {best['metric']} {number(best['value'])} at step {best['step']}")
    if result.version:
        say(f"registered: {result.version.ref} ({'; '.join(result.version.bump.reasons[:2])})")
        if result.expired:
            first, more = result.expired[0], len(result.expired) - 1
            say(f"expired: {first.ref}{f' and {more} more' if more else ''} ({first.reason})")
        exported = [export.format for export in result.version.exports if export.passed]
        if exported:
            say(f"exported: {', '.join(exported)}, in {RunDir(result.run_dir).exports}")
    else:
        say("not registered: training.debug or registry.enabled: false")


def _tell_how_to_resume(result: RunResult, request: Request) -> None:
    run_dir = RunDir(result.run_dir)
    saved = list_checkpoints(run_dir.checkpoints(run_dir.read_plan().config))
    where = f"saved at step {saved[-1].step}" if saved else "nothing was saved"
    reason = result.outcome.reason if result.outcome else "a signal"
    say(f"stopped by {reason}; {where}", err=True)
    if saved:  # the run's own config has what was overridden on the command line too
        allowed = [word for package in request.allow_imports for word in ("--allow-import", package)]
        say(f"go on with:\n  {shlex.join(['regtrain', 'run', str(run_dir.config), *allowed])}", err=True)
