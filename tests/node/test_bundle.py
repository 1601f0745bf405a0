"""The zipapp: the same bytes each time, nothing but the standard library, Python 3.8 or later."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import airflow_provider_aztk.node as node
from airflow_provider_aztk.local.stack import fake_spark
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.bundle import build_bundle
from tests.node.harness import interpreters

PACKAGE = Path(node.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
OLDEST = (3, 8)


def test_the_bundle_is_the_same_each_time_and_anywhere(tmp_path: Path) -> None:
    here = build_bundle()
    build_bundle(tmp_path / "there.pyz")
    assert (tmp_path / "there.pyz").read_bytes() == here
    code = "import sys; from airflow_provider_aztk.node.bundle import build_bundle as b; sys.stdout.buffer.write(b())"
    env = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
    other = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, check=True)
    assert other.stdout == here


def test_the_bundle_holds_the_node_code_and_nothing_else() -> None:
    with zipfile.ZipFile(io.BytesIO(build_bundle())) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert "__main__.py" in names
    assert all(name.startswith("airflow_provider_aztk/node/") for name in names[2:])


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_node_code_is_standard_library_only(source: Path) -> None:
    own = ("airflow_provider_aztk.node", "airflow_provider_aztk")
    for item in ast.walk(ast.parse(source.read_text())):
        names: list[str] = []
        if isinstance(item, ast.Import):
            names = [alias.name for alias in item.names]
        elif isinstance(item, ast.ImportFrom):
            assert item.level == 0, f"{source.name} imports relatively"
            names = [item.module or ""]
        for name in names:
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or name.startswith(own[0]) or name in own, f"{source.name}: {name}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_node_code_is_python_3_8(source: Path) -> None:
    compile(ast.parse(source.read_text(), feature_version=OLDEST), source.name, "exec")


def test_vermin_finds_nothing_newer_than_3_8() -> None:
    shipped = [str(source) for source in SOURCES if source.name != "bundle.py"]
    command = [
        sys.executable,
        "-c",
        "from vermin.main import main; main()",
        "--quiet",
        "--no-tips",
        "--violations",
        "-t=3.8-",
        *shipped,
    ]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).name)
def test_every_command_answers_help_on_a_bare_interpreter(python: str, tmp_path: Path) -> None:
    bundle = tmp_path / contract.BUNDLE_NAME
    build_bundle(bundle)
    for arguments in ([], ["master"], ["worker"], ["gate"], ["driver"], ["finish"]):
        command = [python, "-I", "-S", str(bundle), *arguments, "--help"]
        answer = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
        assert "usage:" in answer.stdout
        assert not answer.stderr
    assert subprocess.run([python, str(bundle), "finish"], env={}, check=False).returncode == 0


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).name)
def test_every_module_can_be_imported_on_a_bare_interpreter(python: str, tmp_path: Path) -> None:
    bundle = tmp_path / contract.BUNDLE_NAME
    build_bundle(bundle)
    found = [source.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".") for source in SOURCES]
    modules = [name for name in found if name not in ("bundle", "__init__", "__main__")]
    code = f"import sys, importlib; sys.path.insert(0, {str(bundle)!r})\n"
    code += f"for name in {modules!r}: importlib.import_module('airflow_provider_aztk.node.' + name)"
    subprocess.run([python, "-I", "-S", "-W", "error", "-c", code], env={}, check=True)


def test_a_task_without_its_documents_ends_with_bad_input(tmp_path: Path) -> None:
    bundle = tmp_path / contract.BUNDLE_NAME
    build_bundle(bundle)
    env = {"AZ_BATCH_TASK_ID": "x", "AZ_BATCH_TASK_WORKING_DIR": str(tmp_path)}
    for given in ({}, env):
        command = [sys.executable, str(bundle), "driver"]
        answer = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == contract.EXIT_BAD_INPUT
        assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_the_stand_in_is_checked_as_strictly_as_the_package() -> None:
    library = fake_spark.HOME / "lib"
    sources = [source.name for source in sorted(library.glob("*.py"))]
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, *sources]
    judged = subprocess.run(command, cwd=library, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout
