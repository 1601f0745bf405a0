"""Spark's settings for a whole cluster, and the scripts that run before Spark starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from airflow_provider_aztk.client._text_files import entry_script
from airflow_provider_aztk.client.models import _sparkfiles
from airflow_provider_aztk.client.models._base import ConfigModel
from airflow_provider_aztk.client.models._files import check_files, local_path
from airflow_provider_aztk.client.models._readers import is_folder
from airflow_provider_aztk.client.models._types import REQUIRED, FilePath, OneOf, Text, Texts, existing_file, listed
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

__all__ = ["CustomScript", "CustomScripts", "SparkConfiguration"]

NO_ENTRY_SCRIPT = (
    "the folder has no script: put one into it that begins with #! or is named *.sh; the first by name runs"
)


def _script(path: str) -> str:
    """Check that a script, or a folder with one, is there."""
    if not path:
        raise ValueError("give the path of a script")
    local = local_path(path)
    if not is_folder(local):
        existing_file(local)
        return path
    try:
        entry = entry_script(Path(local).expanduser())
    except OSError as error:
        reason = error.strerror
    else:
        if entry is None:
            raise ValueError(NO_ENTRY_SCRIPT)
        return path
    raise ValueError(f"it cannot be read ({reason})")


def _name(name: str) -> str:
    if not name:
        raise ValueError("give a name, or leave it out")
    return name


@dataclass(frozen=True)
class CustomScript(ConfigModel):
    """A script that runs in the Spark container before Spark starts.

    :param name: a unique name; default the file's name.
    :param script: path of the script, or of a folder, of which the first script by name runs, in the folder.
    :param run_on: ``all-nodes``, ``master`` (drivers too) or ``worker``.
    """

    name: Annotated[Text, AfterValidator(_name)] | None = None
    script: Annotated[Text, AfterValidator(_script)] = REQUIRED
    run_on: Annotated[Text, OneOf(contract.RUN_ON_ALL, contract.RUN_ON_MASTER, contract.RUN_ON_WORKER)] = (
        contract.RUN_ON_ALL
    )


@dataclass(frozen=True)
class SparkConfiguration(ConfigModel):
    """Spark's settings for a whole cluster.

    :param spark_defaults_conf: path of a ``spark-defaults.conf``.
    :param spark_env_sh: path of a ``spark-env.sh``.
    :param core_site_xml: path of a ``core-site.xml``.
    :param jars: paths of jars that every driver and executor gets.
    """

    spark_defaults_conf: FilePath | None = None
    spark_env_sh: FilePath | None = None
    core_site_xml: FilePath | None = None
    jars: Texts = ()

    def _check(self, faults: Faults) -> None:
        _sparkfiles.check_env(faults, "spark_env_sh", self.spark_env_sh)
        _sparkfiles.check_defaults(faults, "spark_defaults_conf", self.spark_defaults_conf)
        check_files(faults, "jars", self.jars)


CustomScripts = Annotated[Sequence[CustomScript], listed("give a list"), AfterValidator(tuple)]
