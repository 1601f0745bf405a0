"""What all configuration models share: checks that report every fault at once, dicts, YAML and JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails, core_schema

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError, redacted
from airflow_provider_aztk.client.models import _schema, _yaml
from airflow_provider_aztk.client.models._faults import Faults
from airflow_provider_aztk.client.models._fields import adapters, default_of, is_required, model_fields, plain
from airflow_provider_aztk.client.models._types import REQUIRED

if TYPE_CHECKING:
    from dataclasses import Field

_KEY = "[key]"  # how pydantic marks the name in a mapping


class ConfigModel:
    """A frozen dataclass that checks itself, and loads from and saves to plain dicts and YAML.

    The types of its fields are pydantic's (see ``_types``) and are checked field by field, :meth:`_check` has the rules
    between fields, and one :class:`InvalidConfigurationError` names all that is wrong.
    """

    #: Fields of AZTK that are refused, with what to use instead.
    _refused: ClassVar[Mapping[str, str]] = {}
    #: Rules between fields that JSON Schema can say, too.
    schema_extra: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        model = type(self)
        secret = (field.name for field in model_fields(model) if not field.repr or field.metadata.get("secret"))
        faults = Faults(model.__name__, secret_fields=secret)
        for field in model_fields(model):
            value = _checked(model, field, getattr(self, field.name), faults)
            object.__setattr__(self, field.name, value)
        self._check(faults)
        faults.raise_if_any()

    def _check(self, faults: Faults) -> None:
        """Check the rules between fields; a field whose own value is bad has its default here, and is closed."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__repr__ = ConfigModel.__repr__  # type: ignore[method-assign]  # else dataclass would write another

    def __repr__(self) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in model_fields(type(self)) if field.repr)
        return redacted(f"{type(self).__name__}({', '.join(shown)})")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._nested)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        return _schema.of_model(cls)

    @classmethod
    def _nested(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            return cls.from_dict(value)
        article = "an" if cls.__name__.startswith("A") else "a"
        raise ValueError(f"give {article} {cls.__name__} or a dict of its fields")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the model from a plain dict.

        :param data: the fields by name; lists and nested dicts for nested models.
        :raises InvalidConfigurationError: for unknown fields and bad values, all of them together.
        """
        if not isinstance(data, Mapping):
            raise InvalidConfigurationError(cls.__name__, [FieldError("(all)", type(data).__name__, "give a mapping")])
        required = {field.name: REQUIRED for field in model_fields(cls) if is_required(field)}
        names = {field.name for field in model_fields(cls)}
        unknown = [
            FieldError(str(name), "(given)", cls._refusal(str(name), names)) for name in data if name not in names
        ]
        values = {**required, **{name: value for name, value in data.items() if name in names}}
        return cls._with_faults(lambda given: cls(**given), values, unknown)

    @classmethod
    def _refusal(cls, name: str, known: set[str]) -> str:
        return cls._refused.get(name) or "unknown field; the fields are " + ", ".join(sorted(known))

    @classmethod
    def _with_faults(cls, build: Callable[..., Self], values: Mapping[str, Any], found: Sequence[FieldError]) -> Self:
        """Build the model, and raise its faults together with those that were found before."""
        faults = list(found)
        try:
            built = build(values)
        except InvalidConfigurationError as error:
            faults.extend(error.faults)
        else:
            if not faults:
                return built
        raise InvalidConfigurationError(cls.__name__, faults)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain JSON values, without what is at its default."""
        result: dict[str, Any] = {}
        for field in model_fields(type(self)):
            value = getattr(self, field.name)
            if value is not None and value != default_of(field) and value != ():
                result[field.name] = plain(value)
        return result

    @classmethod
    def from_yaml(cls, source: str | Path) -> Self:
        """Load the model from a YAML file of AZTK, or from its text.

        :param source: a path, or text; a string that names an existing file, or ends in .yaml, .yml or .json, is one.
        :raises InvalidConfigurationError: as :meth:`from_dict`, and for what is not YAML.
        """
        return cls._with_faults(cls.from_dict, *_yaml.read(cls.__name__, source))

    @classmethod
    def from_aztk(cls, data: Mapping[str, Any]) -> Self:
        """Build the model from plain values under the names of its fields or those of AZTK's files; blanks are not set.

        :param data: as a YAML file of AZTK has it, or as :meth:`from_dict` takes it.
        :raises InvalidConfigurationError: as :meth:`from_dict`.
        """
        return cls._with_faults(cls.from_dict, *_yaml.from_aztk(cls.__name__, data))

    def to_yaml(self) -> str:
        """Return the model as the text of an AZTK YAML file."""
        return _yaml.write(type(self).__name__, self.to_dict())

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what :meth:`from_dict` takes.

        The schema of the YAML files of AZTK is :meth:`yaml_schema`.
        """
        return _schema.document(_schema.of_model(cls))

    @classmethod
    def yaml_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what :meth:`from_yaml` takes, with the names of AZTK's files."""
        return _schema.document(_schema.of_yaml_file(cls))


def _checked(model: type[ConfigModel], field: Field[Any], value: Any, faults: Faults) -> Any:
    """Return a value in the form of its field; for a bad one note the faults, and return the field's default."""
    if value is REQUIRED:
        faults.add(field.name, None, "give a value")
        faults.close(field.name)
        return None
    adapter = adapters(model)[field.name]
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    bad_names = {one["loc"][0] for one in wrong if one["loc"][1:] == (_KEY,)}
    for one in wrong:
        if one["loc"][1:] == (_KEY,) or not bad_names.intersection(one["loc"][:1]):
            _note(field.name, one, faults)
    bad = {one["loc"][0] for one in wrong if one["loc"]}
    if isinstance(value, Mapping) and bad and all(one["loc"] for one in wrong):  # the others are still looked at
        return adapter.validate_python({name: item for name, item in value.items() if name not in bad})
    faults.close(field.name)
    default = default_of(field)
    return None if default is REQUIRED else default


def _note(name: str, error: ErrorDetails, faults: Faults) -> None:
    loc = error["loc"]
    if loc[1:] == (_KEY,):
        loc = ()
    path = name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidConfigurationError):
        faults.add_nested(path, cause.faults)
    else:
        given = error["input"]
        wrong = str(cause) if cause else "give a value of the right type"
        faults.add(path, str(given) if isinstance(given, Path) else given, wrong)
