"""The settings of one local stack, fixed at its start."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["EmulatorSettings", "new_key"]


def new_key() -> str:
    """Make a random account key of the usual length."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """What the emulated Batch account is called, where it keeps its nodes, what its nodes have.

    :param data_dir: everything on the nodes lies below it; taken away at the end if the stack made it.
    :param endpoint: ``http://127.0.0.1:PORT``; known once the port is bound.
    :param spark_home: given to container tasks as ``SPARK_HOME``.
    :param java_home: given to container tasks as ``JAVA_HOME``.
    :param max_body: bytes that a request's body may have.
    :param marks: environment variables by which everything the stack started can be found.
    """

    data_dir: Path
    account: str
    key: str = field(default_factory=new_key, repr=False)
    endpoint: str = ""
    spark_home: str | None = None
    java_home: str | None = None
    max_body: int = 1_048_576
    marks: dict[str, str] = field(default_factory=dict)
