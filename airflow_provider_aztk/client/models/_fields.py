"""The fields of a model: their order, defaults, and pydantic's validators of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter

from airflow_provider_aztk.client.models._readers import iso_duration
from airflow_provider_aztk.client.models._types import REQUIRED


def model_fields(model: type[Any]) -> list[Field[Any]]:
    """Return the fields of a model: those that may be given by position first, as AZTK has them."""
    return sorted(fields(model), key=lambda field: bool(field.kw_only))


def is_required(field: Field[Any]) -> bool:
    """Return whether there is no model without this field."""
    return default_of(field) is REQUIRED


def default_of(field: Field[Any]) -> Any:
    """Return the default of a field; REQUIRED where it has none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return REQUIRED if field.default is MISSING else field.default


_ADAPTERS: dict[type[Any], dict[str, TypeAdapter[Any]]] = {}


def adapters(model: type[Any]) -> dict[str, TypeAdapter[Any]]:
    """Return pydantic's validators of a model's fields, by name; they are built once."""
    if model not in _ADAPTERS:
        config = ConfigDict(hide_input_in_errors=True)
        hints = get_type_hints(model, include_extras=True)
        _ADAPTERS[model] = {f.name: TypeAdapter(hints[f.name], config=config) for f in model_fields(model)}
    return _ADAPTERS[model]


def plain(value: Any) -> Any:
    """Return a value of a field as JSON has it."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, timedelta):
        return iso_duration(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
