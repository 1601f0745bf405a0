"""Read and write dataclasses as JSON objects: the names of the fields are the names in JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, ClassVar, Dict, Mapping, Type, TypeVar, Union, get_type_hints

__all__ = ["PROTOCOL_VERSION", "Document", "InvalidDocumentError", "JsonObject"]

PROTOCOL_VERSION = 1

Model = TypeVar("Model", bound="JsonObject")
DocumentModel = TypeVar("DocumentModel", bound="Document")


class InvalidDocumentError(ValueError):
    """Report a document that is no JSON, of another version, or not of the right shape. It never holds secrets."""


class JsonObject:
    """Base of the frozen dataclasses of which documents consist.

    Reading converts each value to the type of its field. A value that is missing, or null, takes the field's default.
    A new optional field is one line in its class.
    """

    refuses_unknown: ClassVar[bool] = False

    @classmethod
    def from_json(cls: Type[Model], value: Mapping[str, Any]) -> Model:
        """Return the object that a JSON object describes.

        :raises InvalidDocumentError: a field without a default is missing, or a value has the wrong type
        """
        hints = get_type_hints(cls)
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # subclasses are dataclasses
        if cls.refuses_unknown and not set(value) <= set(names):
            raise InvalidDocumentError(f"unknown fields: {', '.join(sorted(set(value) - set(names)))}")
        known = {name: _read(value[name], hints[name]) for name in names if value.get(name) is not None}
        try:
            return cls(**known)
        except TypeError as error:  # it names the fields that are missing
            raise InvalidDocumentError(str(error)) from None

    def to_json(self) -> Dict[str, Any]:
        """Return the JSON object, with all fields."""
        found = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {field.name: _write(getattr(self, field.name)) for field in found}


class Document(JsonObject):
    """Base of the documents that are blobs or files of their own; each carries :data:`PROTOCOL_VERSION`."""

    @classmethod
    def from_bytes(cls: Type[DocumentModel], data: bytes, name: str) -> DocumentModel:
        """Return the document in a blob or file.

        :param name: the blob or file, for the error
        :raises InvalidDocumentError: it is no JSON, of another version, or not of the right shape
        """
        try:
            value = json.loads(data)
        except ValueError:
            raise InvalidDocumentError(f"{name} is not JSON") from None
        version = value.get("version") if isinstance(value, dict) else None
        if version != PROTOCOL_VERSION:
            raise InvalidDocumentError(f"{name} has version {version!r}; this code reads version {PROTOCOL_VERSION}")
        try:
            return cls.from_json(value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kind = "" if isinstance(error, InvalidDocumentError) else f"{type(error).__name__}: "
            raise InvalidDocumentError(f"{name} does not match the protocol: {kind}{error}") from None

    def to_json(self) -> Dict[str, Any]:
        """Return the JSON object, with the version."""
        return {"version": PROTOCOL_VERSION, **super().to_json()}

    def to_bytes(self) -> bytes:
        """Return the content of the blob."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1).encode()


def _read(value: Any, hint: Any) -> Any:
    origin: Any = getattr(hint, "__origin__", None)
    args: Any = getattr(hint, "__args__", ())
    if origin is Union:  # Optional
        return _read(value, args[0])
    if origin is list:
        return [_read(item, args[0]) for item in value]
    if origin is dict:
        return {str(key): _read(item, args[1]) for key, item in value.items()}
    if issubclass(hint, JsonObject):
        return hint.from_json(value)
    if hint is str and isinstance(value, bool):
        return str(value).lower()  # as Spark writes a property
    return hint(value)


def _write(value: Any) -> Any:
    if isinstance(value, JsonObject):
        return value.to_json()
    if isinstance(value, dict):
        return dict(value)
    return [_write(item) for item in value] if isinstance(value, (list, tuple)) else value
