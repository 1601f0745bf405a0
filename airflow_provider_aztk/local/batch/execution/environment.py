"""The environment of a task's process, built in one place and grouped by who defines each variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings
    from airflow_provider_aztk.local.batch.store.records import NodeRecord
    from airflow_provider_aztk.local.batch.store.specs import CommandSpec, Environment

__all__ = ["BRIDGE_ADDRESS", "NodeEnvironment", "TaskPlace", "build_environment"]

#: Address of the first container in docker's own network.
BRIDGE_ADDRESS = "172.17.0.2"
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class TaskPlace(NamedTuple):
    """Whose process it is and where it runs."""

    node: NodeRecord
    directory: Path
    job_id: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class NodeEnvironment:
    """What a node brings into the environment of tasks, instead of the usual.

    :param remove: names of variables that it does not bring.
    :param values: variables that it brings in addition.
    :param address: the address that container tasks take for the node's.
    """

    remove: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None


def build_environment(
    settings: EmulatorSettings,
    place: TaskPlace,
    spec: CommandSpec,
    common: Environment = (),
    changes: Sequence[NodeEnvironment] = (),
) -> dict[str, str]:
    """Build the whole environment of a process; nothing else is inherited.

    :param spec: the task or start task.
    :param common: what the job gives to all of its tasks.
    :param changes: what was ordered for the node, the latest last.
    """
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env["PATH"] = os.environ.get("PATH", _DEFAULT_PATH)
    env["HOME"] = str(place.directory / "wd")
    in_container = spec.container_image is not None
    in_docker_network = settings.strict_azure and in_container and not spec.has_host_network
    address = BRIDGE_ADDRESS if in_docker_network else place.node.address
    for change in changes:
        address = change.address if change.address and in_container else address
    env.update(settings.image_environment(address=address, path=env["PATH"], in_container=in_container))
    for change in changes:
        env = {**{name: env[name] for name in env if name not in change.remove}, **change.values}
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
