"""The shape that the rest of this project uses, in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m

from tests.local.support import auto_pool, delete_quietly, eventually, finished, read_file

if TYPE_CHECKING:
    from azure.batch import BatchClient

CONTAINER = m.BatchTaskContainerSettings(
    image_name="docker.io/apache/spark:4.1.1-python3", container_run_options="--network host"
)
CARRY_ON = m.ExitOptions(job_action="none", dependency_action="satisfy")
HARMLESS = m.ExitConditions(default=CARRY_ON, pre_processing_error=CARRY_ON, file_upload_error=CARRY_ON)


@pytest.mark.wire("documented")
def test_a_cluster_shaped_job_comes_runs_and_goes(batch: BatchClient, name: str) -> None:
    batch.create_job(
        m.BatchJobCreateOptions(
            id=name,
            uses_task_dependencies=True,
            task_failure_mode="performexitoptionsjobaction",
            metadata=[m.BatchMetadataItem(name="aztk_mode", value="job")],
            pool_info=auto_pool(containers=True, target_dedicated_nodes=2, task_slots_per_node=8),
            job_manager_task=m.BatchJobManagerTask(
                id="master",
                command_line="/bin/sh -c 'echo $SPARK_LOCAL_IP; exec sleep 600'",
                container_settings=CONTAINER,
                required_slots=5,
                run_exclusive=False,
                kill_job_on_completion=True,
            ),
        )
    )
    try:
        finish = m.ExitConditions(
            exit_codes=[m.ExitCodeMapping(code=0, exit_options=m.ExitOptions(job_action="terminate"))],
            default=CARRY_ON,
        )
        batch.create_tasks(
            name,
            [
                m.BatchTaskCreateOptions(
                    id="worker",
                    command_line="/bin/sh -c 'echo $SPARK_LOCAL_IP; exec sleep 600'",
                    container_settings=CONTAINER,
                    required_slots=5,
                    exit_conditions=HARMLESS,
                ),
                m.BatchTaskCreateOptions(
                    id="app",
                    command_line="python3 -c 'print(6 * 7); raise SystemExit(3)'",
                    container_settings=CONTAINER,
                    exit_conditions=HARMLESS,
                ),
                m.BatchTaskCreateOptions(
                    id="finish",
                    command_line="sleep 1",
                    container_settings=CONTAINER,
                    depends_on=m.BatchTaskDependencies(task_ids=["app"]),
                    exit_conditions=finish,
                ),
            ],
        )
        pool_id = batch.get_job(name).execution_info.pool_id
        assert pool_id.startswith("auto")
        app = finished(batch, name, "app")
        assert (app.execution_info.exit_code, app.execution_info.result) == (3, "failure")
        assert read_file(batch, name, "app") == "42\n"
        addresses = {eventually(lambda t=t: read_file(batch, name, t).strip()) for t in ("master", "worker")}
        assert len(addresses) == 2
        job = eventually(lambda: (job := batch.get_job(name)).state == "completed" and job)
        assert job.execution_info.as_dict()["terminateReason"] == "TaskFailed"
        eventually(lambda: pool_id not in [pool.id for pool in batch.list_pools()])
    finally:
        delete_quietly(batch.begin_delete_job, name)
