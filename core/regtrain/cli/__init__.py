"""The command line. Commands are imported when they are called, so that `--help` and lists stay quick."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from regtrain.cli.lazy import LazyGroup
from regtrain.cli.output import say
from regtrain.errors import Guard

__all__ = ["main"]

SETTINGS = {"help_option_names": ["-h", "--help"], "token_normalize_func": lambda token: token.replace("_", "-")}

COMMANDS = {
    "run": ("regtrain.cli.run:run", "Train; register a version."),
    "plan": ("regtrain.cli.run:plan", "What a run would do, each automatic choice with its reason; builds nothing."),
    "init": ("regtrain.cli.init:init", "A commented config and a model file to start from."),
    "config": ("regtrain.cli.config:config", "Look at a config: show, check, schema, explain."),
    "models": (
        "regtrain.cli.models:models",
        "Registered models: list, show, versions, promote, prune, checkout and more.",
    ),
    "runs": ("regtrain.cli.runs:runs", "Recorded runs: list, show, compare, sync, cancel."),
    "checkpoints": ("regtrain.cli.runs:checkpoints", "Checkpoints of a run: list, best, prune."),
    "registry": ("regtrain.cli.registry:registry", "The registry itself: upgrade, du, gc, fsck, backup."),
    "plugins": ("regtrain.cli.plugins:plugins", "Installed plugins: list, show."),
}

HELP_SECONDS = 2.0  # for the import of one plugin, when all that is asked for is a list of commands


class Root(LazyGroup):
    """regtrain's own commands; those of plugins follow."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(offer.name for offer in _plugin_commands(of_others=True))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        for offer in _plugin_commands(of_others=False):
            if offer.name == cmd_name:
                with Guard() as call:
                    made: click.Command = offer.factory()
                call.check(f"command {cmd_name!r} of {offer.distribution}")
                return made
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, line) for name, (_, line) in COMMANDS.items()]
        rows += [(o.name, f"From plugin {o.plugin} of {o.distribution}.") for o in _plugin_commands(of_others=True)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugin_commands(*, of_others: bool) -> list[Any]:
    """Commands that plugins offer. What ships with regtrain offers none, so that help need not load it."""
    from regtrain.host import GROUP, Host, installed

    points = [p for p in installed() if not of_others or (p.dist and p.dist.name != GROUP)]
    if not points:
        return []
    host = Host(points, HELP_SECONDS if of_others else None)
    offers = host.offers("commands")
    for info in host.plugins if of_others else ():
        if "TimeoutError" in info.error:
            say(f"warning: plugin {info.name!r} of {info.distribution} is left out: {info.error}", err=True)
    return [replace(o, name=f"{o.distribution}:{o.name}") if o.name in COMMANDS else o for o in offers]


@click.group(cls=Root, commands_at=COMMANDS, context_settings=SETTINGS)
@click.version_option(package_name="regtrain")
def root() -> None:
    """Train a PyTorch model from a YAML file; get a registered, versioned model.

    Exit codes: 0 done, 1 a check did not hold, 2 bad input, 3 conflict, 4 integrity, 5 environment, 75 saved and
    asks to be run again. -v before or after a command shows the trace of an error.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code; errors go to standard error in one or two lines."""
    os.umask(os.umask(0) | 0o002)  # run folders and stores are not for everybody to write into
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    verbose = any(option in ("-v", "--verbose") for option in options)
    arguments = [argument for argument in arguments if argument not in ("-v", "--verbose")]
    try:
        code = root.main(arguments, prog_name="regtrain", standalone_mode=False)
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as problem:
        sys.exit(_report(problem, "--json" in options, verbose))
    sys.exit(code if isinstance(code, int) else 0)


def _report(problem: Exception, as_json: bool, verbose: bool) -> int:
    """Print an error and return its exit code; what is not known to be an error of the user keeps its trace."""
    code, message, hint, exit_code = _described(problem)
    details = getattr(problem, "details", {}) if hasattr(problem, "hint") else {}
    for warning in getattr(problem, "warnings", ()):
        say(f"warning: {warning}", err=True)
    if verbose:
        traceback.print_exception(problem)
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message, "hint": hint} | details}), file=sys.stderr)
    else:
        say(f"error: {message}", err=True)
        if hint:
            say("  " + hint.replace("\n", "\n  "), err=True)
    return exit_code


def _described(problem: Exception) -> tuple[str, str, str, int]:
    if isinstance(problem, click.ClickException):
        context = getattr(problem, "ctx", None)
        hint = f"`{context.command_path} --help` shows what it takes" if context else ""
        return "usage", problem.format_message(), hint, 2
    if hasattr(problem, "exit_code") and hasattr(
        problem, "hint"
    ):  # of the core or of the registry, which is on its own
        return str(getattr(problem, "code", "error")), problem.message, problem.hint, problem.exit_code  # type: ignore[attr-defined]
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return "environment", f"{where}{problem.strerror or problem}", "", 5
    if isinstance(problem, OverflowError) and "timestamp" in str(problem):  # Python counts no further than 2262
        message = "the clock of this machine is set to a time that Python cannot represent"
        return "environment", message, "set the clock", 5
    return "internal", f"{type(problem).__name__}: {problem}", "this is a fault of regtrain; -v shows the trace", 1
