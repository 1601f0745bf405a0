"""A Spark cluster to create."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_aztk.client.models._cluster_rules import check_limits
from airflow_provider_aztk.client.models._cluster_shape import ClusterShape, Count, Image, VmSize
from airflow_provider_aztk.client.models._sizes import DEFAULT_DOCKER_REPO, DEFAULT_VM_SIZE
from airflow_provider_aztk.client.models._types import REQUIRED, Duration, Id
from airflow_provider_aztk.client.models.spark_configuration import CustomScripts, SparkConfiguration

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

__all__ = ["ClusterConfiguration"]


@dataclass(frozen=True)
class ClusterConfiguration(ClusterShape):
    """A Spark cluster to create on Azure Batch.

    Further fields are those of :class:`ClusterShape`.

    :param cluster_id: unique in the account, whatever its case; letters, digits, ``-`` and ``_``, at most 64.
    :param vm_count: dedicated nodes. With ``vm_low_pri_count`` together only in a subnet.
    :param vm_low_pri_count: low-priority (Spot) nodes.
    :param vm_size: size of all nodes (learn.microsoft.com/azure/virtual-machines/sizes).
    :param custom_scripts: scripts to run in the containers before Spark starts.
    :param docker_repo: image to run.
    :param spark_configuration: Spark's settings for the whole cluster.
    :param idle_timeout: the cluster ends itself when neither application nor driver lived for this long.
    """

    _counts: ClassVar[tuple[str, str]] = ("vm_count", "vm_low_pri_count")

    custom_scripts: CustomScripts = ()
    cluster_id: Id = REQUIRED
    vm_count: Count | None = None
    vm_size: VmSize = DEFAULT_VM_SIZE
    vm_low_pri_count: Count | None = None
    docker_repo: Image = DEFAULT_DOCKER_REPO
    spark_configuration: SparkConfiguration | None = None
    _: KW_ONLY
    idle_timeout: Duration | None = None

    def _check(self, faults: Faults) -> None:
        super()._check(faults)
        faults.check_unique("custom_scripts", (script.name for script in self.custom_scripts if script.name), "script")
        check_limits(faults, self)

    @property
    def nodes(self) -> int:
        """How many nodes are wanted in all."""
        return (self.vm_count or 0) + (self.vm_low_pri_count or 0)
