"""Names of models, aliases, artifacts and versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry.errors import NameNotAllowedError, RefSyntaxError, RegistryError
from regtrain_registry.refs import (
    Alias,
    Exact,
    Latest,
    Number,
    Ref,
    Within,
    check_alias,
    check_artifact_name,
    check_name,
    parse_ref,
    slug,
)
from regtrain_registry.semver import parse_range, parse_version


@pytest.mark.parametrize("scheme", ["", "models:/"])
@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("digits", Latest()),
        ("digits@latest", Latest()),
        ("digits/latest", Latest()),
        ("digits@1.4.0", Exact(parse_version("1.4.0"))),
        ("digits/1.4.0", Exact(parse_version("1.4.0"))),
        ("digits@1.4.0-rc.1", Exact(parse_version("1.4.0-rc.1"))),
        ("digits@^1.4", Within(parse_range("^1.4"))),
        ("digits@~1.4.2", Within(parse_range("~1.4.2"))),
        ("digits@>=1,<2", Within(parse_range(">=1,<2"))),
        ("digits@champion", Alias("champion")),
        ("digits/3", Number(3)),
    ],
)
def test_every_form_is_understood(scheme: str, text: str, selector: object) -> None:
    """The forms are those of the command line, with and without MLflow's scheme."""
    assert parse_ref(scheme + text) == Ref("digits", selector)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["digits@1.4.0", "digits@^1.4", "digits@champion", "digits/3", "digits@latest"])
def test_a_ref_is_written_as_it_is_read(text: str) -> None:
    """Text to value to text gives the text."""
    assert str(parse_ref(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "digits@",
        "digits@1",
        "digits@1.4",
        "digits@v3",
        "digits@Champion",
        "digits/",
        "digits/0",
        "digits/x",
        "digits/99999999999",
        "digits@1.0.0+",
        "digits/٣",
    ],
)
def test_bad_selectors_are_refused_with_the_forms(text: str) -> None:
    """What follows the name must be one of the forms."""
    with pytest.raises(RefSyntaxError) as caught:
        parse_ref(text)
    assert "rite" in caught.value.hint


@given(st.text(max_size=40))
def test_any_text_is_a_ref_or_one_of_our_errors(text: str) -> None:
    """Parsing never raises anything else."""
    try:
        parse_ref(text)
    except RegistryError as error:
        assert error.exit_code == 2


@pytest.mark.parametrize("name", ["a", "digits-mlp", "resnet50.v2", "a_b", "0", "a" * 64, "console"])
def test_good_names(name: str) -> None:
    """Lower-case letters, digits and the three signs inside."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "-a",
        "a-",
        ".a",
        "a.",
        "a..b",
        "a/b",
        "a b",
        "a" * 65,
        "ü",
        "a\n",
        "con",
        "nul.txt",
        "lpt1",
        "../x",
        "a@b",
        "a\x00",
    ],
)
def test_bad_names_are_refused(name: str) -> None:
    """Nothing that could be a path, a device, or two names in another letter case."""
    with pytest.raises(NameNotAllowedError):
        check_name(name)


def test_a_bad_name_comes_with_a_proposal() -> None:
    """The hint shows a name that works."""
    with pytest.raises(NameNotAllowedError) as caught:
        check_name("My Model")
    assert "my-model" in caught.value.hint


@given(st.text(max_size=200))
def test_a_slug_is_always_a_name(text: str) -> None:
    """Any text at all gives a legal name."""
    assert check_name(slug(text))


@given(st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", fullmatch=True))
def test_the_slug_of_a_name_is_the_name(name: str) -> None:
    """What is legal stays as it is."""
    try:
        check_name(name)
    except NameNotAllowedError:
        return
    assert slug(name) == name


def test_a_slug_is_readable() -> None:
    """Letters lose their marks, other signs become one hyphen."""
    assert slug("  Modèle d'Été / v2 ") == "modele-d-ete-v2"


@pytest.mark.parametrize("name", ["latest", "v3", "1.4.0", "3", "Champion", "", "con", "a..b"])
def test_aliases_that_would_be_read_as_something_else_are_refused(name: str) -> None:
    """An alias never looks like a version, a number or `latest`."""
    with pytest.raises(NameNotAllowedError):
        check_alias(name)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=20))
def test_every_alias_that_is_allowed_can_be_named(name: str) -> None:
    """check_alias and parse_ref agree."""
    try:
        check_alias(name)
    except NameNotAllowedError:
        return
    assert parse_ref(f"m@{name}").selector == Alias(name)


@pytest.mark.parametrize("name", ["model.safetensors", "logs/metrics.jsonl", "README.md", "__init__.py", "a/b/c.txt"])
def test_good_artifact_names(name: str) -> None:
    """Relative paths of plain parts."""
    assert check_artifact_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        ".hidden",
        "-rf",
        "a\\b",
        "C:x",
        "nul",
        "logs/NUL.txt",
        "a\x00",
        "a" * 256,
        "x.",
    ],
)
def test_artifact_names_that_leave_their_folder_are_refused(name: str) -> None:
    """Nothing absolute, upward, hidden, or special on some system."""
    with pytest.raises(NameNotAllowedError):
        check_artifact_name(name)
