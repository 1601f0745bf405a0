"""The settings of one emulated account, fixed at its start."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aztk.local.batch.common.recording import Recording
from airflow_provider_aztk.local.batch.common.tokens import TokenRules

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EmulatorSettings", "ImageEnvironment", "new_key"]


def new_key() -> str:
    """Make a random account key of the usual length."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


class ImageEnvironment(Protocol):
    """What the image of a node or container brings into the environment of a task's process."""

    def __call__(self, *, address: str, path: str, in_container: bool) -> Mapping[str, str]:
        """Return the variables.

        :param address: the node's.
        :param path: ``PATH`` without the image.
        :param in_container: whether the task runs in a container.
        """


def no_image_environment(*, address: str, path: str, in_container: bool) -> Mapping[str, str]:
    """Return no variables."""
    return {}


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """What the emulated Batch account is called, where it keeps its nodes, what its nodes have.

    :param data_dir: everything on the nodes lies below it.
    :param account: the account's name.
    :param endpoint: ``http://127.0.0.1:PORT``.
    :param image_environment: what images bring into the environment of tasks.
    :param max_body: bytes that a request's body may have.
    :param tokens: which access tokens of Entra ID are taken; None: none is.
    :param ca_file: certificates (PEM) that transfers of files trust beside the system's.
    :param marks: environment variables by which everything the emulator started can be found.
    :param strict_azure: refuse what Azure refuses, also where a user of the local stack may want to ignore it: a subnet
        with account keys, run options of containers that Batch does not take, limits.
    :param recording: what a real account has answered; it is like that one.
    """

    data_dir: Path
    account: str
    endpoint: str
    key: str = field(default_factory=new_key, repr=False)
    image_environment: ImageEnvironment = no_image_environment
    max_body: int = 1_048_576
    tokens: TokenRules | None = None
    ca_file: Path | None = None
    marks: dict[str, str] = field(default_factory=dict)
    strict_azure: bool = True
    recording: Recording = field(default_factory=Recording)
