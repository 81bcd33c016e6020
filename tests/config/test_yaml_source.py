"""Reading YAML: YAML 1.2 scalars, the place of every key, and everything that is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.config.scalars import dump
from regtrain.config.yaml_source import parse, read_file
from regtrain.errors import ConfigFileError


def value(text: str) -> Any:
    """The value of one scalar as the loader sees it."""
    return parse(f"a: {text}", "run.yaml").values["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4", 0.0001),
        ("1e-8", 1e-8),
        ("1.0e-5", 1e-5),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("1.10", 1.1),
        ("1.", 1.0),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("24:00", "24:00"),
        ("12:00:00", "12:00:00"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("NULL", None),
        ("2024-12-08", "2024-12-08"),
        ("1_000", "1_000"),
        ("1.2.3", "1.2.3"),
        ("'10'", "10"),
        ('"true"', "true"),
        ("!!str 10", "10"),
        ("! 10", "10"),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("e5", "e5"),
        (".", "."),
        ("+", "+"),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, expected: object) -> None:
    """Numbers, booleans and null are those of YAML 1.2's core schema; all else is text."""
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_nan_is_a_number() -> None:
    """Only a number in the loader; the config refuses it later by its key."""
    assert value(".nan") != value(".nan")


def test_every_key_knows_its_place() -> None:
    """Lines and columns count from 1, below merges too."""
    document = parse("a: 1\nb: &x\n  c: 2\nd:\n  <<: *x\n  e: 3\n", "run.yaml")
    places = {path: (mark.line, mark.column) for path, mark in document.marks.items()}
    assert places == {
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", "c"): (3, 3),
        ("d",): (4, 1),
        ("d", "c"): (3, 3),
        ("d", "e"): (6, 3),
    }
    assert document.values == {"a": 1, "b": {"c": 2}, "d": {"c": 2, "e": 3}}


def test_own_keys_win_over_merged_ones() -> None:
    """So do the first of several merged mappings."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\n"
    assert parse(text, "run.yaml").values["c"] == {"x": 1, "y": 1, "z": 3}


def test_an_alias_is_a_copy() -> None:
    """To change one place does not change the other."""
    values = parse("a: &a [1]\nb: *a\n", "run.yaml").values
    values["a"].append(2)
    assert values["b"] == [1]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "---\n...\n", "null"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    """Nothing given is not an error."""
    assert parse(text, "run.yaml").values == {}


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{'abcdefgh'[i + 1]}: &{'abcdefgh'[i + 1]} [{','.join(['*' + 'abcdefgh'[i]] * 10)}]\n" for i in range(5)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"run.yaml:3:1: the key 'a' is there twice, first on line 1"),
        ("a:\n  b: 1\n  b: 1\n", r"run.yaml:3:3: the key 'b' is there twice, first on line 2"),
        ("a: {<<: {x: 1}, <<: {y: 1}}", r"run.yaml:1:17: the key << is there twice"),
        ("a: {<<: 5}", r"run.yaml:1:9: << takes a mapping"),
        ("a:\n  1: x\n", r"run.yaml:2:3: the key 1 is not text"),
        ("true: x\n", r"run.yaml:1:1: the key true is not text"),
        ("~: x\n", r"run.yaml:1:1: the key ~ is not text"),
        ("? [a]\n: x\n", r"run.yaml:1:3: a key must be text"),
        (BOMB, r"run.yaml:\d+:\d+: aliases expand to more than 10000 values"),
        ("a: &a {b: *a}", r"run.yaml:1:11: the alias \*a contains itself"),
        ("a: *b", r"run.yaml:1:4: the alias \*b has no anchor"),
        ("a: " + "[" * 32 + "]" * 32, r"run.yaml:1:35: nested deeper than 32 levels"),
        ("a: " + "[" * 900, r"run.yaml:1:35: nested deeper than 32 levels"),
        # PyYAML 6.0.4 counts, too: up to 1000, in what it reads ahead
        ("a: " + "[" * 100_000, r"run.yaml:1:\d+: (nested deeper than 32 levels|exceeded maximum nesting depth)"),
        ("a: &a [[[[[[[[[[]]]]]]]]]]\nb: " + "[" * 25 + "*a" + "]" * 25, r"run.yaml:2:29: nested deeper"),
        ("a: !!python/object/apply:os.getcwd []", r"run.yaml:1:4: the tag .*python/object.* is not accepted"),
        ("a: !!int 3", r"run.yaml:1:4: the tag .*int is not accepted"),
        ("!x {a: 1}", r"run.yaml:1:1: the tag !x is not accepted"),
        ("a: 1\n---\nb: 2\n", r"run.yaml:2:1: a second document"),
        ("- a\n", r"run.yaml:1:1: the top level must be a mapping"),
        ("just text", r"run.yaml:1:1: the top level must be a mapping"),
        ("a: 1\nb: \0", r"run.yaml:2: the text holds a NUL byte"),
        ("a: [1", r"run.yaml:\d+:\d+: "),
        ("a:\n\t- 1", r"run.yaml:2:1: "),
        ("a: 'x", r"run.yaml:\d+:\d+: "),
        ("a: 99999999999999999999", r"run.yaml:1:4: .* 64 bits"),
        ("a: " + "1" * 5000, r"run.yaml:1:4: a number of 5000 characters"),
        ("a: \ud800", r"run.yaml: character 4 is not Unicode"),
        ("a: " + "x" * 1024 * 1024, r"run.yaml: over 1 MiB"),
    ],
)
def test_what_is_doubtful_is_refused_by_place(text: str, message: str) -> None:
    """Each refusal names file, line and column."""
    with pytest.raises(ConfigFileError, match=message):
        parse(text, "run.yaml")


def test_limits_let_pass_what_is_just_within() -> None:
    """32 levels are fine, and a long list without aliases is no bomb."""
    parse("a: " + "[" * 31 + "]" * 31, "run.yaml")
    assert len(parse(f"a: [{', '.join(['1'] * 20_000)}]", "run.yaml").values["a"]) == 20_000


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    """Some editors on Windows write one."""
    file = tmp_path / "run.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_file(file).values == {"a": 1}


@pytest.mark.parametrize("content", [b"a: \xff\n", "a: 1\n".encode("utf-16")])
def test_another_encoding_is_refused(content: bytes, tmp_path: Path) -> None:
    """The message says which byte."""
    file = tmp_path / "run.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigFileError, match=r"byte \d+ is not UTF-8"):
        read_file(file)


def test_a_missing_file_shows_what_is_there(tmp_path: Path) -> None:
    """The nearest name comes as a hint."""
    (tmp_path / "run.yaml").touch()
    with pytest.raises(ConfigFileError, match=r"rum\.yaml: no such config file") as caught:
        read_file(tmp_path / "rum.yaml")
    assert "run.yaml" in caught.value.hint


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    """No second error while looking for a hint."""
    with pytest.raises(ConfigFileError, match="no such config file"):
        read_file(tmp_path / "nowhere" / "run.yaml")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a FIFO that nobody writes to, and a device: refused, not waited for."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo, Path("/dev/zero")):
        with pytest.raises(ConfigFileError, match="not a regular file"):
            read_file(path)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    """The operating system's reason is in the message."""
    file = tmp_path / "run.yaml"
    file.write_text("a: 1\n")
    file.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigFileError, match="Permission denied"):
            read_file(file)
    finally:
        os.seteuid(was)


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 300, "\ud800.yaml"])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path) -> None:
    """Such names come from scripts; they are bad input and not a crash."""
    with pytest.raises(ConfigFileError, match="cannot be opened"):
        read_file(tmp_path / name)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON_LIKE, max_size=5))
def test_what_is_dumped_reads_back(values: dict[str, Any]) -> None:
    """Text that looks like a number, a date or a merge comes back as text."""
    assert parse(dump(values), "run.yaml").values == values


@pytest.mark.parametrize("text", ["1e-4", "0o17", "010", "no", "24:00", "<<", "=", "2024-12-08", "", "~", "1_0", "0b1"])
def test_text_like_something_else_reads_back_as_text(text: str) -> None:
    """Quotes go around whatever YAML 1.1 or 1.2 takes for something else."""
    dumped = dump({text: text})
    assert parse(dumped, "run.yaml").values == {text: text}
    assert "'" in dumped


@given(st.text())
def test_random_text_is_read_or_refused(text: str) -> None:
    """Nothing but a config error comes out."""
    try:
        parse(text, "run.yaml")
    except ConfigFileError as error:
        assert error.message.startswith("run.yaml")


@given(st.text(alphabet="ab:-[]{}&*!<>?|'\"#%@`,~ \n\t01.", max_size=60))
def test_random_yaml_is_read_or_refused(text: str) -> None:
    """The same with the characters that mean something in YAML."""
    try:
        parse(text, "run.yaml")
    except ConfigFileError as error:
        assert error.message.startswith("run.yaml")
