"""Secrets of Spark applications: configurations name Airflow connections, never the secrets themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.providers.common.compat.sdk import Connection

__all__ = ["SECRET_FIELDS", "check_references", "field_of", "references", "resolve"]

SECRET_FIELDS = ("secret_conf", "secret_env")
_REFERENCE = re.compile(r"(?P<conn>[\w.-]+):(?P<field>password|login|host|schema|port|extra\.[\w.-]+)")
# Properties that hold secrets by their very name; they belong into secret_conf or secret_env.
_SECRET_NAME = re.compile(
    r"(fs\.azure\.(account\.key|sas)\b|(secret|password|passwd|token)$|(access|account|shared|api|secret)[._-]?key$)",
    re.I,
)
_HINT = "name an Airflow connection, as in 'my_conn:password' or 'my_conn:extra.client_secret'"


def check_references(application: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with an application's secrets; the values themselves are never repeated.

    :param application: the configuration as a plain dict, rendered or not; what is still a template is let through.
    """
    wrong = []
    for field in SECRET_FIELDS:
        for name, value in _items(application.get(field)):
            if not _is_template(value) and not (isinstance(value, str) and _REFERENCE.fullmatch(value)):
                wrong.append(f"{field}[{name!r}]: a secret in clear text is not allowed here; {_HINT}")
    for field, secret_field in (("conf", "secret_conf"), ("env", "secret_env")):
        for name, _ in _items(application.get(field)):
            if _SECRET_NAME.search(str(name)):
                wrong.append(f"{field}[{name!r}]: this holds a secret; move it to {secret_field} and {_HINT}")
    return wrong


def references(application: Mapping[str, Any]) -> list[str]:
    """List the references in an application's secrets, each once."""
    found = {str(value): None for field in SECRET_FIELDS for _, value in _items(application.get(field))}
    return [value for value in found if _REFERENCE.fullmatch(value)]


def resolve(application: Mapping[str, Any], get_connection: Callable[[str], Connection]) -> dict[str, Any]:
    """Put the secrets in the place of their references.

    :param application: the rendered configuration.
    :param get_connection: how to read an Airflow connection.
    :raises ValueError: where a connection has no such field.
    """
    result = dict(application)
    connections: dict[str, Connection] = {}
    for field in SECRET_FIELDS:
        if not application.get(field):
            continue
        result[field] = {}
        for name, reference in _items(application[field]):
            match = _REFERENCE.fullmatch(str(reference))
            if match is None:
                raise ValueError(f"{field}[{name!r}]: {_HINT}")
            connection = connections.setdefault(match["conn"], get_connection(match["conn"]))
            result[field][name] = field_of(connection, match["field"], f"{field}[{name!r}]")
    return result


def field_of(connection: Connection, field: str, asked_by: str) -> str:
    """Read one field of a connection as text."""
    if field.startswith("extra."):
        value = connection.extra_dejson.get(field.removeprefix("extra."))
    else:
        value = getattr(connection, field, None)
    if value in (None, ""):
        raise ValueError(f"{asked_by}: the Airflow connection {connection.conn_id!r} has no {field}; set it there")
    return str(value)


def _items(mapping: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(mapping, dict):
        yield from mapping.items()


def _is_template(value: Any) -> bool:
    return not isinstance(value, str) or "{{" in value or "{%" in value
