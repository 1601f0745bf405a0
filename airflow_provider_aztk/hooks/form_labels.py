"""Name a connection's fields in error texts as the form in Airflow's UI does: ``Batch account key (password)``."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["extra_labels", "field_label", "form_label", "with_form_labels"]

#: The connection's entry for fields that have another name in the client's models.
_ENTRY_OF_FIELD = {
    "batch_service_url": "host",
    "batch_account_name": "login",
    "batch_account_key": "password",
    "storage_account_key": "storage_access_key",
    "ssh_priv_key": "ssh_private_key",
}
#: The same for names that are ordinary words, or also the connection's own: replaced only where a field is meant.
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
    """Replace the names of fields in a text by their labels; labels that are in it already stay."""

    def label(found: re.Match[str]) -> str:
        words = form_label(_ENTRY_OF_FIELD.get(found[1], found[1]))
        return found[0] if text[: found.end()].endswith(words.removesuffix(")")) else words

    names = sorted({*_ENTRY_OF_FIELD, *(name for name in _labels() if "_" in name)}, key=len, reverse=True)
    pattern = rf"(?<![\w./])(?:extra\.)?({'|'.join(names)})(?!\w)"
    return re.sub(pattern, label, text)


@cache
def extra_labels() -> dict[str, str]:
    """Return the labels of all extras of the connection, by their names."""
    from airflow_provider_aztk.get_provider_info import get_provider_info

    (connection,) = get_provider_info()["connection-types"]
    return {name: str(field["label"]) for name, field in connection["conn-fields"].items()}


@cache
def _labels() -> dict[str, str]:
    from airflow_provider_aztk.get_provider_info import get_provider_info

    (connection,) = get_provider_info()["connection-types"]
    return {**connection["ui-field-behaviour"]["relabeling"], **extra_labels()}
