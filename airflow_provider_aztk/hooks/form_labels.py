"""Labels of connection fields for error texts, as in the form of Airflow's UI: ``Batch account key (password)``."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

__all__ = ["extra_labels", "field_label", "form_label", "with_form_labels"]

#: Fields of the client's models that have another name in the connection.
_ENTRY_OF_FIELD = {
    "batch_service_url": "host",
    "batch_account_name": "login",
    "batch_account_key": "password",
    "storage_account_key": "storage_access_key",
    "ssh_priv_key": "ssh_private_key",
}
#: The same with names that are ordinary words as well: not replaced within a text.
_ENTRY_OF_ANY_FIELD = {
    **_ENTRY_OF_FIELD,
    "credential": "client_secret",
    "username": "docker_username",
    "password": "docker_password",
    "endpoint": "docker_endpoint",
}


def form_label(entry: str) -> str:
    """Return the label of a connection's entry, with its place in the connection's JSON.

    :param entry: ``host``, ``login``, ``password``, ``port``, or the name of an extra.
    """
    label = _labels().get(entry)
    place = entry if entry in ("host", "login", "password", "port") else f"extra.{entry}"
    return f"{label} ({place})" if label else place


def field_label(field: str) -> str:
    """Return the label of the entry from which a field of the client's models is read."""
    return form_label(_ENTRY_OF_ANY_FIELD.get(field, field))


def with_form_labels(text: str) -> str:
    """Return a text with the names of fields replaced by their labels; labels in the text are not changed."""

    def label(found: re.Match[str]) -> str:
        new = form_label(_ENTRY_OF_FIELD.get(found[1], found[1]))
        return found[0] if text[: found.end()].endswith(new.removesuffix(")")) else new

    names = sorted({*_ENTRY_OF_FIELD, *(name for name in _labels() if "_" in name)}, key=len, reverse=True)
    pattern = rf"(?<![\w./])(?:extra\.)?({'|'.join(names)})(?!\w)"
    return re.sub(pattern, label, text)


@cache
def extra_labels() -> dict[str, str]:
    """Return the label of each extra of the connection, by name."""
    return {name: str(field["label"]) for name, field in _form()["conn-fields"].items()}


@cache
def _labels() -> dict[str, str]:
    return {**_form()["ui-field-behaviour"]["relabeling"], **extra_labels()}


def _form() -> dict[str, Any]:
    from airflow_provider_aztk.get_provider_info import get_provider_info

    (connection,) = get_provider_info()["connection-types"]
    form: dict[str, Any] = connection
    return form
