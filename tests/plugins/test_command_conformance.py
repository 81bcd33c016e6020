"""The conformance class for commands finds the faults it is there for: each is given one."""

from __future__ import annotations

import click
import pytest

from regtrain.testing import CommandConformance


@click.group()
def good() -> None:
    """Numbers of runs."""


@good.command()
@click.option("--loud", is_flag=True, help="In capitals.")
def shout(loud: bool) -> None:
    """Print one."""


@click.command()
@click.option("--loud", is_flag=True)
def silent_option(loud: bool) -> None:
    """Print one."""


@click.group()
def silent_below() -> None:
    """Numbers of runs."""


@silent_below.command()
def below() -> None:
    pass


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def takes_all(words: tuple[str, ...]) -> None:
    """Print one."""


def test_commands_that_say_too_little_or_take_too_much() -> None:
    """A command without help, an option without help, one that takes every option, one that is no command."""
    case = CommandConformance()

    for check in (case.test_it_has_help, case.test_its_options_are_described, case.test_an_unknown_option_is_bad_input):
        check(lambda: good, "good")
    case.test_its_name_can_be_typed("good")
    with pytest.raises(AssertionError, match="silent-option: no help for --loud"):
        case.test_its_options_are_described(lambda: silent_option, "silent-option")
    with pytest.raises(AssertionError, match="silent-below below has no docstring"):
        case.test_it_has_help(lambda: silent_below, "silent-below")
    with pytest.raises(AssertionError, match="takes-all --no-such-option exits 0"):
        case.test_an_unknown_option_is_bad_input(lambda: takes_all, "takes-all")
    with pytest.raises(AssertionError, match="the same object"):
        case.test_it_is_a_command(lambda: good)
    with pytest.raises(AssertionError):
        case.test_it_is_a_command(lambda: "good")  # type: ignore[arg-type,return-value]
    for name in ("Two Words", "-x", "Upper"):
        with pytest.raises(AssertionError):
            case.test_its_name_can_be_typed(name)
