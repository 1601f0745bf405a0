"""Replace secrets and ids in a report, each by the same word everywhere, so that the report still reads."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import fields, is_dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_aztk.client._clouds import cloud_of_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client.models import SecretsConfiguration

__all__ = ["Redactor"]

#: Members of a JSON body whose value is secret, whatever it looks like.
_SECRET_NAMES = re.compile(r"password|secret|(account|sas|access|storage|private|public)_?key", re.I)
_NAME = r"[^/\s\"'<>&?,;]+"
#: What is replaced wherever it stands: the word for it, and what it looks like. The first group is kept.
_PATTERNS = (
    ("TOKEN", re.compile(r"()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*")),
    ("SIGNATURE", re.compile(r"(?i)(\bsig(?:=|%3D))[^&\s\"'<>]+")),
    ("KEY", re.compile(r"()(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)")),
    ("RESOURCE-GROUP", re.compile(rf"(?i)(/resourceGroups/){_NAME}")),
    ("RESOURCE", re.compile(rf"(?i)(/providers/Microsoft\.[A-Za-z]+/[A-Za-z]+/){_NAME}")),
    ("SUBNET", re.compile(rf"(?i)(/subnets/){_NAME}")),
    ("NODE", re.compile(r"()(?:tvm[a-z]*_[0-9a-f]{16,}_[a-z]\b|tvm-\d{5,}_\d+-\w+)", re.I)),
    ("GUID", re.compile(r"()[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")),
    ("EMAIL", re.compile(r"()[\w.+-]+@[\w-]+\.[\w.-]*[a-z]", re.I)),
)
_MAYBE_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*)"
)
_SHORTEST_ADDRESS = 4
_ENCODED = re.compile(r"%(?:2[0-9A-F]|3[0-9A-F]|40|5[BD])", re.I)
#: A URL may be a part of a URL that is a part of a URL.
_ENCODED_TIMES = 3
#: Secrets of so many characters are replaced within words, too; a shorter one may be a part of any word.
_LONG = 8
#: Members of an image reference, as Azure lists them: an account may have a name that is a part of them.
_OF_IMAGES = frozenset({"publisher", "offer", "sku", "nodeAgentSKUId"})
#: Fields of the credentials that say nothing about anybody.
_HARMLESS = frozenset({"cloud_environment", "storage_account_suffix"})


class Redactor:
    """Replaces what the credentials hold, and what looks like a secret or an id.

    :param secrets: the credentials of the run.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self._words: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        known = {value: word for word, value in _known(secrets) if value}
        known.setdefault(str(Path.home()), "HOME")
        self._known = sorted(known.items(), key=lambda item: -len(item[0]))
        self._long_secrets = [value for value in _secret_values(secrets) if len(value) >= _LONG]

    def everything(self, value: Any, name: str = "") -> Any:
        """Return a JSON value, and all that is in it, redacted.

        :param name: of the member whose value it is.
        """
        if isinstance(value, dict):
            return {self._key(str(key)): self.everything(entry, str(key)) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.everything(entry, name) for entry in value]
        if isinstance(value, str):
            if name in _OF_IMAGES:
                return value
            return self._word("SECRET", value) if value and _SECRET_NAMES.search(name) else self.text(value)
        return value

    def text(self, text: str) -> str:
        """Return a text redacted; what is percent-encoded in it is decoded, since it hides what to look for."""
        for _ in range(_ENCODED_TIMES):
            if not _ENCODED.search(text):
                break
            text = unquote(text)
        for value, word in self._known:
            text = re.sub(rf"(?i)(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", word, text)
        for word, pattern in _PATTERNS:
            text = pattern.sub(partial(self._replaced, word), text)
        return _MAYBE_ADDRESS.sub(lambda found: self._address(found[0]), text)

    def scrub(self, text: str) -> str:
        """Replace each secret of the credentials in a finished report, should one be left anywhere in a word."""
        for value in self._long_secrets:
            for form in _forms(value):
                text = text.replace(form, "SECRET")
        return text

    def _key(self, name: str) -> str:
        """Return the name of a member: an ordinary one stays, also where an account is called the same."""
        return name if name.isidentifier() else self.text(name)

    def _replaced(self, word: str, found: re.Match[str]) -> str:
        return found[1] + self._word(word, found[0][len(found[1]) :])

    def _address(self, text: str) -> str:
        bare = text.rstrip(".:")
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            return text
        return text if len(bare) < _SHORTEST_ADDRESS else self._word("ADDRESS", bare) + text[len(bare) :]

    def _word(self, kind: str, value: str) -> str:
        """Return the word for a value: the same for the same value."""
        if value.startswith(f"{kind}-"):
            return value
        key = (kind, value.lower())
        if key not in self._words:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._words[key] = f"{kind}-{self._numbers[kind]}"
        return self._words[key]


def _forms(value: str) -> set[str]:
    """Return a secret as it stands in plain text, in URLs, in JSON (also in JSON's texts) and in XML."""
    in_json = {json.dumps(value, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    plain = {value, *in_json, *(json.dumps(text)[1:-1] for text in in_json)}
    return {form for text in plain for form in (text, quote(text, safe=""), escape(text), escape(text, quote=False))}


def _values(model: Any) -> Iterator[tuple[str, str, bool]]:
    """Return name and value of each text in the credentials, and whether it is secret."""
    for field in fields(model):
        value = getattr(model, field.name)
        if is_dataclass(value):
            yield from _values(value)
        elif isinstance(value, str) and field.name not in _HARMLESS:
            yield field.name, value, not field.repr


def _secret_values(secrets: SecretsConfiguration) -> Iterator[str]:
    for _, value, is_secret in _values(secrets):
        if is_secret:
            yield value


def _known(secrets: SecretsConfiguration) -> Iterator[tuple[str, str]]:
    """Return the word for each value of the credentials."""
    for name, value, is_secret in _values(secrets):
        word = name.upper().replace("_", "-")
        if "://" in value:
            host = urlsplit(value).hostname or ""
            if cloud_of_url(value) is None:  # of Azure's own hosts only the account's name is anybody's
                yield f"{word}-HOST", host
        elif value.startswith("/subscriptions/"):
            yield "RESOURCE-ACCOUNT", value.rstrip("/").rpartition("/")[2]
        else:
            yield word, value
            if is_secret:
                yield word, quote(value, safe="")
