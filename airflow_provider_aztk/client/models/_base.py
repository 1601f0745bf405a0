"""What all configuration models share: validation that reports every fault at once, dicts and YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError, redacted

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHORT_DURATION = re.compile(r"(\d+)\s*([smhd])")
_PLAIN_SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]+)?")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
#: Azure Batch ends a task 180 days after it was added, and with its master a cluster ends.
MAX_DURATION = timedelta(days=180)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


# A property or variable whose own name says that its value is secret, in whatever field it stands.
_SECRET_NAME = re.compile(r"[.:].*(secret|password|token|credential|(access|account)[._-]?key)", re.IGNORECASE)


class Faults:
    """Collects what is wrong with one object, and raises it all together."""

    def __init__(self, subject: str, *, secret_fields: Iterable[str] = ()) -> None:
        self.subject = subject
        self.found: list[FieldError] = []
        self._secret = frozenset(secret_fields)
        self._misshaped: set[str] = set()

    def misshaped(self, field: str, value: object, fix: str) -> None:
        """Note a value of a wrong type; what else is wrong with this field is not worth telling."""
        self.add(field, value, fix)
        self.misshape(field)

    def misshape(self, field: str) -> None:
        """Note that nothing else that is wrong with this field is worth telling."""
        self._misshaped.add(field)

    def nested(self, field: str, path: str, found: Iterable[FieldError]) -> None:
        """Note what is wrong with a nested model."""
        self.found.extend(FieldError(f"{path}.{fault.field}", fault.value, fault.fix) for fault in found)
        self._misshaped.add(field)

    def add(self, field: str, value: object, fix: str) -> None:
        """Note one fault; the value of a secret field is never shown."""
        if field in self._misshaped:
            return
        secret = re.split(r"[.\[]", field, maxsplit=1)[0] in self._secret or _SECRET_NAME.search(field)
        shown = "'***'" if secret and value else repr(value)
        self.found.append(FieldError(field, shown if len(shown) <= 200 else shown[:197] + "...", fix))

    def require(self, field: str, value: object, fix: str = "give a value") -> None:
        """Note a fault where a value is missing."""
        if value is None or value == "":
            self.add(field, value, fix)

    def check_id(self, field: str, value: object, *, reserved_prefix: str | None = None) -> None:
        """Check an id as Azure Batch takes it."""
        if not isinstance(value, str) or not ID_PATTERN.fullmatch(value):
            self.add(field, value, "use 1 to 64 letters, digits, hyphens and underscores")
        elif reserved_prefix and value.lower().startswith(reserved_prefix):
            self.add(field, value, f"choose a name that does not begin with {reserved_prefix!r}, which is reserved")

    def check_int(self, field: str, value: object, *, minimum: int = 0, maximum: int | None = None) -> None:
        """Check a whole number within its limits; None passes."""
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            self.add(field, value, f"give a whole number of at least {minimum}")
        elif maximum is not None and value > maximum:
            self.add(field, value, f"give at most {maximum}")

    def check_bool(self, field: str, value: object) -> None:
        """Check a switch: any text but 'true' and 'false', which are read before, would count as true."""
        if not isinstance(value, bool):
            self.add(field, value, "give true or false")

    def check_choice(self, field: str, value: object, choices: Sequence[str]) -> None:
        """Check that a value is one of a few."""
        if value not in choices:
            self.add(field, value, "use one of " + ", ".join(repr(choice) for choice in choices))

    def check_file(self, field: str, value: object) -> None:
        """Check that a local file can be read; None passes."""
        if value is None:
            return
        if not isinstance(value, str | Path) or not str(value):
            self.add(field, value, "give the path of a file")
        elif not is_file(value):
            self.add(field, str(value), "no such file: give the path of an existing file")

    def check_texts(self, field: str, value: object) -> None:
        """Check a list of strings."""
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            self.add(field, value, "give a list of strings")

    def check_text_map(self, field: str, value: object) -> None:
        """Check a mapping of strings to strings."""
        if not isinstance(value, Mapping):
            self.add(field, value, "give a mapping of strings to strings")
            return
        for name, item in value.items():
            if not isinstance(name, str) or not is_text(name):
                self.add(field, name, "give a mapping of strings to strings: this name is none")
            elif not isinstance(item, str) or not is_text(item):
                self.add(f"{field}.{name}", item, "give text" + (": it is missing" if item is None else ""))

    def check_unique(self, field: str, names: Iterable[str], what: str) -> None:
        """Check that names differ by more than their case, which Azure Batch ignores."""
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                self.add(
                    field, name, f"give each {what} a name of its own (upper and lower case are the same to Azure)"
                )
            seen.add(name.lower())

    def raise_if_any(self) -> None:
        """Raise what was found, if anything was."""
        if self.found:
            raise InvalidConfigurationError(self.subject, self.found)


def is_text(value: str) -> bool:
    """Return whether a text can be written anywhere: no NUL byte, no half of a character."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def is_file(path: str | Path) -> bool:
    """Tell whether this is an existing file; a home of nobody has none."""
    try:
        return Path(path).expanduser().is_file()
    except (RuntimeError, ValueError, OSError):
        return False


def is_folder(path: str | Path) -> bool:
    """Return whether this is an existing folder."""
    try:
        return Path(path).expanduser().is_dir()
    except (RuntimeError, ValueError, OSError):
        return False


def duration(value: object) -> object:
    """Read a duration: timedelta, seconds (as text, too), ``"90m"``, ``"2h"``, ISO 8601; else give it as it is."""
    try:
        return _duration(value)
    except (OverflowError, ValueError):  # not a number, or longer than anything lasts
        return value


def _duration(value: object) -> object:
    if value is None or isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, str):
        if _PLAIN_SECONDS.fullmatch(value.strip()):
            return timedelta(seconds=float(value))
        if match := _SHORT_DURATION.fullmatch(value.strip()):
            return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        if value.strip().upper().startswith("P"):
            import isodate

            try:
                parsed = isodate.parse_duration(value.strip().upper())
            except isodate.ISO8601Error:
                return value
            return parsed if isinstance(parsed, timedelta) else value
    return value


def whole_number(value: object) -> object:
    """Read a whole number from text, as a rendered template gives it; anything else is returned as it is."""
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()) else value


def truth(value: object) -> object:
    """Read true or false from text, whatever the case; anything else is returned as it is."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def iso_duration(value: timedelta) -> str:
    """Write a duration as Azure Batch takes it."""
    import isodate

    return str(isodate.duration_isoformat(value))


def frozen_list(value: object) -> object:
    """Turn a list into a tuple, so that a frozen model is really frozen; None is the empty tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else value


class ConfigModel:
    """A frozen dataclass that loads from and saves to plain dicts and YAML.

    ``_nested`` names the fields that hold another model (or a list of them), ``_durations`` those that hold a
    timedelta, ``_lists`` those that hold a list.
    """

    _nested: ClassVar[Mapping[str, type[ConfigModel]]] = {}
    _durations: ClassVar[tuple[str, ...]] = ()
    _lists: ClassVar[tuple[str, ...]] = ()
    _secret_fields: ClassVar[tuple[str, ...]] = ()
    _refused: ClassVar[Mapping[str, str]] = {}
    #: Fields without which there is no model, though AZTK's order of positional arguments gives them a default.
    _required: ClassVar[tuple[str, ...]] = ()

    def _normalise(self) -> None:
        for name in self._lists:
            object.__setattr__(self, name, frozen_list(getattr(self, name)))
        for name in self._durations:
            object.__setattr__(self, name, duration(getattr(self, name)))

    def _faults(self) -> Faults:
        """Begin the validation: nested dicts become models, and what is of a wrong type gives way to the default.

        So the checks that follow need not fear wrong types; the object itself is never given out.
        """
        faults = Faults(type(self).__name__, secret_fields=self._secret_fields)
        for field in fields(self):  # type: ignore[arg-type]  # every model is a dataclass
            value = _shaped(field, getattr(self, field.name), self._nested.get(field.name), faults)
            object.__setattr__(self, field.name, value)
        return faults

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__repr__ = ConfigModel.__repr__  # type: ignore[method-assign]  # else dataclass would write another

    def __repr__(self) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)  # type: ignore[arg-type]
        return redacted(f"{type(self).__name__}({', '.join(shown)})")

    def _check_durations(self, faults: Faults) -> None:
        for name in self._durations:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, timedelta) or value <= timedelta(0)):
                faults.add(name, value, "give a duration: a timedelta, seconds, '90m', '2h' or ISO 8601 ('PT2H')")
            elif value is not None and value > MAX_DURATION:
                faults.add(name, str(value), f"give at most {MAX_DURATION.days} days: Azure Batch ends a task then")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the model from a plain dict.

        :param data: the fields by name; lists and nested dicts for nested models.
        :raises InvalidConfigurationError: for unknown fields and bad values, all of them together.
        """
        faults: list[FieldError] = []
        if not isinstance(data, Mapping):
            raise InvalidConfigurationError(cls.__name__, [FieldError("(all)", type(data).__name__, "give a mapping")])
        known = {field.name: field for field in fields(cls) if field.init}  # type: ignore[arg-type]  # as above
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name not in known:
                faults.append(FieldError(str(name), "(given)", cls._refusal(str(name), known)))
            else:
                values[name] = value
        required = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
        required.update(cls._required)
        missing = sorted(required - values.keys())
        faults.extend(FieldError(name, "None", "give a value") for name in missing)
        try:
            built = cls(**{**dict.fromkeys(missing), **values})
        except InvalidConfigurationError as error:
            faults.extend(fault for fault in error.faults if fault.field not in missing)
        else:
            if not faults:
                return built
        raise InvalidConfigurationError(cls.__name__, faults)

    @classmethod
    def _refusal(cls, name: str, known: Iterable[str]) -> str:
        return cls._refused.get(name) or "unknown field; the fields are " + ", ".join(sorted(known))

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain JSON values, without what is at its default."""
        result: dict[str, Any] = {}
        for field in fields(self):  # type: ignore[arg-type]  # every model is a dataclass
            value = getattr(self, field.name)
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            if value is None or value == default or value == ():
                continue
            result[field.name] = _plain(value)
        return result

    @classmethod
    def from_yaml(cls, source: str | Path) -> Self:
        """Load the model from a YAML file, or from YAML text.

        :param source: a path, or text; a string that names an existing file, or ends in .yaml, .yml or .json, is one.
        :raises InvalidConfigurationError: as :meth:`from_dict`, and for what is not YAML.
        """
        from airflow_provider_aztk.client.models import _yaml

        return cls._from_fields(*_yaml.read(cls.__name__, source))

    @classmethod
    def from_aztk(cls, data: Mapping[str, Any]) -> Self:
        """Build the model from plain values under the names of its fields or those of AZTK's files; blanks are not set.

        :param data: as a YAML file of AZTK has it, or as :meth:`from_dict` takes it.
        :raises InvalidConfigurationError: as :meth:`from_dict`.
        """
        from airflow_provider_aztk.client.models import _yaml

        return cls._from_fields(*_yaml.from_aztk(cls.__name__, data))

    @classmethod
    def _from_fields(cls, values: Mapping[str, Any], faults: Sequence[FieldError]) -> Self:
        """Build the model, and tell its faults together with those that were found before."""
        found = list(faults)
        try:
            built = cls.from_dict(values)
        except InvalidConfigurationError as error:
            found.extend(error.faults)
        else:
            if not found:
                return built
        raise InvalidConfigurationError(cls.__name__, found)

    def to_yaml(self) -> str:
        """Give the model as the text of an AZTK YAML file."""
        from airflow_provider_aztk.client.models import _yaml

        return _yaml.write(type(self).__name__, self.to_dict())


_WRONG: Any = object()
_CHECKED_AS_IDS = ("cluster_id", "id")


def _shaped(field: Field[Any], value: Any, model: type[ConfigModel] | None, faults: Faults) -> Any:
    """Give a value in the form that its field wants, or the field's default and a fault."""
    kind = str(field.type)
    if kind.startswith("Sequence"):
        result, fix = _list(field.name, value, model, faults), "give a list" + ("" if model else " of strings")
    elif kind.startswith("Mapping"):
        result, fix = _mapping(value, numbers=kind.endswith(", int]")), "give a mapping"
    elif model is not None:
        wrong = value is not None and not isinstance(value, model | Mapping)
        result = _WRONG if wrong else _built(field.name, field.name, value, model, faults)
        fix = f"give a {model.__name__} or a dict of its fields"
    elif kind.startswith("str") and field.name not in _CHECKED_AS_IDS:
        result, fix = _text(value), "give text"
    else:
        return whole_number(value) if kind.startswith("int") else truth(value) if kind.startswith("bool") else value
    if result is not _WRONG:
        return result
    faults.misshaped(field.name, value, fix)
    if field.default_factory is not MISSING:
        return field.default_factory()
    return value if field.default is MISSING else field.default


def _list(name: str, value: Any, model: type[ConfigModel] | None, faults: Faults) -> Any:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        return _WRONG
    if model is not None:
        built = [_built(name, f"{name}[{index}]", item, model, faults) for index, item in enumerate(value)]
        return tuple(item for item in built if item is not None)
    items = tuple(_text(item) for item in value)
    wrong = [index for index, item in enumerate(items) if item is None or item is _WRONG]
    for index in wrong:
        missing = "give text, or leave it out: nothing stands here" if value[index] is None else "give text"
        faults.add(f"{name}[{index}]", value[index], missing)
    if wrong:
        faults.misshape(name)
    return () if wrong else items


def _mapping(value: Any, *, numbers: bool) -> Any:
    if value is not None and not isinstance(value, Mapping):
        return _WRONG
    return {name: whole_number(item) if numbers else item for name, item in (value or {}).items()}


def _text(value: Any) -> Any:
    """Give a text or a path as a text; None passes, and is judged by the model."""
    if isinstance(value, Path):
        return str(value)
    return value if value is None or (isinstance(value, str) and is_text(value)) else _WRONG


def _built(field: str, path: str, value: Any, model: type[ConfigModel], faults: Faults) -> Any:
    """Build a nested model; its faults are told with their path, and None stands for it then."""
    if isinstance(value, model) or (value is None and path == field):
        return value
    try:
        return model.from_dict(value)
    except InvalidConfigurationError as error:
        faults.nested(field, path, error.faults)
        return None


def _plain(value: Any) -> Any:
    converters: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
        (ConfigModel, lambda v: v.to_dict()),
        (timedelta, iso_duration),
        ((list, tuple), lambda v: [_plain(item) for item in v]),
        (Mapping, lambda v: {key: _plain(item) for key, item in v.items()}),
        (Path, str),
    )
    for kind, convert in converters:
        if isinstance(value, kind):
            return convert(value)
    return value
