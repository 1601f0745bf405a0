"""Signatures of Azure Storage: a request's by the account's key, and a SAS's by the account's or a user delegation key.

See learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key, .../create-service-sas and
.../create-user-delegation-sas. The fields that versions since 2025 have added are as in azure-storage-blob
(``_shared_access_signature.py``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from airflow_provider_aztk.local.batch.common.signing import SIGNED_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["delegated_text", "key_signature", "service_sas", "shared_key"]

_KEY_FIELDS = ("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid")
_ANSWER_FIELDS = ("rscc", "rscd", "rsce", "rscl", "rsct")
#: The version of the SAS that a delegated one is replaced by.
_SERVICE_VERSION = "2020-12-06"
_OLDEST, _WITH_DELEGATED_USER, _WITH_REQUEST_FIELDS = "2020-12-06", "2025-07-05", "2026-04-06"


def key_signature(key: bytes, text: str) -> str:
    """Sign a text."""
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def shared_key(account: str, key: bytes, method: str, raw_path: str, raw_query: str, headers: Mapping[str, str]) -> str:
    """Return the ``Authorization`` header of a request.

    :param raw_path: as on the wire; that of Azurite begins with the account.
    :param headers: with names in lower case.
    """
    standard = [headers.get(name, "") for name in SIGNED_HEADERS]
    standard[2] = "" if standard[2] == "0" else standard[2]
    if "x-ms-date" in headers:
        standard[5] = ""
    own = [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-ms-")]
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        values.setdefault(name.lower(), []).append(value)
    query = [f"{name}:{','.join(sorted(values[name]))}" for name in sorted(values)]
    text = "\n".join([method, *standard, *own, f"/{account}{raw_path}", *query])
    return f"SharedKey {account}:{key_signature(key, text)}"


def _resource(account: str, raw_path: str, kind: str) -> str:
    """Return the name of what a SAS is for: the container of the path, or its blob."""
    parts = unquote(raw_path).strip("/").split("/", 2)  # the account is the first in Azurite's paths
    kept = parts[1:2] if kind == "c" else parts[1:3]
    return "/".join(["/blob", account, *kept])


def delegated_text(account: str, raw_path: str, sas: Mapping[str, str]) -> str | None:
    """Return what the signature of a user delegation SAS covers; None: its version is not known here."""
    version = sas.get("sv", "")
    if version < _OLDEST:
        return None
    lines = [sas.get(name, "") for name in ("sp", "st", "se")]
    lines.append(_resource(account, raw_path, sas.get("sr", "")))
    lines += [sas.get(name, "") for name in _KEY_FIELDS]
    if version >= _WITH_DELEGATED_USER:
        lines += [sas.get(name, "") for name in ("skdutid", "sduoid")]
    lines += [sas.get("sip", ""), sas.get("spr", ""), version, sas.get("sr", ""), "", sas.get("ses", "")]
    if version >= _WITH_REQUEST_FIELDS:
        lines += ["", ""]  # srh, srq: conditions on the request, of which we take none
    return "\n".join([*lines, *(sas.get(name, "") for name in _ANSWER_FIELDS)])


def service_sas(account: str, key: bytes, raw_path: str, sas: Mapping[str, str]) -> dict[str, str]:
    """Return a SAS of the account's key with the permissions, times and resource of another one."""
    kind = sas.get("sr", "")
    answer = [sas.get(name, "") for name in _ANSWER_FIELDS]
    times = [sas.get(name, "") for name in ("sp", "st", "se")]
    resource = _resource(account, raw_path, kind)
    lines = [*times, resource, "", sas.get("sip", ""), "", _SERVICE_VERSION, kind, "", "", *answer]
    kept = {name: sas[name] for name in ("sp", "st", "se", "sr", "sip", *_ANSWER_FIELDS) if name in sas}
    return {**kept, "sv": _SERVICE_VERSION, "sig": key_signature(key, "\n".join(lines))}
