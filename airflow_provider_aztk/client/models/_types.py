"""The types of the models' fields: what pydantic checks in each, how it is read, and the fix that an error names.

To add a field to a model, write its annotation with one of these types and a ``:param:`` in the model's docstring;
``make schemas`` then writes the schemas and the docs.

Numbers, switches and durations are read from text too, since templates render to text. Nothing else is converted:
``True`` is no number, and ``1`` is no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, GroupedMetadata, Le
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
)

from airflow_provider_aztk.client.models._readers import MAX_DURATION, duration, is_file, is_text, truth, whole_number

#: The default of a field that must be given, where AZTK's order of positional arguments asks for a default.
REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()


def fix(text: str, **by_type: str) -> WrapValidator:
    """Name the fix of whatever is wrong with a value; a fault inside a list or mapping keeps its own.

    :param text: the fix, as an order.
    :param by_type: other texts for some of pydantic's error types, such as ``less_than_equal``.
    """

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            kind = error.errors(include_url=False, include_context=False, include_input=False)[0]["type"]
        raise ValueError(by_type.get(kind, text))

    return WrapValidator(validate)


def fitting(test: Callable[[Any], object], text: str, *, missing: str | None = None) -> WrapValidator:
    """Take only values that pass a test.

    :param test: returns what is true for a good value.
    :param text: the fix for all others.
    :param missing: the fix for one that is missing or empty; default ``text``.
    """

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            found = handler(value)
        except ValidationError:
            found = None
        if found is None or not test(found):
            raise ValueError(text if value or missing is None else missing)
        return found

    return WrapValidator(validate)


def _text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _writable(value: str) -> str:
    if not is_text(value):
        raise ValueError("give text")
    return value


def _item(value: object) -> object:
    if value is None:
        raise ValueError("give text, or leave it out: nothing stands here")
    return _text(value)


def _mapping_item(value: object) -> object:
    if value is None:
        raise ValueError("give text: it is missing")
    return value


def listed(text: str) -> BeforeValidator:
    """Take a list or a tuple, and None for an empty one."""

    def validate(value: Any) -> Any:
        if value is not None and not isinstance(value, list | tuple):
            raise ValueError(text)
        return list(value or ())

    return BeforeValidator(validate)


def mapping(value: Any) -> Any:
    """Take a mapping, and None for an empty one."""
    if value is not None and not isinstance(value, Mapping):
        raise ValueError("give a mapping")
    return dict(value or {})


def existing_file(path: str) -> str:
    """Refuse the path of a file that does not exist."""
    if not path:
        raise ValueError("give the path of a file")
    if not is_file(path):
        raise ValueError("no such file: give the path of an existing file")
    return path


@dataclass(frozen=True)
class Whole(GroupedMetadata):
    """A whole number within its limits."""

    ge: int
    le: int | None = None

    def __iter__(self) -> Iterator[Any]:
        yield Strict()
        yield Ge(self.ge)
        if self.le is not None:
            yield Le(self.le)
        yield fix(f"give a whole number of at least {self.ge}", less_than_equal=f"give at most {self.le}")
        yield BeforeValidator(whole_number)


class OneOf(GroupedMetadata):
    """One of a few texts."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def __iter__(self) -> Iterator[Any]:
        yield fitting(self.choices.__contains__, "use one of " + ", ".join(repr(choice) for choice in self.choices))
        yield Field(json_schema_extra={"enum": list(self.choices)})


def _lasting(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(_DURATION_FIX)
    if value > MAX_DURATION:
        raise ValueError(f"give at most {MAX_DURATION.days} days: Azure Batch ends a task then")
    return value


_DURATION_FIX = "give a duration: a timedelta, seconds, '90m', '2h' or ISO 8601 ('PT2H')"
_DURATION_SCHEMA = {
    "title": "duration",
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}],
    "examples": ["2h", "PT2H"],
}

Id = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    fix("use 1 to 64 letters, digits, hyphens and underscores"),
]
Text = Annotated[str, Strict(), BeforeValidator(_text), AfterValidator(_writable), fix("give text")]
NonEmpty = Annotated[Text, fitting(bool, "give text", missing="give a value")]
#: Copying brings blanks and line breaks along.
Trimmed = Annotated[Text, AfterValidator(str.strip)]
Url = Annotated[Text, AfterValidator(lambda text: text.strip().rstrip("/"))]
FilePath = Annotated[Text, AfterValidator(existing_file)]
Switch = Annotated[bool, Strict(), fix("give true or false"), BeforeValidator(truth)]
Duration = Annotated[
    timedelta,
    Strict(),
    fix(_DURATION_FIX),
    BeforeValidator(duration),
    AfterValidator(_lasting),
    WithJsonSchema(_DURATION_SCHEMA),
]
Texts = Annotated[
    Sequence[Annotated[Text, BeforeValidator(_item)]], listed("give a list of strings"), AfterValidator(tuple)
]
_Name = Annotated[
    str, Strict(), AfterValidator(_writable), fix("give a mapping of strings to strings: this name is none")
]
_MappingText = Annotated[str, Strict(), AfterValidator(_writable), fix("give text"), BeforeValidator(_mapping_item)]
TextMap = Annotated[Mapping[_Name, _MappingText], BeforeValidator(mapping), AfterValidator(dict)]
