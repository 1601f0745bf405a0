"""Read resources of Azure Resource Manager (learn.microsoft.com/rest/api/resources)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.refusals import RESOURCE_MANAGER
from airflow_provider_aztk.client._azure.retries import Retries, retried
from airflow_provider_aztk.client._azure.transport import READ_TIMEOUT, WholeAnswerTransport

#: The version of ``Microsoft.Authorization/permissions``.
PERMISSIONS_VERSION = "2022-04-01"

Json = dict[str, Any]


class ArmGateway:
    """Azure Resource Manager of one cloud.

    :param url: its URL, e.g. ``https://management.azure.com``.
    :param scope: what tokens are for: the cloud's own Resource Manager, wherever it is reached.
    :param token: an azure-identity credential.
    :param clock: notes the service's time.
    :param retries: how often and how long to try again.
    :param limit: seconds that connecting, and an answer, may take.
    """

    def __init__(
        self,
        url: str,
        scope: str,
        token: Any,
        clock: ServiceClock | None = None,
        retries: Retries | None = None,
        *,
        limit: float = READ_TIMEOUT,
    ) -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy

        self._url = url.rstrip("/")
        self._retries = retries or Retries()
        policies = [BearerTokenCredentialPolicy(token, scope)]
        transport = WholeAnswerTransport(self._url, clock or ServiceClock(), limit)
        self._client: Any = PipelineClient(self._url, policies=policies, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, resource: str, version: str) -> Json:
        """Read one resource, or the first page of a list.

        :param resource: its id, or another path.
        :param version: the ``api-version``.
        :raises ServiceError: it does not exist, or the role that reads it is missing (``AuthorizationFailed``).
        """
        return self._send(f"{self._url}/{resource.strip('/')}", {"api-version": version}, resource)

    def list(self, path: str, version: str) -> list[Json]:
        """Read a list, all pages."""
        found = self.get(path, version)
        entries = list(found.get("value") or ())
        while link := found.get("nextLink"):
            if urlsplit(str(link)).hostname != urlsplit(self._url).hostname:  # the token is sent to nobody else
                break
            found = self._send(str(link), {}, path)
            entries += found.get("value") or ()
        return entries

    def _send(self, url: str, params: dict[str, str], resource: str) -> Json:
        from azure.core.exceptions import DecodeError
        from azure.core.rest import HttpRequest

        def send() -> Json:
            response = self._client.send_request(HttpRequest("GET", url, params=params))
            response.raise_for_status()
            found = response.json()
            if not isinstance(found, dict):
                raise DecodeError("the body is no object")
            return found

        return retried(RESOURCE_MANAGER, resource, self._retries, send)
