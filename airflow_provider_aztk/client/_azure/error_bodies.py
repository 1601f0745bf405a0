"""What the bodies of Azure's errors say: Batch's and Resource Manager's in JSON, Storage's in XML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

# The signature of a SAS in a URL, and that of a request, which Storage repeats with what it signs.
_SAS_SIGNATURE = re.compile(r"(?i)\bsig=[^&\s\"'<>]+")
_REQUEST_SIGNATURE = re.compile(r"'[A-Za-z0-9+/]{40,}={0,2}'")


@dataclass(frozen=True)
class ErrorBody:
    """What an error says.

    :param values: further details, such as ``AuthenticationErrorDetail``: one line each, without signatures.
    """

    code: str | None = None
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)


def read_error(text: str) -> ErrorBody:
    """Read a body; one that is no error of Azure's says nothing."""
    text = text.lstrip("\ufeff").strip()
    if text.startswith("<"):
        return _read_xml(text)
    try:
        found = json.loads(text)
    except ValueError:
        return ErrorBody()
    return _read_json(found) if isinstance(found, dict) else ErrorBody()


def _read_json(body: dict[str, Any]) -> ErrorBody:
    if isinstance(body.get("error"), dict):  # Resource Manager's
        body = body["error"]
    message = body.get("message")
    text = message.get("value", "") if isinstance(message, dict) else message
    values = {str(v.get("key")): _shown(v.get("value")) for v in body.get("values") or [] if isinstance(v, dict)}
    return ErrorBody(code=body.get("code"), message=_shown(text or ""), values=values)


def _read_xml(text: str) -> ErrorBody:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ErrorBody()
    found = {child.tag: child.text or "" for child in root}
    values = {name: _shown(value) for name, value in found.items() if name not in ("Code", "Message") and value}
    return ErrorBody(code=found.get("Code") or None, message=_shown(found.get("Message", "")), values=values)


def _shown(value: object) -> str:
    return without_signature(first_line(str(value)))


def without_signature(text: str) -> str:
    """Leave out signatures, should Azure repeat a URL or a request that it was given."""
    return _REQUEST_SIGNATURE.sub("'***'", _SAS_SIGNATURE.sub("sig=***", text))


def first_line(text: str) -> str:
    """Leave out what Azure appends in further lines: request id and time, which we keep apart."""
    return text.strip().split("\n", 1)[0].strip()
