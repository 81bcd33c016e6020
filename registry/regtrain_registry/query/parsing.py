"""Parser of filters and orders, by recursive descent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from regtrain_registry.errors import nearest
from regtrain_registry.query.columns import OPERATORS, Columns, ColumnSpec
from regtrain_registry.query.reading import Reader
from regtrain_registry.query.tree import And, Column, Comparison, Filter, Kind, Not, Operator, Or, OrderKey, Value
from regtrain_registry.query.values import RANGE_SIGNS, as_number, as_time, pattern_of, range_of

__all__ = ["parse_filter", "parse_order"]

MAX_DEPTH = 50
MAX_COMPARISONS = 200  # each version of a list counts: SQLite takes expressions of 1,000 levels
MAX_KEYS = 10

_KEY = re.compile(r"[^\s()'\"`,=<>!]+")
_BARE = re.compile(r"[^\s()'\"`,]+")
_RANGE_SIGN = re.compile(r"[\^~]")
_SIGN = re.compile(r"==|!=|<=|>=|=|<|>|\^|~")
_WORDS = {"like": Operator.LIKE, "ilike": Operator.ILIKE, "in": Operator.IN}
_NEGATED = {"like": Operator.NOT_LIKE, "ilike": Operator.NOT_ILIKE, "in": Operator.NOT_IN}
_KEYWORDS = {"and", "or", "not", "like", "ilike", "in", "is"}
_PREFIXES = ("attributes", "attribute", "attr", "run")  # MLflow's prefixes of a column
_PATTERNS = (Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE)
_LISTS = (Operator.IN, Operator.NOT_IN)
_NULLS = (Operator.IS_NULL, Operator.IS_NOT_NULL)
_ORDERED = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)


def parse_filter(text: str, columns: Columns) -> Filter:
    """The filter in a text; `FilterSyntaxError` with a caret under the error."""
    return _Parser(text, columns, "filter").whole_filter()


def parse_order(text: str, columns: Columns) -> tuple[OrderKey, ...]:
    """The keys of an order such as `metrics.val/accuracy desc, created_at`; `FilterSyntaxError`."""
    return _Parser(text, columns, "order").whole_order()


class _Parser(Reader):
    """The grammar: filter = any; any = every {or every}; every = one {and one}; one = not one | (any) | comparison."""

    def __init__(self, text: str, columns: Columns, what: str) -> None:
        super().__init__(text, what)
        self._columns = columns
        self._depth = 0
        self._comparisons = 0

    def whole_filter(self) -> Filter:
        found = self._any()
        self.end("and, or, or the end")
        return found

    def whole_order(self) -> tuple[OrderKey, ...]:
        keys = self.separated(self._order_key)
        self.end("asc, desc, a comma or the end")
        if len(keys) > MAX_KEYS:
            self.fail(0, f"it may have {MAX_KEYS} columns at most")
        return tuple(keys)

    def _any(self) -> Filter:
        return self._joined("or", self._every, Or)

    def _every(self) -> Filter:
        return self._joined("and", self._one, And)

    def _joined(self, word: str, part: Callable[[], Filter], join: type[And | Or]) -> Filter:
        parts = [part()]
        while self.keyword(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _one(self) -> Filter:
        start = self.space()
        negated = self.keyword("not")
        if not negated and not self.sign("("):
            return self._comparison()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(start, f"it may be {MAX_DEPTH} levels deep at most")
        found = Not(self._one()) if negated else self._any()
        if not negated and not self.sign(")"):
            self.fail(self.space(), "expected and, or, or a closing parenthesis")
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        column, spec = self._column()
        start = self.space()
        operator = self._operator(column, spec)
        if operator in _NULLS:
            value: Value = None
        elif operator in _LISTS:
            value = self._list(spec, operator)
        else:
            at = self.space()
            value = self._value(spec, operator)
            # a range after = begins with a sign, a version with a digit
            if spec.kind is Kind.VERSION and operator is Operator.EQ and str(value).startswith(RANGE_SIGNS):
                operator = Operator.WITHIN
            self._check_choice(spec, operator, value, at)
        self._comparisons += len(value) if isinstance(value, tuple) and spec.kind is Kind.VERSION else 1
        if self._comparisons > MAX_COMPARISONS:
            self.fail(start, f"it may have {MAX_COMPARISONS} comparisons at most")
        return Comparison(column, operator, value)

    def _list(self, spec: ColumnSpec, operator: Operator) -> Value:
        def element() -> Value:
            at = self.space()
            value = self._value(spec, operator)
            self._check_choice(spec, operator, value, at)
            return value

        if not self.sign("("):
            self.fail(self.space(), "expected an opening parenthesis")
        values = tuple(self.separated(element))
        if not self.sign(")"):
            self.fail(self.space(), "expected a comma or a closing parenthesis")
        return cast("Value", values)

    def _check_choice(self, spec: ColumnSpec, operator: Operator, value: Value, at: int) -> None:
        if spec.choices and operator not in _PATTERNS and value not in spec.choices:
            self.fail(at, f"expected {_listed(spec.choices)}")

    def _order_key(self) -> OrderKey:
        start = self.space()
        column, spec = self._column()
        if spec.many:
            self.fail(start, f"{column} is not one value to order by")
        descending = self.keyword("desc")
        if not descending:
            self.keyword("asc")
        return OrderKey(column, descending)

    def _column(self) -> tuple[Column, ColumnSpec]:
        start = self.space()
        name = self.word()
        if name in _PREFIXES and self.adjacent("."):
            start = self.space()
            name = self.word()
        if name is None or name in _KEYWORDS:
            self.fail(start, "expected a column", self._perhaps(""))
        name = self._columns.synonyms.get(name, name)
        spec = self._columns.specs.get(name)
        if spec is None:
            self.fail(start, f"{self._columns.what} have no column {name[:40]!r}", self._perhaps(name))
        if not spec.keyed:
            return Column(name, spec.kind), spec
        key = (self.quoted() or self.match(_KEY)) if self.adjacent(".") else None
        if not key:
            self.fail(start, f"expected a name behind it: {name}.NAME")
        return Column(name, spec.kind, key), spec

    def _perhaps(self, name: str) -> str:
        near = nearest(name, [*self._columns.specs, *self._columns.synonyms]) if name else []
        every = [f"{column}.NAME" if spec.keyed else column for column, spec in self._columns.specs.items()]
        return f"Perhaps {_listed(near)}." if near else f"There is {', '.join(every)}."

    def _operator(self, column: Column, spec: ColumnSpec) -> Operator:
        start = self.space()
        operator = self._any_operator()
        nullable = spec.optional and operator in _NULLS
        ranged = spec.kind is Kind.VERSION and operator is Operator.WITHIN
        if operator is None or not (operator in OPERATORS[spec.kind] or nullable or ranged):
            self.fail(start, f"expected {_listed(OPERATORS[spec.kind])}")
        return operator

    def _any_operator(self) -> Operator | None:
        if self.adjacent("^") or self.adjacent("~"):
            self._at -= 1  # the sign belongs to the range
            return Operator.WITHIN
        sign = self.match(_SIGN)
        if sign is not None:
            return Operator("=" if sign == "==" else sign)
        word = self.word()
        if word == "is":
            nothing = Operator.IS_NOT_NULL if self.keyword("not") else Operator.IS_NULL
            return nothing if self.keyword("null") else None
        if word != "not":
            return _WORDS.get(word or "")
        self.space()
        return _NEGATED.get(self.word() or "")

    def _value(self, spec: ColumnSpec, operator: Operator) -> Value:
        start = self.space()
        sign = self.match(_RANGE_SIGN) if operator is Operator.WITHIN else None
        self.space()
        quoted = self.quoted()
        text = self.match(_BARE) if quoted is None else quoted
        if text is None or (quoted is None and text.lower() in _KEYWORDS):
            self.fail(start, f"expected a {spec.kind}")
        try:
            return _typed(spec.kind, operator, f"{sign or ''}{text}", quoted is not None)
        except ValueError as error:
            self.fail(start, f"expected {error}")


def _typed(kind: Kind, operator: Operator, text: str, quoted: bool) -> Value:
    """The value; ValueError with the expected form."""
    if operator in _PATTERNS:
        pattern_of(text)
        if operator in (Operator.ILIKE, Operator.NOT_ILIKE) and not text.isascii():
            raise ValueError("ASCII, of which databases agree what is a capital")
        return text
    match kind:
        case Kind.NUMBER:
            return as_number("" if quoted else text)
        case Kind.TIME:
            return as_time(text, quoted)
        case Kind.VERSION:
            range_of(operator, text)
            return text
        case Kind.SCALAR if operator in _ORDERED:
            return as_number("" if quoted else text)
        case Kind.SCALAR if not quoted:
            return _number_or_text(text)
    return text


def _number_or_text(text: str) -> float | str:
    try:
        return as_number(text)
    except ValueError:
        return text


def _listed(words: Iterable[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last
