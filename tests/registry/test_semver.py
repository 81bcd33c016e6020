"""Order, ranges and steps of semantic versions, against the semver package."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from semver import Version

from regtrain_registry.errors import VersionSyntaxError
from regtrain_registry.semver import (
    FIRST,
    MAX_PART,
    Bump,
    next_free,
    next_version,
    parse_range,
    parse_version,
    sort_key,
)

PARTS = st.one_of(st.integers(0, 3), st.integers(0, 999_999_999))
WORDS = st.from_regex(r"[0-9A-Za-z-]{1,6}", fullmatch=True).filter(
    lambda w: not (w.isdigit() and w[0] == "0" and w != "0")
)
IDENTIFIERS = st.one_of(st.integers(0, 10**12).map(str), st.sampled_from(["alpha", "beta", "rc", "RC", "a-b"]), WORDS)
PRERELEASES = st.one_of(st.none(), st.lists(IDENTIFIERS, min_size=1, max_size=4).map(".".join))
VERSIONS = st.builds(Version, PARTS, PARTS, PARTS, PRERELEASES)
SMALL = st.builds(
    Version, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.sampled_from([None, "rc.1", "alpha"])
)


@given(VERSIONS, VERSIONS)
@example(Version.parse("1.0.0-rc.2"), Version.parse("1.0.0-rc.10"))
@example(Version.parse("1.0.0-alpha"), Version.parse("1.0.0-alpha.1"))
@example(Version.parse("1.0.0-rc.1"), Version.parse("1.0.0"))
@example(Version.parse("1.0.0-a-b"), Version.parse("1.0.0-a.b"))
@example(Version.parse("1.0.0-A"), Version.parse("1.0.0-a"))
def test_sort_keys_have_the_order_of_versions(one: Version, other: Version) -> None:
    """Plain text comparison of the keys is what the specification says of the versions."""
    assert (sort_key(one) < sort_key(other)) == (one < other)
    assert (sort_key(one) == sort_key(other)) == (one == other)


@given(VERSIONS)
def test_sort_keys_sort_alike_in_every_collation(version: Version) -> None:
    """Only digits and a-f occur, and the column is wide enough."""
    assert set(sort_key(version)) <= set("0123456789abcdef")
    assert len(sort_key(version)) <= 400


def test_the_longest_prerelease_fits_the_column() -> None:
    """The limit on prereleases keeps the worst key within its column."""
    worst = parse_version("1.0.0-" + ".".join("1" * 32))
    assert len(sort_key(worst)) <= 400


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("^1.4", ["1.4.0", "1.9.9"], ["1.3.9", "2.0.0", "2.0.0-rc.1", "1.5.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2", "1.0.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.1.0"]),
        ("^0.0", ["0.0.0", "0.0.7"], ["0.1.0"]),
        ("^0", ["0.0.1", "0.9.0"], ["1.0.0"]),
        ("~1.4.2", ["1.4.2", "1.4.9"], ["1.5.0", "1.4.1"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        (">=1,<2", ["1.0.0", "1.99.0"], ["0.9.9", "2.0.0", "2.0.0-rc.1"]),
        (">1", ["2.0.0"], ["1.9.9", "1.0.0"]),
        (">1.4", ["1.5.0"], ["1.4.9"]),
        ("<=1.4", ["1.4.9", "0.1.0"], ["1.5.0"]),
        ("=1.4", ["1.4.0", "1.4.7"], ["1.5.0"]),
        (">=1.0.0-rc.1,<2", ["1.0.0-rc.1", "1.0.0", "1.1.0"], ["2.0.0-rc.1", "1.0.0-alpha"]),
        (">=1.0.0, !=1.2.0", ["1.1.0", "1.3.0"], ["1.2.0"]),
        ("==1.2.0", ["1.2.0"], ["1.2.1"]),
        ("<1.2.0", ["1.1.9"], ["1.2.0"]),
        ("<=1.2.0", ["1.2.0"], ["1.2.1"]),
        (">1.2.0", ["1.2.1"], ["1.2.0"]),
    ],
)
def test_ranges_choose_what_package_managers_choose(text: str, inside: list[str], outside: list[str]) -> None:
    """Carets, tildes and comparisons mean what they mean elsewhere."""
    chosen = parse_range(text)
    assert [v for v in inside if not chosen.contains(Version.parse(v))] == []
    assert [v for v in outside if chosen.contains(Version.parse(v))] == []


@given(SMALL, SMALL, st.sampled_from([">=", ">", "<=", "<", "==", "!="]))
def test_full_comparisons_agree_with_semver(version: Version, bound: Version, operator: str) -> None:
    """A bound with three parts compares as semver.Version.match does."""
    chosen = parse_range(f"{operator}{bound}")
    expected = version.match(f"{operator}{bound}") and (not version.prerelease or bool(bound.prerelease))
    assert chosen.contains(version) == expected


@pytest.mark.parametrize(
    "text", ["", "^", "1.4", "^x", "^1.4.0.0", ">=1,", ">>1", "!=1", "~ ", "^" + "9" * 5000, "^٣.1", ">=1.2.3+cpu"]
)
def test_bad_ranges_are_refused(text: str) -> None:
    """What is not a range is an error of its own class, never another exception."""
    with pytest.raises(VersionSyntaxError):
        parse_range(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "v1.2.3",
        "1.2.3+cpu",
        "01.2.3",
        "1.2.3\n",
        "1.٢.3",
        "1.0.0-rc.٢",
        "1000000000.0.0",
        "1.0.0-" + "a" * 65,
        "9" * 5000 + ".0.0",
    ],
)
def test_bad_versions_are_refused(text: str) -> None:
    """Build metadata, digits of other scripts and parts beyond the columns are refused."""
    with pytest.raises(VersionSyntaxError):
        parse_version(text)


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_one_error(text: str) -> None:
    """Parsing never raises anything else."""
    for parse in (parse_version, parse_range):
        try:
            parse(text)
        except VersionSyntaxError as error:
            assert error.hint


@pytest.mark.parametrize(
    ("highest", "bump", "expected"),
    [
        (None, Bump.MINOR, "1.0.0"),
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("2.0.0-rc.1", Bump.MAJOR, "2.0.0"),
        ("2.0.0-rc.1", Bump.PATCH, "2.0.0"),
    ],
)
def test_the_next_version(highest: str | None, bump: Bump, expected: str) -> None:
    """Each part steps as semver says; a prerelease steps to its release."""
    assert str(next_version(None if highest is None else Version.parse(highest), bump)) == expected


def test_the_next_free_versions_leave_out_the_taken_ones() -> None:
    """Patch, minor and major steps go on until one is free."""
    assert next_free(FIRST, {"1.0.0", "1.0.1", "1.0.2", "2.0.0"}) == ["1.0.3", "1.1.0", "3.0.0"]


def test_a_part_at_its_end_goes_no_further() -> None:
    """The next version is refused, and what is free is named without it."""
    with pytest.raises(VersionSyntaxError, match=r"no minor version comes after 1\.999999999\.0"):
        next_version(Version(1, MAX_PART, 0), Bump.MINOR)
    assert next_free(Version(1, MAX_PART, 0), {"2.0.0"}) == ["1.999999999.1", "3.0.0"]
    assert next_free(Version(MAX_PART, 0, 0), ()) == ["999999999.0.1", "999999999.1.0"]
