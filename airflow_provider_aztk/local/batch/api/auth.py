"""Access control: only callers on this machine that sign with the account's key are admitted."""

from __future__ import annotations

import hmac
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.loopback import names_this_machine
from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import parse_http, utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings

__all__ = ["check_host", "check_origin", "check_signature"]

log = logging.getLogger(__name__)

_SKEW = timedelta(minutes=15)


def check_host(headers: Mapping[str, str], port: int) -> None:
    """Refuse a foreign Host: a web page that had its name resolve to this machine (DNS rebinding) would send it.

    :raises BatchServiceError: ``Forbidden``.
    """
    name, _, given_port = headers.get("host", "").rpartition(":")
    if not names_this_machine(name) or given_port != str(port):
        raise BatchServiceError("Forbidden", Reason="The Host header does not name this service.")


def check_origin(headers: Mapping[str, str], port: int) -> None:
    """Refuse what a web page could send: a foreign Host, or any Origin.

    :raises BatchServiceError: ``Forbidden``.
    """
    check_host(headers, port)
    # Node's own fetch() sends Sec-Fetch-Mode as well; only browsers tell the site.
    if "origin" in headers or "sec-fetch-site" in headers:
        raise BatchServiceError("Forbidden", Reason="Requests from web pages are refused.")


def check_signature(settings: EmulatorSettings, method: str, raw_target: str, headers: Mapping[str, str]) -> None:
    """Check the SharedKey signature and the age of a request.

    :raises BatchServiceError: ``AuthenticationFailed``.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    account, _, signature = credentials.strip().partition(":")
    if scheme != "SharedKey" or not signature:
        raise _refusal("A SharedKey signature is needed.")
    if account != settings.account:
        raise _refusal(f"The account is {settings.account}.")
    # Where no length is sent, some clients sign nothing and some sign "0".
    lengths = [headers["content-length"]] if "content-length" in headers else ["", "0"]
    texts = [string_to_sign(settings.account, method, raw_target, {**headers, "content-length": n}) for n in lengths]
    # A list, not a generator: every candidate is compared, whichever fits.
    if not any([hmac.compare_digest(sign(settings.key, text).encode(), signature.encode()) for text in texts]):
        log.debug("signature of %s does not match; strings to sign: %r", method, texts)
        raise _refusal("The signature does not match; check the account key.")
    _check_age(headers.get("ocp-date") or headers.get("date") or "")


def _check_age(date: str) -> None:
    try:
        age = utcnow() - parse_http(date)
    except (ValueError, IndexError) as error:
        raise _refusal("ocp-date or Date must hold the time of the request, as RFC 1123 has it.") from error
    if abs(age) > _SKEW:
        raise _refusal("The time of the request is too far from the server's.")


def _refusal(detail: str) -> BatchServiceError:
    return BatchServiceError("AuthenticationFailed", AuthenticationErrorDetail=detail)
