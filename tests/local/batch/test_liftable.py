"""The emulator alone: ``local/batch`` runs where nothing else of the package is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential

from airflow_provider_aztk.local import batch as package
from tests.local.support import finished, pool_options, read_file

ROOT = "airflow_provider_aztk"
PROGRAM = """
import asyncio, json, socket, sys
from pathlib import Path

import airflow_provider_aztk
from airflow_provider_aztk.local.batch.api.server import ApiServer
from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings
from airflow_provider_aztk.local.batch.services.backend import Backend


async def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = EmulatorSettings(data_dir=Path(sys.argv[1]), account="alone", endpoint=endpoint)
    backend = Backend(settings)
    server = ApiServer(backend, listener)
    await server.start()
    loaded = {name.partition(".")[0] for name in sys.modules}
    foreign = loaded & {"airflow", "azure", "pyspark", "jinja2", "cryptography"}
    root = airflow_provider_aztk.__file__
    print(json.dumps({"endpoint": endpoint, "key": settings.key, "root": root, "foreign": sorted(foreign)}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.close()
    await backend.close()


asyncio.run(main())
"""


def copy_alone(target: Path) -> None:
    """Copy ``local/batch`` below empty packages of the same names."""
    local = target / ROOT / "local"
    shutil.copytree(Path(package.__file__).parent, local / "batch", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (local, local.parent):
        (folder / "__init__.py").touch()


@pytest.mark.slow
def test_the_emulator_runs_a_task_without_the_rest_of_the_package(tmp_path: Path) -> None:
    copy_alone(tmp_path / "lib")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "lib")}
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        found = json.loads(process.stdout.readline())
        assert Path(found["root"]).is_relative_to(tmp_path), "the installed package was imported"
        assert found["foreign"] == []
        with BatchClient(found["endpoint"], AzureNamedKeyCredential("alone", found["key"])) as batch:
            batch.create_pool(pool_options("p", target_dedicated_nodes=1))
            batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
            batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line="/bin/echo alone"))
            info = finished(batch, "j", "t").execution_info
            assert info is not None
            assert (info.exit_code, read_file(batch, "j", "t")) == (0, "alone\n")
        process.stdin.close()
        assert process.wait(30) == 0
