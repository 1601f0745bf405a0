"""Secrets of Spark applications: configurations name Airflow connections, never the secrets themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.secret_names import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.providers.common.compat.sdk import Connection

__all__ = ["SECRET_FIELDS", "check_references", "field_of", "mask", "references", "refuse_secrets", "resolve"]

SECRET_FIELDS = ("secret_conf", "secret_env")
_PLAIN_FIELDS = (("conf", "secret_conf"), ("env", "secret_env"))
_REFERENCE = re.compile(r"(?P<conn>[\w.-]+):(?P<field>password|login|host|schema|port|extra\.[\w.-]+)")
_HINT = "name an Airflow connection, as in 'my_conn:password' or 'my_conn:extra.client_secret'"
_SHORTEST_MASKED_LINE = 8  # characters; a shorter line of a secret would be masked in ordinary words, too


def check_references(application: Mapping[str, Any], *, rendered: bool = False) -> list[str]:
    """Return what is wrong with an application's secrets, without their values.

    :param application: the configuration as a mapping.
    :param rendered: whether it is rendered already; before that, what is still a template is let through.
    """
    wrong: list[str] = []
    for field in SECRET_FIELDS:
        wrong.extend(_no_mapping(application, field, rendered))
        for name, value in _items(application.get(field)):
            let_through = not rendered and _is_template(value)
            if not let_through and not (isinstance(value, str) and _REFERENCE.fullmatch(value)):
                wrong.append(f"{field}[{name!r}]: a secret in clear text is not allowed here; {_HINT}")
    for field, secret_field in _PLAIN_FIELDS:
        wrong.extend(_no_mapping(application, field, rendered))
        for name, _ in _items(application.get(field)):
            if is_secret_name(str(name)):
                wrong.append(f"{field}[{name!r}]: this holds a secret; move it to {secret_field} and {_HINT}")
    return wrong


def refuse_secrets(configuration: Any, *, rendered: bool = False) -> None:
    """Refuse secrets in clear text in a configuration; an AZTK job's applications are looked through as well.

    :param configuration: an application, a job, a cluster, or a list of them, as plain values.
    :param rendered: as in :func:`check_references`.
    :raises ValueError: with every fault and its place, and without any value.
    """
    wrong = [
        f"{path}{fault}"
        for path, application in _applications(configuration)
        for fault in check_references(application, rendered=rendered)
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def references(application: Mapping[str, Any]) -> list[str]:
    """Return the references in an application's secrets, each once."""
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


def mask(secret: str) -> None:
    """Mask a secret in this process's logs, as a whole and line by line: logs are masked by the line.

    :param secret: the secret; its lines of at least 8 characters are masked each by itself.
    """
    from airflow.sdk.log import mask_secret  # common-compat has it only since its 1.22

    mask_secret(secret)
    for line in {line.strip() for line in secret.splitlines()} - {secret}:
        if len(line) >= _SHORTEST_MASKED_LINE:
            mask_secret(line)


def _applications(configuration: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every mapping that may be an application, with its place."""
    if isinstance(configuration, Mapping):
        yield path, configuration
        for name in ("job", "applications"):
            yield from _applications(configuration.get(name), f"{path}{name}.")
    elif isinstance(configuration, Sequence) and not isinstance(configuration, str | bytes):
        for index, item in enumerate(configuration):
            yield from _applications(item, f"{path.removesuffix('.')}[{index}].")


def _no_mapping(application: Mapping[str, Any], field: str, rendered: bool) -> Iterator[str]:
    value = application.get(field)
    if value is None or isinstance(value, Mapping) or (not rendered and _is_template(value)):
        return
    fix = f"secrets; {_HINT}" if field in SECRET_FIELDS else "values"
    yield f"{field}: got {type(value).__name__}, give a mapping of names to {fix}"


def _items(mapping: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(mapping, Mapping):
        yield from mapping.items()


def _is_template(value: Any) -> bool:
    """Return whether Airflow will put another value here: a Jinja template, or another task's output."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve")
