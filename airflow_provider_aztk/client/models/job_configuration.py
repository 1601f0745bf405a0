"""Applications to run on a cluster of their own."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator

from airflow_provider_aztk.client.models._cluster_rules import check_fit, check_jars
from airflow_provider_aztk.client.models._cluster_shape import ClusterShape, Count, Image, VmSize
from airflow_provider_aztk.client.models._sizes import DEFAULT_DOCKER_REPO, DEFAULT_VM_SIZE
from airflow_provider_aztk.client.models._types import Duration, Id
from airflow_provider_aztk.client.models.application_configuration import Applications
from airflow_provider_aztk.client.models.cluster_configuration import ClusterConfiguration
from airflow_provider_aztk.client.models.spark_configuration import CustomScripts, SparkConfiguration

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

__all__ = ["JobConfiguration"]

#: After this long without a Spark application or a driver, a job ends itself.
DEFAULT_JOB_IDLE_TIMEOUT = timedelta(minutes=15)


def _or_default_size(name: object) -> object:
    return DEFAULT_VM_SIZE if name in (None, "") else name


def _or_default_image(name: object) -> object:
    return DEFAULT_DOCKER_REPO if name in (None, "") else name


@dataclass(frozen=True)
class JobConfiguration(ClusterShape):
    """Applications with a cluster of their own, which is deleted when they are done.

    Further fields are those of :class:`ClusterShape`.

    :param id: unique in the account among jobs and clusters; letters, digits, ``-`` and ``_``, at most 64.
    :param applications: what to run; at least one.
    :param custom_scripts: scripts to run in the containers before Spark starts.
    :param spark_configuration: Spark's settings for the whole cluster.
    :param vm_size: size of all nodes (learn.microsoft.com/azure/virtual-machines/sizes).
    :param docker_repo: image to run.
    :param max_dedicated_nodes: dedicated nodes of the job's cluster.
    :param max_low_pri_nodes: low-priority (Spot) nodes of the job's cluster.
    :param idle_timeout: the job ends itself when neither application nor driver lived for this long, whatever should
        have ended it before. One that is not shorter than ``max_lifetime`` never counts.
    :param incomplete_timeout: the job ends itself when its submission was not finished this long after its master was
        ready.
    """

    _counts: ClassVar[tuple[str, str]] = ("max_dedicated_nodes", "max_low_pri_nodes")

    id: Id
    applications: Applications = ()
    custom_scripts: CustomScripts = ()
    spark_configuration: SparkConfiguration | None = None
    vm_size: Annotated[VmSize, BeforeValidator(_or_default_size)] = DEFAULT_VM_SIZE
    docker_repo: Annotated[Image, BeforeValidator(_or_default_image)] = DEFAULT_DOCKER_REPO
    max_dedicated_nodes: Count | None = None
    _: KW_ONLY
    max_low_pri_nodes: Count | None = None
    idle_timeout: Duration = DEFAULT_JOB_IDLE_TIMEOUT

    def _check(self, faults: Faults) -> None:
        if not self.applications:
            faults.add("applications", [], "give at least one application")
        faults.check_unique("applications", (app.name for app in self.applications), "application")
        super()._check(faults)
        faults.check_unique("custom_scripts", (script.name for script in self.custom_scripts if script.name), "script")
        check_fit(faults, self)
        check_jars(faults, self)

    def cluster(self) -> ClusterConfiguration:
        """Return the cluster that the job brings."""
        counts = self.max_lifetime is None or self.idle_timeout < self.max_lifetime
        return ClusterConfiguration(
            custom_scripts=self.custom_scripts,
            cluster_id=self.id,
            vm_count=self.max_dedicated_nodes,
            vm_size=self.vm_size,
            vm_low_pri_count=self.max_low_pri_nodes,
            docker_repo=self.docker_repo,
            spark_configuration=self.spark_configuration,
            idle_timeout=self.idle_timeout if counts else None,
            **{field.name: getattr(self, field.name) for field in fields(ClusterShape)},
        )
