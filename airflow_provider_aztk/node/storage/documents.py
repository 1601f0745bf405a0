"""Read documents of the protocol from blobs and files; what cannot be used is bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Type, TypeVar

from airflow_provider_aztk.node.contract import Document, InvalidDocumentError
from airflow_provider_aztk.node.errors import BadInputError

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["read_blob", "read_file"]

Model = TypeVar("Model", bound=Document)


def read_blob(blobs: Blobs, name: str, model: Type[Model]) -> Optional[Model]:
    """Return the document in a blob; None where the blob is missing or empty.

    :raises BadInputError: it does not match the protocol
    """
    data = blobs.get(name)
    return _read(data, name, model) if data else None


def read_file(path: str, model: Type[Model]) -> Model:
    """Return the document in a file that Batch put into the working directory.

    :raises BadInputError: there is no such file, or it does not match the protocol
    """
    try:
        with open(path, "rb") as file:
            return _read(file.read(), path, model)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from None


def _read(data: bytes, name: str, model: Type[Model]) -> Model:
    try:
        return model.from_bytes(data, name)
    except InvalidDocumentError as error:
        raise BadInputError(str(error)) from None
