"""Ask how long a user delegation key may live.

See learn.microsoft.com/rest/api/storageservices/get-user-delegation-key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure.storage import Calls, Service, StorageRequest

if TYPE_CHECKING:
    from airflow_provider_aztk.client.errors import ServiceError


@dataclass(frozen=True)
class DelegationKeyStatus(StorageRequest[tuple[int, "str | None"]]):
    """Ask for a key, and return the answer's status, and the code of an error; the key is thrown away."""

    lifetime: timedelta

    def calls(self, service: Service) -> Calls[tuple[int, str | None]]:
        now = service.clock.now()
        yield service.client.get_user_delegation_key(now, now + self.lifetime)
        return 200, None

    def failed(self, error: ServiceError) -> tuple[int, str | None]:
        return error.status or 0, error.code
