"""Filters as text and as values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regtrain_registry.errors import FilterSyntaxError
from regtrain_registry.query import (
    And,
    Column,
    Comparison,
    Kind,
    Not,
    Operator,
    Or,
    OrderKey,
    parse_filter,
    parse_order,
)
from regtrain_registry.query.columns import MODELS, RUNS, VERSIONS
from support.registry.filter_strategies import ANYTHING

COLUMNS = (VERSIONS, MODELS, RUNS)
NAME = Column("name", Kind.TEXT)
VERSION = Column("version", Kind.VERSION)
CREATED = Column("created_at", Kind.TIME)
ACC = Column("metrics", Kind.NUMBER, "acc")
LR = Column("params", Kind.SCALAR, "optimizer.lr")
TEAM = Column("tags", Kind.TEXT, "team")
A = Comparison(NAME, Operator.EQ, "a")

MEANT: dict[str, Any] = {
    "name = 'a'": A,
    'name == "a"': A,
    "NAME=a": A,
    "model = a": A,
    "attributes.name = `a`": A,
    "name = 'it''s'": Comparison(NAME, Operator.EQ, "it's"),
    "name NOT IN ('a',b)": Comparison(NAME, Operator.NOT_IN, ("a", "b")),
    "metrics.acc > 0.9": Comparison(ACC, Operator.GT, 0.9),
    "metric.acc<=-1e-3": Comparison(ACC, Operator.LE, -0.001),
    "metrics.`acc` != +.5": Comparison(ACC, Operator.NE, 0.5),
    "metrics.val/accuracy is not null": Comparison(
        Column("metrics", Kind.NUMBER, "val/accuracy"), Operator.IS_NOT_NULL
    ),
    'metrics."a b" > 1': Comparison(Column("metrics", Kind.NUMBER, "a b"), Operator.GT, 1.0),
    "params.optimizer.lr = '0.1'": Comparison(LR, Operator.EQ, "0.1"),
    "parameters.optimizer.lr = 0.1": Comparison(LR, Operator.EQ, 0.1),
    "params.optimizer.lr = true": Comparison(LR, Operator.EQ, "true"),
    "tags.team like 'a%'": Comparison(TEAM, Operator.LIKE, "a%"),
    "tags.team NOT ILIKE 'a%'": Comparison(TEAM, Operator.NOT_ILIKE, "a%"),
    "version ^1.4": Comparison(VERSION, Operator.WITHIN, "^1.4"),
    "version ~ 1.4.2": Comparison(VERSION, Operator.WITHIN, "~1.4.2"),
    "version = '>=1,<2'": Comparison(VERSION, Operator.WITHIN, ">=1,<2"),
    "version >= 1.2": Comparison(VERSION, Operator.GE, "1.2"),
    "version in (1.0.0, '^2')": Comparison(VERSION, Operator.IN, ("1.0.0", "^2")),
    "created >= 2026-01-31": Comparison(CREATED, Operator.GE, date(2026, 1, 31)),
    "created_at < '2026-01-31 12:00'": Comparison(CREATED, Operator.LT, datetime(2026, 1, 31, 12, tzinfo=UTC)),
    "created_at < 2026-01-31T12:00+02:00": Comparison(CREATED, Operator.LT, datetime(2026, 1, 31, 10, tzinfo=UTC)),
    "creation_timestamp > 1000": Comparison(CREATED, Operator.GT, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
    "name = a or name = a and not name = a": Or((A, And((A, Not(A))))),
    "(name = a or name = a) and name = a": And((Or((A, A)), A)),
    "not not(name = a)": Not(Not(A)),
}
WRONG = {  # text → where the caret stands, and words of the message
    "": (1, "a column"),
    "name": (5, "=, !=, like"),
    "name =": (7, "a text"),
    "name = a b": (10, "and, or, or the end"),
    "name = and": (8, "a text"),
    "(name = a": (10, "closing parenthesis"),
    "name = 'a": (8, "not closed"),
    "name in a": (9, "opening parenthesis"),
    "name in (a b)": (12, "a comma"),
    "name < a": (6, "=, !=, like"),
    "name is null": (6, "=, !=, like"),
    "metrics > 1": (1, "metrics.NAME"),
    "metrics. > 1": (1, "metrics.NAME"),
    "metrics.`` > 1": (1, "metrics.NAME"),
    "metrics.acc > high": (15, "a number"),
    "metrics.acc > '1'": (15, "a number"),
    "metrics.acc > 1e999": (15, "a number"),
    "metrics.acc > nan": (15, "a number"),
    "params.lr > '1'": (13, "a number"),
    "version > x": (11, "a version"),
    "version < '^1'": (11, "a version"),
    "version = 1.0.0+b": (11, "a version"),
    "created = 2026-02-30": (11, "a date"),
    "created = 9999-12-31": (11, "a date"),
    "created > 1e300": (11, "a date"),
    "status = redy": (10, "ready, deprecated"),
    "status in (ready, redy)": (19, "ready, deprecated"),
    "name like 'a\\'": (11, "backslash"),
    "name ilike 'ä'": (12, "ASCII"),
    "中 = a": (1, "a column"),
    "name = '中' or nam = 'a'": (15, "no column 'nam'"),
}  # fmt: skip


@pytest.mark.parametrize("text", MEANT)
def test_a_filter_is_understood(text: str) -> None:
    """In small letters or capitals, with any quotation marks, and as MLflow writes it."""
    assert parse_filter(text, VERSIONS) == MEANT[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_has_a_caret_below(text: str) -> None:
    """Exit code 2; the message says the column and what was expected, and the caret stands there."""
    column, words = WRONG[text]
    with pytest.raises(FilterSyntaxError) as caught:
        parse_filter(text, VERSIONS)
    assert caught.value.exit_code == 2
    assert f"filter, column {column}: " in caught.value.message
    assert words in caught.value.message
    line, caret = caught.value.hint.splitlines()[:2]
    assert line == text
    assert len(caret) == column + text[: column - 1].count("中")
    assert caret.strip() == "^"


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    """Or with all of them."""
    for text, hint in {"creatd > 1": "Perhaps created", "xyz = 1": "metrics.NAME, params.NAME, tags.NAME."}.items():
        with pytest.raises(FilterSyntaxError) as caught:
            parse_filter(text, VERSIONS)
        assert hint in caught.value.hint


def test_a_long_filter_is_shown_around_the_caret() -> None:
    """The caret stands below the right character of what is shown."""
    with pytest.raises(FilterSyntaxError) as caught:
        parse_filter("name = a and " * 50 + "nme = b" + " and name = a" * 50, VERSIONS)
    line, caret = caught.value.hint.splitlines()[:2]
    assert line[caret.index("^") :].startswith("nme = b")
    assert (line[0], line[-1]) == ("…", "…")
    assert len(line) < 130


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_001,
        "(" * 5_000 + "name = a" + ")" * 4_000,
        "not " * 2_000 + "name = a",
        "name = a or " * 800 + "name = a",
        f"version in ({','.join(['1.0.0'] * 201)})",
    ],
)
def test_a_filter_has_bounds(text: str) -> None:
    """In length, depth and number of comparisons: one error, never a RecursionError."""
    with pytest.raises(FilterSyntaxError, match="at most"):
        parse_filter(text, VERSIONS)


def test_what_is_within_the_bounds_is_taken() -> None:
    """Fifty levels, two hundred comparisons, a list of four thousand names."""
    assert str(parse_filter("(" * 50 + "name = a" + ")" * 50, VERSIONS)) == "name = 'a'"
    assert len(parse_filter("name = a or " * 199 + "name = a", VERSIONS).parts) == 200  # type: ignore[union-attr]
    assert len(parse_filter(f"name in ({','.join(['a'] * 4_000)})", VERSIONS).value) == 4_000  # type: ignore[arg-type,union-attr]


def test_an_order_is_understood() -> None:
    """Names as in filters; upward unless said otherwise."""
    keys = parse_order("metrics.val/accuracy DESC, created , name asc", VERSIONS)
    accuracy = Column("metrics", Kind.NUMBER, "val/accuracy")
    assert keys == (OrderKey(accuracy, True), OrderKey(CREATED), OrderKey(NAME))
    for text, words in {
        "alias": "not one value",
        "name down": "asc, desc",
        "": "a column",
        "name," * 10 + "name": "10 col",
    }.items():
        with pytest.raises(FilterSyntaxError, match=words) as caught:
            parse_order(text, VERSIONS)
        assert caught.value.message.startswith("order, column ")


@pytest.mark.slow
@pytest.mark.parametrize("columns", COLUMNS, ids=lambda columns: columns.what)
@settings(max_examples=100)
@given(data=st.data())
def test_a_filter_that_is_printed_reads_the_same(columns: Any, data: st.DataObject) -> None:
    """Any names and any texts, with quotation marks in them too."""
    wanted = data.draw(ANYTHING.filters(columns))
    assert parse_filter(str(wanted), columns) == wanted
    order = data.draw(ANYTHING.orders(columns))
    assert parse_order(", ".join(map(str, order)), columns) == order


@settings(max_examples=200)
@given(
    text=st.text(max_size=40)
    | st.lists(
        st.sampled_from(["name", "metrics.", "acc", "version", "created", "and", "or", "not", "(", ")", "in", "like", "is",
                         "null", "=", ">", "^", "'", '"', "`", ",", "1", "1.0", "2026-01-01", "é", "\x00", "\ud800", "\\", "%"]),
        max_size=14,
    ).map(" ".join)
)  # fmt: skip
def test_any_text_is_a_filter_or_one_error(text: str) -> None:
    """Nothing else is ever raised."""
    for parse in (parse_filter, parse_order):
        for columns in COLUMNS:
            try:
                parse(text, columns)
            except FilterSyntaxError as error:
                assert "^" in error.hint
