"""Links of AZTK tasks: Batch job and pool in the Azure portal, Spark's master page, the driver's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

    from airflow_provider_aztk.client import models

__all__ = [
    "AztkBatchJobLink",
    "AztkBatchPoolLink",
    "AztkDriverLogLink",
    "AztkLink",
    "AztkSparkUiLink",
    "batch_job_url",
    "batch_pool_url",
    "log_url",
]

_LOCAL_PAGES = "/ui"  # where the local stack has web pages; Azure has the portal


class AztkLink(BaseOperatorLink):
    """A link whose address is pushed right after the submission, so that it is there while the task runs."""

    key: ClassVar[str] = ""

    @property
    def xcom_key(self) -> str:
        """Name the XCom that holds the address."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Give the address that was pushed; Airflow asks again when the task ends, and keeps the answer."""
        pushed: dict[str, str] = getattr(operator, "pushed_links", None) or {}
        if getattr(operator, "links_are_known", False):
            return pushed.get(self.key, "")  # Airflow logs an error where an XCom is looked for that does not exist
        return str(pushed.get(self.key) or XCom.get_value(ti_key=ti_key, key=self.key) or "")


class AztkBatchJobLink(AztkLink):
    """The Batch job of a cluster or AZTK job."""

    key: ClassVar[str] = "aztk_batch_job_link"
    name = "Batch job"


class AztkBatchPoolLink(AztkLink):
    """The Batch pool of a cluster or AZTK job."""

    key: ClassVar[str] = "aztk_batch_pool_link"
    name = "Batch pool"


class AztkSparkUiLink(AztkLink):
    """The page of Spark's master, reachable from the cluster's network."""

    key: ClassVar[str] = "aztk_spark_ui_link"
    name = "Spark UI"


class AztkDriverLogLink(AztkLink):
    """The driver's log in the storage account."""

    key: ClassVar[str] = "aztk_driver_log_link"
    name = "Driver log"


def batch_job_url(secrets: models.SecretsConfiguration, job_id: str) -> str:
    """Say where a Batch job can be seen."""
    return _batch_url(secrets, "jobs", job_id)


def batch_pool_url(secrets: models.SecretsConfiguration, pool_id: str) -> str:
    """Say where a Batch pool can be seen."""
    return _batch_url(secrets, "pools", pool_id)


def _batch_url(secrets: models.SecretsConfiguration, kind: str, name: str) -> str:
    account: Any = secrets.shared_key or secrets.service_principal
    if endpoint := _local_endpoint(account):
        return f"{endpoint}{_LOCAL_PAGES}/{kind}/{quote(name)}"
    resource = getattr(account, "batch_account_resource_id", None)
    if resource:
        menu = {"jobs": "accountJobs", "pools": "accountPools"}[kind]
        return f"{_portal(account)}/#@/resource{resource}/{menu}"
    return f"{_portal(account)}/#browse/Microsoft.Batch%2FbatchAccounts"


def _local_endpoint(account: Any) -> str:
    """Return the address of the local stack, or nothing where the account is on Azure."""
    # It brings the client's models along, which parsing a DAG must not pay for.
    from airflow_provider_aztk.client import is_loopback_url

    endpoint = (account.batch_service_url or "").rstrip("/")
    return endpoint if is_loopback_url(endpoint) else ""


def log_url(secrets: models.SecretsConfiguration, container: str | None, application_name: str) -> str:
    """Say where a driver's log can be seen; the address itself gives no access."""
    if not container:
        return ""
    account: Any = secrets.shared_key or secrets.service_principal
    if endpoint := _local_endpoint(account):
        return f"{endpoint}{_LOCAL_PAGES}/logs/{quote(container)}/{quote(application_name)}"
    resource = getattr(account, "storage_account_resource_id", None)
    if resource:
        where = f"storageAccountId/{quote(resource, safe='')}/path/{quote(container, safe='')}"
        return f"{_portal(account)}/#view/Microsoft_Azure_Storage/ContainerMenuBlade/~/overview/{where}"
    return f"{account.blob_endpoint}/{container}/apps/{quote(application_name)}/log/000000"


def _portal(account: Any) -> str:
    return str(account.cloud.portal)
