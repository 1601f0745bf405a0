"""An image whose Python is too old reports that, whatever that Python is."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import _batch_responses
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.bundle import build_bundle

if TYPE_CHECKING:
    from tests.node.harness import FakeBatch

OLD = ("2.7", "3.5", "3.6", "3.7")


def start_source() -> str:
    with zipfile.ZipFile(io.BytesIO(build_bundle())) as archive:
        return archive.read("__main__.py").decode()


def old_pythons() -> list[str]:
    """Name the old Pythons of this machine; a parse check stands for those that it has not."""
    versions = Path.home() / ".pyenv" / "versions"
    return [str(path) for version in OLD for path in sorted(versions.glob(f"{version}.*/bin/python{version}"))]


def test_the_start_is_written_in_what_all_pythons_read() -> None:
    source = start_source()
    source.encode("ascii")  # Python 2 refuses anything else without a declaration
    tree = ast.parse(source, feature_version=(3, 4))
    newer = (
        ast.JoinedStr,
        ast.AnnAssign,
        ast.AsyncFunctionDef,
        ast.NamedExpr,
        ast.Starred,
        ast.YieldFrom,
        ast.Nonlocal,
    )
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.FunctionDef) and (node.returns or node.args.kwonlyargs))
        assert not (isinstance(node, ast.Raise) and node.cause)
        assert not (isinstance(node, ast.Name) and node.id in ("print", "FileNotFoundError", "nonlocal"))
    check = next(index for index, node in enumerate(tree.body) if isinstance(node, ast.If))
    late = [node for node in tree.body[:check] if isinstance(node, ast.ImportFrom)]
    assert not late, "nothing of ours is imported before the version is known"


def test_the_start_refuses_by_the_version_alone() -> None:
    source = start_source().replace("sys.version_info < OLDEST", "True")
    source = source.replace("sys.version_info[:3]", "(3, 6, 9)")
    answer = subprocess.run(["python3", "-c", source, "driver"], capture_output=True, text=True, check=False)
    assert answer.returncode == contract.EXIT_BAD_INPUT
    assert re.fullmatch(
        r"aztk: this image's python3 is 3\.6\.9 \(.+\); Python 3\.8 or later is needed: use another docker_repo\n",
        answer.stderr,
    )


@pytest.mark.parametrize("command", ["master", "worker", "gate", "driver", "finish"])
def test_an_old_python_reports_its_version_and_the_fix(tmp_path: Path, command: str) -> None:
    bundle = tmp_path / contract.BUNDLE_NAME
    build_bundle(bundle)
    for python in old_pythons():
        answer = subprocess.run([python, str(bundle), command], cwd=tmp_path, capture_output=True, check=False)
        said = answer.stderr.decode()
        assert answer.returncode == contract.EXIT_BAD_INPUT, said
        version = re.findall(r"python(\d\.\d)$", python)[0]
        assert f"this image's python3 is {version}." in said
        assert "Python 3.8 or later is needed: use another docker_repo" in said
        assert "Traceback" not in said
        assert "SyntaxError" not in said


@pytest.mark.slow
def test_a_master_on_an_old_python_writes_the_reason_into_the_container(cluster: FakeBatch, tmp_path: Path) -> None:
    wrapper = tmp_path / "old" / "python3"
    wrapper.parent.mkdir()
    for python in [*old_pythons(), ""]:
        cluster.put(contract.ClusterBlobs.MASTER_LOG, b"")
        wrapper.unlink(missing_ok=True)
        if python:
            wrapper.symlink_to(python)
            source = None
        else:  # this machine's own Python, taken for an old one
            source = start_source().replace("sys.version_info < OLDEST", "True").replace("3, 8", "9, 9")
        _run_master(cluster, str(wrapper) if python else "python3", source)
        said = cluster.get(contract.ClusterBlobs.MASTER_LOG)
        assert said is not None
        assert said.startswith(b"aztk: this image's python3 is "), python
        task = {
            "id": contract.MASTER_TASK_ID,
            "state": "completed",
            "executionInfo": {"exitCode": contract.EXIT_BAD_INPUT},
        }
        job = {"id": "c", "state": "completed", "executionInfo": {"terminateReason": codes.MASTER_ENDED}}
        failure = _batch_responses.cluster(job, None, [], None, task, said).failure
        assert "use another docker_repo" in str(failure)


def _run_master(cluster: FakeBatch, python: str, source: str | None) -> None:
    workdir = cluster.root / f"old-{len(list(cluster.root.glob('old-*')))}"
    (workdir / "node").mkdir(parents=True)
    (workdir / "node" / "access.json").write_bytes(cluster.get(contract.ClusterBlobs.ACCESS) or b"")
    bundle = workdir / "node" / contract.BUNDLE_NAME
    bundle.write_bytes(build_bundle())
    env = {"PATH": os.environ["PATH"], "AZ_BATCH_TASK_WORKING_DIR": str(workdir), "AZ_BATCH_TASK_ID": "aztk-master"}
    env["http_proxy"] = "http://127.0.0.1:1"  # for the world outside, never for this machine
    start = [str(bundle)] if source is None else ["-c", source]
    answer = subprocess.run([python, *start, "master"], cwd=workdir, env=env, capture_output=True, check=False)
    assert answer.returncode == contract.EXIT_BAD_INPUT
    assert b"cannot be written" not in answer.stderr, answer.stderr


def test_the_exit_code_alone_explains_what_an_image_needs() -> None:
    task = {"id": "a", "state": "completed", "executionInfo": {"exitCode": contract.EXIT_BAD_INPUT}}
    assert "Python 3.8 or later" in str(_batch_responses.application(task).failure)


@pytest.mark.parametrize(
    "info",
    [
        {"exitCode": 127, "failureInfo": {"category": "usererror", "code": "FailureExitCode", "message": "m"}},
        {"failureInfo": {"category": "usererror", "code": "CommandProgramNotFound", "message": "not found."}},
    ],
)
def test_an_image_without_python_is_reported(info: dict[str, object]) -> None:
    failure = _batch_responses.application({"id": "a", "state": "completed", "executionInfo": info}).failure
    assert "needs python3" in str(failure)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:10000", True),
        ("127.0.0.1:10000", True),
        ("127.1.2.3", True),
        ("[::1]", True),
        ("[::1]:10000", True),
        ("127.evil", False),
        ("127.0.0.1.evil:80", False),
        ("localhost.evil", False),
        ("account.blob.core.windows.net", False),
    ],
)
def test_the_start_reaches_only_this_machine_without_a_proxy(host: str, expected: bool) -> None:
    tree = ast.parse(start_source())
    tree.body = [item for item in tree.body if isinstance(item, (ast.Import, ast.FunctionDef))]
    names: dict[str, Any] = {}
    exec(compile(tree, "__main__.py", "exec"), names)
    assert names["is_loopback"](host) is expected
