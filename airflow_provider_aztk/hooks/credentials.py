"""Build the client's credentials from the fields of an Airflow connection."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_aztk.client import is_loopback_url
from airflow_provider_aztk.hooks.form_labels import extra_labels, field_label, form_label, with_form_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aztk.client import errors, models

log = logging.getLogger(__name__)

__all__ = ["SECRET_EXTRAS", "batch_url", "secret_values", "secrets_from_connection"]

#: Extras that Airflow itself masks, because their names contain one of the words of its masker.
SECRET_EXTRAS = ("storage_access_key", "client_secret", "docker_password", "ssh_private_key")

#: Wrong names that users try and whose values Airflow would not mask: an error names the right one.
_MISSPELT = {
    "storage_account_key": "storage_access_key",
    "storage_key": "storage_access_key",
    "batch_account_key": "password",
    "batch_account_name": "login",
    "batch_service_url": "host",
    "credential": "client_secret",
    "ssh_priv_key": "ssh_private_key",
}
#: How similar to a known name (0 to 1) a name must be to be refused as misspelt.
_SIMILARITY = 0.75
_KEY_OR_ENTRA_ID = (
    "give the Batch account key; or, for Entra ID, leave it and storage_access_key out and give "
    "batch_account_resource_id and storage_account_resource_id"
)


def secret_values(password: str | None, extra: Mapping[str, Any]) -> Iterator[str]:
    """Yield every secret of a connection, also those under a wrong name; mask them before an error can show them."""
    misspelt = [name for name in extra if name not in extra_labels() and _most_similar(name) in SECRET_EXTRAS]
    for value in (password, *(extra.get(name) for name in (*SECRET_EXTRAS, *_MISSPELT, *misspelt))):
        if isinstance(value, str) and value:
            yield value


def batch_url(host: str | None, port: int | None = None) -> str | None:
    """Return the URL of the Batch service; the default scheme is https, or http on a loopback address.

    A port in the host has precedence over ``port``. A port that is not a number stays; the models refuse it.
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
    """Return the client's credentials.

    :param host: Batch service URL.
    :param login: Batch account name.
    :param password: Batch account key; without it Entra ID is used.
    :param port: port of the Batch service, where the host does not have it.
    :param extra: all other fields, see ``docs/connection.md``.
    :param conn_id: the connection's id, for error texts.
    :raises InvalidConfigurationError: naming each field that is missing or wrong, as the connection's form does.
    """
    from airflow_provider_aztk.client import errors, models

    subject = f"the Airflow connection {conn_id!r}" if conn_id else "the Airflow connection"
    given = {name: value for name, value in extra.items() if value not in (None, "")}
    faults = [
        errors.FieldError(
            f"extra.{name}", "'***'", f"use {form_label(right)}: Airflow would show this name's value in clear text"
        )
        for name, right in _MISSPELT.items()
        if name in given
    ]
    faults += _unknown_names(given)
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
            **{name: given[name] for name in ("sas_lifetime", "deletion_timeout") if name in given},
        )
    except errors.InvalidConfigurationError as error:
        named = [
            errors.FieldError(field_label(fault.field), fault.value, with_form_labels(fault.fix))
            for fault in error.faults
        ]
        if not password and _wants_a_key(given):
            named.insert(0, errors.FieldError(form_label("password"), "missing", with_form_labels(_KEY_OR_ENTRA_ID)))
        raise errors.InvalidConfigurationError(subject, named) from None


def _most_similar(name: str) -> str | None:
    """Return the known extra with the most similar name, or None."""
    similar = get_close_matches(name.lower().replace("-", "_"), extra_labels(), n=1, cutoff=_SIMILARITY)
    return similar[0] if similar else None


def _unknown_names(given: Mapping[str, Any]) -> Iterator[errors.FieldError]:
    """Yield an error for each unknown extra that is similar to a known one; log a warning for the others."""
    from airflow_provider_aztk.client import errors

    for name in given:
        if name in extra_labels() or name in _MISSPELT:
            continue
        if similar := _most_similar(name):
            yield errors.FieldError(f"extra.{name}", "'***'", f"there is no such field: use {form_label(similar)}")
        else:
            log.warning("The connection's extra.%s is not read; known are %s", name, ", ".join(extra_labels()))


def _wants_a_key(given: Mapping[str, Any]) -> bool:
    """Return whether the connection probably lacks its Batch key: it has a storage key, or no field of Entra ID."""
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
        resource_manager_url=given.get("resource_manager_url"),
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
