"""What commands of the command line owe."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import click
from click.testing import CliRunner

from regtrain.testing.offered import Offered
from regtrain.types import Kind

__all__ = ["CommandConformance"]


class CommandConformance(Offered):
    """A command says what it does, describes its options, and refuses what it does not know.

    ```python
    class TestBest(CommandConformance):
        module = "regtrain_best"
        offers = "best"
    ```
    """

    kind: ClassVar[Kind] = "commands"

    def test_it_is_a_command(self, factory: Callable[..., click.Command]) -> None:
        """The factory makes a click command without arguments, each time a new one."""
        command = factory()
        assert isinstance(command, click.Command)
        assert factory() is not command, "two calls give the same object, which a caller may have changed"

    def test_its_name_can_be_typed(self, name: str) -> None:
        """One word that is no option: letters, digits and hyphens, as a person types it."""
        assert name.replace("-", "").isalnum() and not name.startswith("-")
        assert name == name.lower()

    def test_it_has_help(self, factory: Callable[..., click.Command], name: str) -> None:
        """`--help` says what the command does, and exits 0; so it is for each command of a group."""
        for path, command in _commands(name, factory()):
            assert command.get_short_help_str().strip(), f"{path} has no docstring"
            done = CliRunner().invoke(command, ["--help"], prog_name=path)
            assert done.exit_code == 0, done.output
            assert path in done.output

    def test_its_options_are_described(self, factory: Callable[..., click.Command], name: str) -> None:
        """Every option has a line of help."""
        for path, command in _commands(name, factory()):
            options = [option for option in command.params if isinstance(option, click.Option)]
            silent = [option.opts[0] for option in options if not (option.help or option.hidden)]
            assert silent == [], f"{path}: no help for {', '.join(silent)}"

    def test_an_unknown_option_is_bad_input(self, factory: Callable[..., click.Command], name: str) -> None:
        """An option that it does not have is named, and the exit code is 2."""
        for path, command in _commands(name, factory()):
            done = CliRunner().invoke(command, ["--no-such-option"], prog_name=path)
            assert done.exit_code == 2, f"{path} --no-such-option exits {done.exit_code}"
            assert "--no-such-option" in done.output


def _commands(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
    """The command and those below it, each with what a person types."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                found += _commands(f"{path} {name}", below)
    return found
