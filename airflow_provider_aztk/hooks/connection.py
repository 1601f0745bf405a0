"""Read a connection of type ``aztk``: the one that Airflow has, or, without Airflow, one of the environment."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_provider_aztk.hooks.credentials import secret_values, secrets_from_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client import models

__all__ = ["CONN_TYPE", "DEFAULT_CONN_ID", "ConnectionFields", "environment_secrets", "secrets_of"]

CONN_TYPE = "aztk"
DEFAULT_CONN_ID = "aztk_default"
_VERBOSE_LOGGERS = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity")


class Fields(Protocol):
    """The fields of a connection, as Airflow's ``Connection`` has them; ``extra`` is text."""

    @property
    def conn_type(self) -> str | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def login(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def port(self) -> int | None: ...
    @property
    def extra(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class ConnectionFields:
    """The fields of a connection, without Airflow."""

    conn_type: str | None = None
    host: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    extra: str | None = field(default=None, repr=False)


def secrets_of(connection: Fields, conn_id: str, mask: Callable[[str], None]) -> models.SecretsConfiguration:
    """Return the credentials of a connection.

    :param connection: its fields.
    :param conn_id: its id, for error texts.
    :param mask: is called with each secret before an error can show it.
    :raises InvalidConfigurationError: naming each field that is missing or wrong.
    """
    for name in _VERBOSE_LOGGERS:  # each request is a dozen lines at INFO, and task logs show INFO
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    extra = _json_object(connection.extra) if connection.extra else {}
    for value in secret_values(connection.password, extra or {}):
        mask(value)
    if connection.conn_type != CONN_TYPE:
        its_type = f"its type is {connection.conn_type}" if connection.conn_type else "it has no type"
        fix = f"{its_type}, not {CONN_TYPE}: name a connection of that type in aztk_conn_id, or change it"
        raise _unusable(conn_id, "Connection type (conn_type)", repr(connection.conn_type), fix)
    if extra is None:
        raise _unusable(conn_id, "Extra (extra)", "'***'", "give a JSON object, {...}, or leave it empty")
    return secrets_from_connection(
        host=connection.host,
        login=connection.login,
        password=connection.password,
        port=connection.port,
        extra=extra,
        conn_id=conn_id,
    )


def environment_secrets(conn_id: str) -> models.SecretsConfiguration:
    """Return the credentials of the connection in ``AIRFLOW_CONN_<ID>``, JSON or URI, without Airflow.

    :raises InvalidConfigurationError: there is none, it cannot be read, or a field is missing or wrong.
    """
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    text = os.environ.get(name, "").strip()
    if not text:
        fix = "export it, or use `airflow aztk`, which reads Airflow's connections; see docs/connection.md"
        raise _unusable(conn_id, name, "missing", fix)
    try:
        fields = _from_json(text) if text.startswith("{") else _from_uri(text)
    except (ValueError, TypeError):  # the text is not shown: it holds keys
        fix = "give the connection as JSON, or as a URI with each part encoded; see docs/connection.md"
        raise _unusable(conn_id, name, "'***'", fix) from None
    return secrets_of(fields, conn_id, mask=lambda _: None)


def _unusable(conn_id: str, field_name: str, value: str, fix: str) -> Exception:
    from airflow_provider_aztk.client import errors

    fault = errors.FieldError(field_name, value, fix)
    return errors.InvalidConfigurationError(f"the Airflow connection {conn_id!r}", [fault])


def _json_object(text: str) -> dict[str, Any] | None:
    """Read the extra of a connection; None where it is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _from_json(text: str) -> ConnectionFields:
    """Read a connection as Airflow's ``Connection.from_json`` does."""
    given = json.loads(text)
    extra, port = given.get("extra"), given.get("port")
    return ConnectionFields(
        conn_type=(given.get("conn_type") or "").replace("-", "_"),
        host=given.get("host"),
        login=given.get("login"),
        password=given.get("password"),
        port=int(port) if port else None,
        extra=extra if isinstance(extra, str) else json.dumps(extra or {}),
    )


def _from_uri(text: str) -> ConnectionFields:
    """Read a connection as Airflow's ``Connection.from_uri`` does; also with the scheme of the host unencoded."""
    conn_type, _, rest = text.partition("://")
    scheme, separator, behind = rest.partition("://")
    parts = urlsplit(f"//{behind if separator else rest}")
    host = unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return ConnectionFields(
        conn_type=conn_type.replace("-", "_"),
        host=f"{scheme}://{host}" if separator else host,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        port=parts.port,
        extra=query["__extra__"] if "__extra__" in query else json.dumps(query),
    )
