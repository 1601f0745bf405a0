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

_LOCAL_PAGES = "/ui"  # path of the local stack's web pages


class AztkLink(BaseOperatorLink):
    """A link whose address is pushed right after the submission, so that it works while the task runs."""

    key: ClassVar[str] = ""

    @property
    def xcom_key(self) -> str:
        """The key of the XCom that holds the address."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the pushed address or an empty text; Airflow calls it again after the task, and stores the result."""
        pushed: dict[str, str] = getattr(operator, "pushed_links", None) or {}
        if getattr(operator, "links_are_known", False):
            return pushed.get(self.key, "")  # Airflow logs an error for an XCom that does not exist
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
    """Return the address of the page that shows a Batch job: Azure portal, or local stack."""
    return _batch_url(secrets, "jobs", job_id)


def batch_pool_url(secrets: models.SecretsConfiguration, pool_id: str) -> str:
    """Return the address of the page that shows a Batch pool: Azure portal, or local stack."""
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
    """Return the address of the local stack, or an empty text for an account on Azure."""
    # Imported here because it loads the client's models, which DAG parsing must not.
    from airflow_provider_aztk.client import is_loopback_url

    endpoint = (account.batch_service_url or "").rstrip("/")
    return endpoint if is_loopback_url(endpoint) else ""


def log_url(secrets: models.SecretsConfiguration, container: str | None, application_name: str) -> str:
    """Return the address of a driver's log, empty without a container; the address itself grants no access."""
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
