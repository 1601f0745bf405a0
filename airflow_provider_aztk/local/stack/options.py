"""How a local stack is to be started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_aztk.local.batch.common.settings import new_key

__all__ = ["DEFAULT_ACCOUNT", "StackOptions"]

DEFAULT_ACCOUNT = "aztklocal"


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """How a stack is to be started.

    :param batch_port: 0 for any free port; so with *blob_port*.
    :param blob: whether Azurite is wanted.
    :param spark: whether container tasks get a Spark.
    :param spark_home: Spark's directory; found in the ``pyspark`` package if not given.
    :param fake_spark: give tasks the light stand-in instead of Spark.
    :param strict_azure: refuse what Azure refuses, also where it makes no difference on this machine.
    :param recording: the JSON of a report of ``airflow aztk verify``, whose account the stack behaves like.
    :param data_dir: where nodes and blobs lie; a temporary directory, deleted at the end, if not given.
    """

    batch_port: int = 0
    blob_port: int = 0
    blob: bool = True
    batch_account: str = DEFAULT_ACCOUNT
    batch_key: str = field(default_factory=new_key, repr=False)
    spark: bool = True
    spark_home: str | None = None
    fake_spark: bool = False
    strict_azure: bool = True
    data_dir: Path | None = None
    recording: Path | None = None
