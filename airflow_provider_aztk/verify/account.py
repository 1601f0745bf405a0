"""The two accounts, as a run uses them: through the product's client, and by single requests where it has no call.

The single requests go through the client's own gateways, so with its sign-in, its retries and its checks.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client import Client, errors
from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client._azure.batch import BatchRequest
from airflow_provider_aztk.client._azure.sas import SasUrl
from airflow_provider_aztk.client._runners import Runner
from airflow_provider_aztk.verify.exchanges import Exchanges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from airflow_provider_aztk.client._requests import Action, Request
    from airflow_provider_aztk.client.models import SecretsConfiguration

__all__ = ["Account", "Reply"]

Json = dict[str, Any]
R = TypeVar("R")


@dataclass(frozen=True)
class Reply:
    """What Azure Batch answered to a single request.

    :param status: the HTTP status.
    :param body: the body's JSON object; empty where there is none.
    """

    status: int
    body: Json = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """The error's code; None for a success."""
        return str(self.body.get("code")) if self.status >= 400 else None

    def detail(self) -> Json:
        """Return what an error says, for the report."""
        message = self.body.get("message")
        text = message.get("value") if isinstance(message, dict) else message
        values = {str(entry.get("key")): str(entry.get("value")) for entry in self.body.get("values") or ()}
        return {"message": text, "values": values} if self.status >= 400 else {}

    def outcome(self) -> Json:
        """Return status and code, as they are compared."""
        return {"status": self.status} if self.code is None else {"status": self.status, "code": self.code}


class Account:
    """Both accounts.

    :param secrets: the credentials.
    :param exchanges: notes all requests and answers.
    """

    def __init__(self, secrets: SecretsConfiguration, exchanges: Exchanges) -> None:
        self.secrets = secrets
        self.exchanges = exchanges
        self._runner = Runner(secrets, observer=exchanges.note)
        self.client = Client(secrets, runner=self._runner)

    @classmethod
    def of(cls, secrets: SecretsConfiguration) -> Account:
        """Connect to the accounts of the credentials."""
        return cls(secrets, Exchanges())

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def run(self, action: Action[R] | Request[R]) -> R:
        """Perform a request or an action of the client's."""
        return self._runner.run(action)

    def send(self, method: str, path: str, body: Json | None = None, params: Mapping[str, str] | None = None) -> Reply:
        """Send a request to Azure Batch, and return its answer, be it an error.

        :raises AztkError: there was no answer, also after all retries.
        """
        request = BatchRequest(method, path, batch.nothing, body, params or {})
        with contextlib.suppress(errors.ServiceError, errors.AuthenticationError):
            self.run(request)
        last = self.exchanges.last()
        if last is None or last.status is None:
            raise errors.ConnectionFailedError(f"no answer to {method} {path}")
        return Reply(last.status, _object(last.answer))

    def get(self, path: str) -> Json | None:
        """Read a thing of Azure Batch; None where it does not exist."""
        try:
            return self.run(BatchRequest("GET", path, batch.json_object))
        except errors.ServiceError as error:
            if error.status != 404:
                raise
            return None

    def list(self, path: str, **params: str) -> list[Json]:
        """Read all pages of a list of Azure Batch."""
        found, link = self.run(BatchRequest("GET", path, batch.page, params=params))
        while link:
            more, link = self.run(BatchRequest("GET", link, batch.page, params=None))
            found = [*found, *more]
        return found

    def task_file(self, job_id: str, task_id: str, name: str) -> str:
        """Read a file of a task from its node; empty where there is none."""
        path = f"/jobs/{job_id}/tasks/{task_id}/files/{name}"
        try:
            return self.run(BatchRequest("GET", path, _text))
        except errors.ServiceError as error:
            if error.status not in (404, 409):
                raise
            return ""

    def sign(self, container: str, lifetime: timedelta) -> str:
        """Return the signed URL of a container."""
        return self.run(SasUrl(container, lifetime))


def _text(response: Any) -> str:
    return str(response.text())


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
