"""From the fields of an Airflow connection to the client's credentials."""

from __future__ import annotations

import logging
import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_aztk.client import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aztk.client import errors, models

log = logging.getLogger(__name__)

__all__ = ["SECRET_EXTRAS", "batch_url", "form_name", "in_form_words", "secret_values", "secrets_from_connection"]

#: Names that Airflow masks by itself, because each contains a word that its masker knows.
SECRET_EXTRAS = ("storage_access_key", "client_secret", "docker_password", "ssh_private_key")

#: Spellings that people try, and that Airflow would show in clear text: refused with the right name.
_MISSPELT = {
    "storage_account_key": "storage_access_key",
    "storage_key": "storage_access_key",
    "batch_account_key": "password",
    "batch_account_name": "login",
    "batch_service_url": "host",
    "credential": "client_secret",
    "ssh_priv_key": "ssh_private_key",
}
#: How much a name must be like a known one to be taken for a slip.
_LIKE = 0.75
_KEY_OR_ENTRA_ID = (
    "give the Batch account key; or, for Entra ID, leave it and storage_access_key out and give "
    "batch_account_resource_id and storage_account_resource_id"
)


def secret_values(password: str | None, extra: Mapping[str, Any]) -> Iterator[str]:
    """Give every secret of a connection, to be masked before anything can fail."""
    slips = [name for name in extra if name not in _extras() and (_like(name) in SECRET_EXTRAS)]
    for value in (password, *(extra.get(name) for name in (*SECRET_EXTRAS, *_MISSPELT, *slips))):
        if isinstance(value, str) and value:
            yield value


def batch_url(host: str | None, port: int | None = None) -> str | None:
    """Complete the Batch service's URL: https unless the host is this machine.

    A port in the host is kept, and counts more than ``port``; one that is no number is left for the models to refuse.
    """
    if not host:
        return None
    if "://" not in host:
        scheme = "http" if is_loopback_url(f"//{host}") else "https"
        host = f"{scheme}://{host}"
    try:
        parts = urlsplit(host)
        missing = bool(port) and parts.port is None
    except ValueError:
        return host
    return parts._replace(netloc=f"{parts.netloc.removesuffix(':')}:{port}").geturl() if missing else host


def secrets_from_connection(
    *,
    host: str | None,
    login: str | None,
    password: str | None,
    port: int | None = None,
    extra: Mapping[str, Any],
    conn_id: str = "",
) -> models.SecretsConfiguration:
    """Build the client's credentials.

    :param host: Batch service URL.
    :param login: Batch account name.
    :param password: Batch account key; without it Entra ID is used.
    :param port: port of the Batch service, where the host does not have it.
    :param extra: everything else, see ``docs/connection.md``.
    :param conn_id: the connection's id, for errors.
    :raises InvalidConfigurationError: naming each field that is missing or wrong, as the connection's form does.
    """
    from airflow_provider_aztk.client import errors, models

    subject = f"the Airflow connection {conn_id!r}" if conn_id else "the Airflow connection"
    given = {name: value for name, value in extra.items() if value not in (None, "")}
    faults = [
        errors.FieldError(
            f"extra.{name}", "'***'", f"use {form_name(right)}: Airflow would show this name's value in clear text"
        )
        for name, right in _MISSPELT.items()
        if name in given
    ]
    faults += _slips(given)
    if faults:
        raise errors.InvalidConfigurationError(subject, faults)
    account = {"batch_service_url": batch_url(host, port), "storage_service_url": given.get("storage_service_url")}
    try:
        if password:
            chosen: dict[str, Any] = {"shared_key": _shared_key(login, password, account, given)}
        else:
            chosen = {"service_principal": _entra_id(account, given)}
        return models.SecretsConfiguration(
            **chosen,
            docker=_docker(given),
            ssh_pub_key=given.get("ssh_pub_key"),
            ssh_priv_key=given.get("ssh_private_key"),
        )
    except errors.InvalidConfigurationError as error:
        named = [
            errors.FieldError(_field(fault.field), fault.value, in_form_words(fault.fix)) for fault in error.faults
        ]
        if not password and _wants_a_key(given):
            named.insert(0, errors.FieldError(form_name("password"), "missing", in_form_words(_KEY_OR_ENTRA_ID)))
        raise errors.InvalidConfigurationError(subject, named) from None


def _like(name: str) -> str | None:
    """Return the known extra that a name is most like."""
    return next(iter(get_close_matches(name.lower().replace("-", "_"), list(_extras()), n=1, cutoff=_LIKE)), None)


def _slips(given: Mapping[str, Any]) -> Iterator[errors.FieldError]:
    """Find extras that nobody reads: one that is like a known one is a fault, another one is told in the log."""
    from airflow_provider_aztk.client import errors

    for name in given:
        if name in _extras() or name in _MISSPELT:
            continue
        if like := _like(name):
            yield errors.FieldError(f"extra.{name}", "'***'", f"nobody reads this name: use {form_name(like)}")
        else:
            log.warning("The connection's extra.%s is not read; known are %s", name, ", ".join(_extras()))


def _wants_a_key(given: Mapping[str, Any]) -> bool:
    """Tell whether the connection looks like account keys, or like nothing yet, rather than like Entra ID."""
    entra_id = ("tenant_id", "client_id", "client_secret", "batch_account_resource_id", "storage_account_resource_id")
    return "storage_access_key" in given or not any(name in given for name in entra_id)


def _shared_key(
    login: str | None, password: str, account: Mapping[str, Any], given: Mapping[str, Any]
) -> models.SharedKeyConfiguration:
    from airflow_provider_aztk.client import models

    return models.SharedKeyConfiguration(
        batch_account_name=login or "",
        batch_account_key=password,
        batch_service_url=account["batch_service_url"] or "",
        storage_account_name=given.get("storage_account_name", ""),
        storage_account_key=given.get("storage_access_key", ""),
        storage_account_suffix=given.get("storage_account_suffix"),
        storage_service_url=account["storage_service_url"],
        cloud_environment=given.get("cloud_environment"),
    )


def _entra_id(account: Mapping[str, Any], given: Mapping[str, Any]) -> models.ServicePrincipalConfiguration:
    from airflow_provider_aztk.client import models

    return models.ServicePrincipalConfiguration(
        tenant_id=given.get("tenant_id"),
        client_id=given.get("client_id"),
        credential=given.get("client_secret"),
        batch_account_resource_id=given.get("batch_account_resource_id", ""),
        storage_account_resource_id=given.get("storage_account_resource_id", ""),
        batch_service_url=account["batch_service_url"],
        storage_service_url=account["storage_service_url"],
        cloud_environment=given.get("cloud_environment"),
    )


def _docker(given: Mapping[str, Any]) -> models.DockerConfiguration | None:
    from airflow_provider_aztk.client import models

    found = {
        name: given[f"docker_{name}"] for name in ("endpoint", "username", "password") if f"docker_{name}" in given
    }
    if not found:
        return None
    return models.DockerConfiguration(**{"username": "", "password": "", **found})


#: Where the connection has what the client's models call otherwise.
_CONNECTION_NAMES = {
    "batch_service_url": "host",
    "batch_account_name": "login",
    "batch_account_key": "password",
    "storage_account_key": "storage_access_key",
    "ssh_priv_key": "ssh_private_key",
}
#: The same for names that are ordinary words, or also the connection's own: only where they stand for a field.
_FIELD_NAMES = {
    **_CONNECTION_NAMES,
    "credential": "client_secret",
    "username": "docker_username",
    "password": "docker_password",
    "endpoint": "docker_endpoint",
}


def _field(name: str) -> str:
    """Name a field of the client's models as the connection's form does."""
    return form_name(_FIELD_NAMES.get(name, name))


def form_name(name: str) -> str:
    """Name an entry of the connection as its form does, with its place in JSON: ``Batch account key (password)``.

    :param name: ``host``, ``login``, ``password``, or the name of an extra.
    """
    label = _labels().get(name)
    place = name if name in ("host", "login", "password", "port") else f"extra.{name}"
    return f"{label} ({place})" if label else place


def in_form_words(text: str) -> str:
    """Name the connection's fields in a text of the client's as the form does; those that are named so already stay."""

    def in_words(found: re.Match[str]) -> str:
        words = form_name(_CONNECTION_NAMES.get(found[1], found[1]))
        return found[0] if text[: found.end()].endswith(words.removesuffix(")")) else words

    names = sorted({*_CONNECTION_NAMES, *(name for name in _labels() if "_" in name)}, key=len, reverse=True)
    pattern = rf"(?<![\w./])(?:extra\.)?({'|'.join(names)})(?!\w)"
    return re.sub(pattern, in_words, text)


@cache
def _labels() -> dict[str, str]:
    from airflow_provider_aztk.get_provider_info import get_provider_info

    (connection,) = get_provider_info()["connection-types"]
    return {**connection["ui-field-behaviour"]["relabeling"], **_extras()}


@cache
def _extras() -> dict[str, str]:
    """Return the labels of all extras of the connection, by their names."""
    from airflow_provider_aztk.get_provider_info import get_provider_info

    (connection,) = get_provider_info()["connection-types"]
    return {name: str(field["label"]) for name, field in connection["conn-fields"].items()}
