"""The environment of a task's process, built in one place and grouped by who defines each variable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings
    from airflow_provider_aztk.local.batch.store.records import NodeRecord
    from airflow_provider_aztk.local.batch.store.specs import CommandSpec, Environment

__all__ = ["TaskPlace", "build_environment"]

_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class TaskPlace(NamedTuple):
    """Whose process it is and where it runs."""

    node: NodeRecord
    directory: Path
    job_id: str | None = None
    task_id: str | None = None


def build_environment(
    settings: EmulatorSettings, place: TaskPlace, spec: CommandSpec, common: Environment = ()
) -> dict[str, str]:
    """Build the whole environment of a process; nothing else is inherited.

    :param spec: the task or start task.
    :param common: what the job gives to all of its tasks.
    """
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env["PATH"] = os.environ.get("PATH", _DEFAULT_PATH)
    env["HOME"] = str(place.directory / "wd")
    in_container = spec.container_image is not None
    env.update(settings.image_environment(address=place.node.address, path=env["PATH"], in_container=in_container))
    env.update(_from_user(common))
    env.update(_from_user(spec.environment))
    env.update(_from_service(settings, place))  # last: nobody may redefine what Batch defines
    return env


def _from_user(settings: Environment) -> Mapping[str, str]:
    return {name: value or "" for name, value in settings}


def _from_service(settings: EmulatorSettings, place: TaskPlace) -> Mapping[str, str]:
    node = place.node
    found = {
        "AZ_BATCH_ACCOUNT_NAME": settings.account,
        "AZ_BATCH_ACCOUNT_URL": settings.endpoint + "/",
        "AZ_BATCH_POOL_ID": node.pool_id,
        "AZ_BATCH_NODE_ID": node.id,
        "AZ_BATCH_NODE_IS_DEDICATED": "true" if node.dedicated else "false",
        "AZ_BATCH_NODE_ROOT_DIR": str(node.root),
        "AZ_BATCH_NODE_SHARED_DIR": str(node.root / "shared"),
        "AZ_BATCH_NODE_STARTUP_DIR": str(node.root / "startup"),
        "AZ_BATCH_NODE_MOUNTS_DIR": str(node.root / "fsmounts"),
        "AZ_BATCH_TASK_DIR": str(place.directory),
        "AZ_BATCH_TASK_WORKING_DIR": str(place.directory / "wd"),
    }
    if place.job_id is not None and place.task_id is not None:
        found["AZ_BATCH_JOB_ID"] = place.job_id
        found["AZ_BATCH_TASK_ID"] = place.task_id
    return found
