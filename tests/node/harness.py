"""Play Azure Batch for these tests: a container with a SAS, working directories in which the zipapp runs."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.bundle import build_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LAST_OCTETS = itertools.count(os.getpid() % 200 * 100 + 2)


# JVMs that live for a minute: start soon, take little.
LIGHT_JVM = {
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "SPARK_LAUNCHER_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
LIGHT_EXECUTORS = {
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def new_address() -> str:
    """Return a loopback address that no other test uses."""
    number = next(_LAST_OCTETS)
    return f"127.{40 + number // 60000}.{number // 250 % 250}.{number % 250 + 2}"


def interpreters() -> list[str]:
    """Return the oldest Python that this machine has, and our own."""
    found = shutil.which("python3.8")
    managed = sorted((Path.home() / ".pyenv" / "versions").glob("3.8.*/bin/python3.8"))
    oldest = found or (str(managed[0]) if managed else None)
    works = oldest and subprocess.run([oldest, "-c", ""], capture_output=True, check=False).returncode == 0
    return [sys.executable, *([oldest] if works and oldest else [])]


@dataclass
class Account:
    """A storage account of Azurite."""

    endpoint: str
    name: str
    key: str = field(repr=False)

    def service(self) -> BlobServiceClient:
        """Open a client with the account's key; the nodes never have it."""
        return BlobServiceClient(self.endpoint, credential={"account_name": self.name, "account_key": self.key})


def container_url(account: Account, name: str) -> str:
    """Make a container, and give its URL with a SAS like that of a node."""
    container = account.service().get_container_client(name)
    container.create_container()
    sas = generate_container_sas(
        account_name=account.name,
        container_name=name,
        account_key=account.key,
        permission=ContainerSasPermissions(read=True, write=True, create=True, add=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=2),
    )
    return f"{container.url}?{sas}"


class Task:
    """A running command of the node code."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, host: str) -> None:
        self.process = process
        self.directory = directory
        self.host = host

    @property
    def output(self) -> str:
        """Return what it said so far, stdout and stderr."""
        return (self.directory / "stdout.txt").read_text() + (self.directory / "stderr.txt").read_text()

    @property
    def stdout(self) -> bytes:
        """Return its stdout."""
        return (self.directory / "stdout.txt").read_bytes()

    def wait(self, seconds: float = 120) -> int:
        """Wait for its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.directory.name} still runs:\n{self.output}") from None

    def kill(self) -> None:
        """Kill the wrapper alone, as a node that dies would; its children have to follow by themselves."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """Ask it to end."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(60)


class FakeBatch:
    """One cluster: its container, and its tasks on nodes with addresses of their own."""

    def __init__(self, account: Account, root: Path, spark_home: Path, name: str) -> None:
        self.root = root
        self.spark_home = spark_home
        self.tasks: list[Task] = []
        self.python = sys.executable
        self.url = container_url(account, name)
        self.container = account.service().get_container_client(name)
        self.put(contract.ClusterBlobs.BUNDLE, build_bundle())
        self.put_json(contract.ClusterBlobs.ACCESS, {"container_url": self.url})
        self.secret = hashlib.sha256(os.urandom(32)).hexdigest()
        self.put(contract.ClusterBlobs.SPARK_SECRET, self.secret.encode())

    def put(self, name: str, data: bytes) -> None:
        """Write a blob."""
        self.container.upload_blob(name, data, overwrite=True)

    def put_json(self, name: str, value: dict[str, Any]) -> None:
        """Write a document of the protocol."""
        self.put(name, json.dumps({"version": 1, **value}).encode())

    def get(self, name: str) -> bytes | None:
        """Read a blob."""
        try:
            return bytes(self.container.download_blob(name).readall())
        except ResourceNotFoundError:
            return None

    def get_json(self, name: str) -> dict[str, Any] | None:
        """Read a document; None if it is missing or empty."""
        data = self.get(name)
        return dict(json.loads(data)) if data else None

    def log(self, name: str) -> bytes:
        """Read an application's whole log."""
        segments = sorted(blob.name for blob in self.container.list_blobs(f"apps/{name}/log/"))
        return b"".join(self.get(segment) or b"" for segment in segments)

    def define(self, **changes: Any) -> None:
        """Write cluster.json."""
        cluster = {
            "mode": "cluster",
            "nodes": 1,
            "worker_on_master": True,
            "default_cores": None,
            "idle_timeout_seconds": None,
            "gate_timeout_seconds": 60,
            "reserves": {"system_memory_mb": 512, "master_memory_mb": 512, "driver_memory_mb": 512, "cores": 0},
            "scripts": [],
            "jars": [],
        }
        self.put_json(contract.ClusterBlobs.DEFINITION, {**cluster, **changes})

    def forget_applications(self) -> None:
        """Take away all that belongs to applications, and what tests may have done to the access."""
        for prefix in ("apps/", "secrets/apps/", contract.ClusterBlobs.LEASES_PREFIX):
            for blob in self.container.list_blobs(prefix):
                self.container.delete_blob(blob.name)
        self.put_json(contract.ClusterBlobs.ACCESS, {"container_url": self.url})

    def upload(self, path: Path) -> dict[str, str]:
        """Upload a file by its content, and give its FILE."""
        data = path.read_bytes()
        blob = contract.ClusterBlobs.file(hashlib.sha256(data).hexdigest(), path.name)
        self.put(blob, data)
        return {"blob": blob, "name": path.name}

    def submit(self, name: str, program: Path, **changes: Any) -> None:
        """Write an application's definition."""
        definition = {"name": name, "application": self.upload(program), "args": [], "env": {}}
        conf = {**LIGHT_EXECUTORS, **changes.pop("conf", {})}
        self.put_json(contract.ApplicationBlobs(name).definition, {**definition, **changes, "conf": conf})

    def start(self, command: str, task_id: str, host: str | None = None, env: dict[str, str] | None = None) -> Task:
        """Start a task on a node of its own, or on the given one."""
        host = host or new_address()
        directory = self.root / f"{task_id}-{len(self.tasks)}"
        workdir = directory / "wd"
        workdir.mkdir(parents=True)
        prefixes = [contract.ClusterBlobs.NODE_PREFIX] + (
            [contract.ApplicationBlobs(task_id).task_prefix] if command == "driver" else []
        )
        for prefix in prefixes:
            for blob in self.container.list_blobs(prefix):
                target = workdir / blob.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.get(blob.name) or b"")
        environment = {
            "PATH": f"{Path(self.python).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "SPARK_HOME": str(self.spark_home),
            "SPARK_LOCAL_IP": host,
            "AZ_BATCH_TASK_ID": task_id,
            "AZ_BATCH_NODE_ID": f"node-{host}",
            "AZ_BATCH_TASK_WORKING_DIR": str(workdir),
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
            **LIGHT_JVM,
            **(env or {}),
        }
        with (directory / "stdout.txt").open("wb") as out, (directory / "stderr.txt").open("wb") as err:
            process = subprocess.Popen(
                [self.python, *contract.command_line(command).split()[1:]],
                cwd=workdir,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        task = Task(process, directory, host)
        self.tasks.append(task)
        return task

    def wait_for(self, what: Callable[[], Any], seconds: float = 60, say: str = "it") -> Any:
        """Wait until something is true; show what the tasks said if it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = what()
            if value:
                return value
            time.sleep(0.1)
        said = "\n".join(f"--- {task.directory.name}\n{task.output[-4000:]}" for task in self.tasks)
        raise AssertionError(f"{say} did not come within {seconds} s:\n{said}")

    def wait_for_master(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until the cluster is ready."""
        return dict(self.wait_for(lambda: self.get_json(contract.ClusterBlobs.MASTER), seconds, "the master"))

    def close(self) -> None:
        """End all tasks and remove the container."""
        for task in self.tasks:
            if task.process.poll() is None:
                task.process.terminate()
        for task in self.tasks:
            try:
                task.process.wait(20)
            except subprocess.TimeoutExpired:
                task.kill()
        with contextlib.suppress(ResourceNotFoundError):
            self.container.delete_container()


@contextlib.contextmanager
def running_cluster(account: Account, root: Path, spark_home: Path) -> Iterator[FakeBatch]:
    """Make a cluster, and end all that runs in it."""
    cluster = FakeBatch(account, root, spark_home, f"aztk-node-{uuid.uuid4().hex[:12]}")
    try:
        cluster.define()
        yield cluster
    finally:
        cluster.close()


def probe_wheel(directory: Path) -> Path:
    """Make a package that can be installed without a network."""
    wheel = directory / "aztk_probe-1.0-py3-none-any.whl"
    info = "aztk_probe-1.0.dist-info/"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("aztk_probe.py", "WORD = 'installed'")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: aztk-probe\nVersion: 1.0\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")
    return wheel


SIGNATURE = "s3cr3t"


class Site:
    """A web server that gives the ordered answers, one for each request, and then correct ones."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[str] = []
        self.body = b"print('fetched')\n"
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                answer = site.answers.pop(0) if site.answers else 200
                if answer == "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "100")
                    self.end_headers()
                    self.wfile.write(b"half")
                    return
                self.send_response(answer)
                body = site.body if answer == 200 else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/c/app.py?sv=1&sig={SIGNATURE}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()
