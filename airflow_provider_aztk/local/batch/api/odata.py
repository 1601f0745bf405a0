"""OData $filter: parsed, checked against what a list can be filtered by, and made a function."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_query
from airflow_provider_aztk.local.batch.common.times import parse_duration, parse_time

__all__ = ["ALL", "EQUALITY", "ORDER", "Field", "Predicate", "compile_filter"]

Predicate = Callable[[Any], bool]

EQUALITY = frozenset({"eq", "ne"})
ORDER = EQUALITY | {"gt", "ge", "lt", "le"}
ALL = ORDER | {"startswith"}

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<punct>[(),])"
    r"|(?P<typed>(?:datetime|time|duration|guid)'[^']*')"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)(?![\w:-])"
    r"|(?P<word>[A-Za-z_][\w/.]*)"
    r"|(?P<bare>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?))",
    re.IGNORECASE,
)
_MAX_DEPTH = 50


class Field(NamedTuple):
    """A property that a list can be filtered by.

    :param kind: ``str``, ``int``, ``bool``, ``datetime`` or ``float`` (a duration in seconds).
    :param operators: what it can be compared with.
    :param get: reads it from a record; ``None`` where the record has none.
    """

    kind: type
    operators: frozenset[str]
    get: Callable[[Any], Any]


def compile_filter(text: str | None, fields: Mapping[str, Field]) -> Predicate | None:
    """Make a function of a filter; ``None`` if there is no filter.

    :raises BatchServiceError: ``InvalidQueryParameterValue``.
    """
    if text is None or not text.strip():
        return None
    parser = _Parser(text, fields)
    predicate = parser.disjunction(0)
    parser.expect_end()
    return predicate


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self._text = text
        self._fields = {name.lower(): field for name, field in fields.items()}
        self._tokens = list(self._split(text))
        self._at = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        end = len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(f"cannot be read from position {position} on")
            assert match.lastgroup is not None
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens

    def disjunction(self, depth: int) -> Predicate:
        terms = [self._conjunction(depth)]
        while self._take_word("or"):
            terms.append(self._conjunction(depth))
        return terms[0] if len(terms) == 1 else lambda record: any(term(record) for term in terms)

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} was not expected")

    def _conjunction(self, depth: int) -> Predicate:
        terms = [self._factor(depth)]
        while self._take_word("and"):
            terms.append(self._factor(depth))
        return terms[0] if len(terms) == 1 else lambda record: all(term(record) for term in terms)

    def _factor(self, depth: int) -> Predicate:
        if depth > _MAX_DEPTH:
            raise self._error("it is nested too deeply")
        if self._take_word("not"):
            inner = self._factor(depth + 1)
            return lambda record: not inner(record)
        if self._take_punct("("):
            inside = self.disjunction(depth + 1)
            self._need_punct(")")
            return inside
        name = self._next("word")
        if name.lower() == "startswith":
            return self._startswith()
        return self._comparison(name)

    def _startswith(self) -> Predicate:
        self._need_punct("(")
        field = self._field(self._next("word"), "startswith")
        self._need_punct(",")
        prefix = self._literal(str)
        self._need_punct(")")
        return lambda record: str(field.get(record) or "").lower().startswith(prefix.lower())

    def _comparison(self, name: str) -> Predicate:
        symbol = self._next("word").lower()
        if symbol not in _COMPARE:
            raise self._error(f"{symbol!r} is no operator")
        field = self._field(name, symbol)
        compare, wanted, get = _COMPARE[symbol], self._literal(field.kind), field.get
        if field.kind is str:
            wanted = wanted.lower()
            return lambda record: _has(value := get(record), symbol) and bool(compare(str(value or "").lower(), wanted))
        return lambda record: _has(value := get(record), symbol) and bool(value is None or compare(value, wanted))

    def _field(self, name: str, symbol: str) -> Field:
        field = self._fields.get(name.lower())
        if field is None:
            raise self._error(f"the list cannot be filtered by {name}")
        if symbol not in field.operators:
            raise self._error(f"{name} cannot be compared by {symbol}")
        return field

    def _literal(self, kind: type) -> Any:
        if self._at >= len(self._tokens):
            raise self._error("a value is missing at the end")
        group, text = self._tokens[self._at]
        self._at += 1
        try:
            return _convert(group, text, kind)
        except (ValueError, BatchServiceError) as error:
            raise self._error(f"{text} is no value of the property's type") from error

    def _next(self, group: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == group:
            self._at += 1
            return self._tokens[self._at - 1][1]
        raise self._error("it is not complete")

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1].lower() == word:
            self._at += 1
            return True
        return False

    def _take_punct(self, char: str) -> bool:
        return self._take_word(char)

    def _need_punct(self, char: str) -> None:
        if not self._take_punct(char):
            raise self._error(f"{char!r} is missing")

    def _error(self, reason: str) -> BatchServiceError:
        return invalid_query("$filter", self._text, f"The filter cannot be used: {reason}.")


def _has(value: object, symbol: str) -> bool:
    """A property that is absent differs from every value, and compares with none."""
    return value is not None or symbol == "ne"


def _convert(group: str, text: str, kind: type) -> Any:
    inner = text[text.index("'") + 1 : -1].replace("''", "'") if group in ("string", "typed") else text
    if kind is str and group == "string":
        return inner
    if kind is int and group == "number":
        return int(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is datetime and group in ("typed", "string", "bare"):
        return parse_time(inner)
    if kind is float and group in ("typed", "string"):
        seconds = parse_duration(inner)
        return float("inf") if seconds is None else seconds
    raise ValueError(text)
